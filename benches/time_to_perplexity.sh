#!/usr/bin/env bash
# How long until the validation perplexity of the Penn Treebank reaches 150, 140 and 130: our full softmax, our adaptive
# softmax and PyTorch, the same network at the same rate, one after the other, as CSV on standard output.
#
#   LMLAB_DATA=DIR benches/time_to_perplexity.sh > time_to_perplexity.csv
#
#   LMLAB_DATA   folder with ptb/ptb.train.txt and ptb/ptb.valid.txt
#   MODEL        rnn, gru or lstm                                            [lstm]
#   HIDDEN       hidden units, and the size of the word vectors              [200]
#   EPOCHS       passes over the text: half a cosine ends there              [4]
#   RATE         learning rate of Adam                                       [0.004]
#   DROPOUT      on the word vectors and on the output                       [0.2]
#   VALIDATIONS  an epoch                                                    [4]
#   ROUNDS       runs of each, interleaved, each with a seed of its own; the CSV has all   [1]
#   THREADS      threads of both                                             [2]
#   PYTHON       a Python with torch (PyPI); empty: our figures only         [python3]
#   HARNESS      the program to time                                         [built here: cargo build --release]
#
# Columns: program, seed, perplexity, seconds (wall clock from the first step on, validations included; empty: never
# reached), epoch at that validation. The same points of the whole curve follow as rows with the perplexity reached there.
set -euo pipefail
export LC_ALL=C
root=$(cd "$(dirname "$0")/.." && pwd)
: "${LMLAB_DATA:?name the folder of data sets}"
model=${MODEL:-lstm} hidden=${HIDDEN:-200} epochs=${EPOCHS:-4} rate=${RATE:-0.004} dropout=${DROPOUT:-0.2}
validations=${VALIDATIONS:-4} rounds=${ROUNDS:-1} threads=${THREADS:-2} python=${PYTHON-python3}
for file in train valid; do
    [ -f "$LMLAB_DATA/ptb/ptb.$file.txt" ] || { echo "$LMLAB_DATA/ptb/ptb.$file.txt: no such file" >&2; exit 66; }
done
if [ -n "$python" ] && ! "$python" -c 'import torch' 2> /dev/null; then
    echo "$python: no module torch; give PYTHON= one that has it, or nothing (PYTHON=) for our figures only" >&2
    exit 66
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -z "${HARNESS:-}" ]; then
    (cd "$root" && cargo build --quiet --release -p harness)
    HARNESS=$root/target/release/harness
fi

# rows PROGRAM SEED: from lines `seconds perplexity`, in order
rows() {
    awk -v program="$1" -v seed="$2" -v per="$validations" '
        { seconds[NR] = $1; perplexity[NR] = $2 }
        END {
            split("150 140 130", bounds)
            for (b = 1; b <= 3; b++) {
                for (i = 1; i <= NR && perplexity[i] > bounds[b]; i++);
                if (i <= NR) printf "%s,%s,%s,%s,%s\n", program, seed, bounds[b], seconds[i], i / per
                else printf "%s,%s,%s,,\n", program, seed, bounds[b]
            }
            for (i = 1; i <= NR; i++) printf "%s curve,%s,%s,%s,%s\n", program, seed, perplexity[i], seconds[i], i / per
        }'
}
# ours SOFTMAX SEED
ours() {
    "$HARNESS" train "$model" --corpus ptb --threads "$threads" --seed "$2" --emsize "$hidden" --nhid "$hidden" --batch-size 20 \
        --bptt 35 --epochs "$epochs" --lr "$rate" --clip 1 --dropout "$dropout" --checkpoint-seconds 86400 \
        --set "softmax=$1,validations=$validations,optimizer=adam,schedule={kind=\"cosine\",warmup=0.02,floor=0.0}" \
        --out "$work/model" > "$work/out" 2> "$work/error" || { echo "failed: $1" >&2; cat "$work/error" >&2; exit 1; }
    awk '$1 == "epoch" { print $(NF - 1), $6 }' "$work/out" | rows "$1" "$2"
}
theirs() {
    "$python" "$root/benches/pytorch_lm.py" --model "$model" --data "$LMLAB_DATA/ptb" --threads "$threads" --seed "$1" --hidden "$hidden" \
        --batch 20 --bptt 35 --epochs "$epochs" --lr "$rate" --clip 1 --dropout "$dropout" --validations "$validations" > "$work/out"
    "$python" -c 'import json, sys
for point in json.load(sys.stdin)["curve"]: print(*point)' < "$work/out" | rows pytorch "$1"
}

echo "program,seed,perplexity,seconds,epoch"
for seed in $(seq "$rounds"); do
    ours full "$seed"
    ours adaptive "$seed"
    [ -z "$python" ] || theirs "$seed"
done
