#!/usr/bin/env bash
# PyTorch and this suite side by side on the Penn Treebank, in one run: training and scoring speed of the networks, and peak
# memory, medians of interleaved rounds.
#
#   LMLAB_DATA=DIR benches/pytorch.sh
#
#   LMLAB_DATA  folder with ptb/ptb.train.txt and ptb/ptb.valid.txt
#   ROUNDS      rounds, an odd number                                       [5]
#   TRAIN       seconds that each network is trained in a round             [20]
#   THREADS     threads of both                                             [2]
#   PYTHON      a Python with torch (PyPI)                                  [python3]
#   HARNESS     the program to time                                         [built here: cargo build --release]
#
# Both train the same network in float32, without dropout, by Adam with clipping of the norm, the optimizer included, the
# first 20 steps and validation left out; the adaptive softmax stands beside our own full one. Scoring reads the validation
# text in steps of 512 rows: as one stream, or 32 lanes (a window's: examples). The table goes to standard output, every
# program's JSON line to standard error. Columns: ours, PyTorch's, how many times better ours is, and the share of this
# machine's matrix products (harness speed's `share_of_ceiling`) that our training reached.
set -euo pipefail
export LC_ALL=C
root=$(cd "$(dirname "$0")/.." && pwd)
: "${LMLAB_DATA:?name the folder of data sets}"
rounds=${ROUNDS:-5} seconds=${TRAIN:-20} threads=${THREADS:-2} python=${PYTHON:-python3}
for file in train valid; do
    [ -f "$LMLAB_DATA/ptb/ptb.$file.txt" ] || { echo "$LMLAB_DATA/ptb/ptb.$file.txt: no such file" >&2; exit 66; }
done
"$python" -c 'import torch' 2> /dev/null || { echo "$python: no module torch; give PYTHON= one that has it (pip install torch)" >&2; exit 66; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -z "${HARNESS:-}" ]; then
    (cd "$root" && cargo build --quiet --release -p harness)
    HARNESS=$root/target/release/harness
fi

# kept FILE COMMAND...: appends the JSON line that the command prints to FILE
kept() {
    local file=$work/$1
    shift
    "$@" > "$work/line" 2> "$work/error" || { echo "failed: $*" >&2; cat "$work/error" >&2; exit 1; }
    tee -a "$file" < "$work/line" >&2
}
# ours NAME MODEL, theirs NAME OPTION...
ours() { kept "ours.$1" "$HARNESS" speed --model "$2" --corpus ptb --threads "$threads" --seconds "$seconds"; }
theirs() {
    local name=$1
    shift
    kept "theirs.$name" "$python" "$root/benches/pytorch_lm.py" --data "$LMLAB_DATA/ptb" --threads "$threads" --seconds "$seconds" "$@"
}
for _ in $(seq "$rounds"); do
    for net in rnn-200 gru-200 lstm-200 rnn-512; do
        ours "$net" "${net%-*}:hidden=${net#*-},batch=20,bptt=35,dropout=0"
        theirs "$net" --model "${net%-*}" --hidden "${net#*-}" --batch 20 --bptt 35
    done
    ours adaptive "rnn:hidden=200,batch=20,bptt=35,dropout=0,softmax=adaptive"
    ours window "window:n=5,m=60,h=100,batch=700,dropout=0"
    theirs window --model window --n 5 --emsize 60 --hidden 100 --batch 700
done

echo "PTB, $threads threads; medians of $rounds interleaved rounds of $seconds s"
echo "$(git -C "$root" rev-parse --short HEAD 2> /dev/null || echo "no commit"), $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), PyTorch $("$python" -c 'import torch; print(torch.__version__)')"
"$python" - "$work" << 'END'
import json, statistics, sys
from pathlib import Path

def median(name, field):
    lines = Path(sys.argv[1], name).read_text().splitlines()
    values = [json.loads(line)[field] for line in lines]
    return None if None in values else statistics.median(values)

def row(title, ours, theirs, better, share=None):
    number = lambda x, form: "-" if x is None else format(x, form)
    ratio = None if None in (ours, theirs) else ours / theirs if better == "more" else theirs / ours
    print(f"{title:<52} {number(ours, '10,.0f'):>10} {number(theirs, '10,.0f'):>10} {number(ratio, '8.2f'):>8} {number(share, '8.1%'):>8}")

print(f"{'':<52} {'ours':>10} {'PyTorch':>10} {'ratio':>8} {'ceiling':>8}")
nets = ["rnn-200", "gru-200", "lstm-200", "rnn-512", "window"]
shape = lambda net: "window n=5 m=60 h=100, batch 700" if net == "window" else f"{net}, batch 20 x bptt 35"
for net in nets:
    own = f"ours.{net}"
    row(f"training, tokens/s: {shape(net)}", median(own, "train_tok_s"), median(f"theirs.{net}", "train_tok_s"), "more", median(own, "share_of_ceiling"))
row("training, tokens/s: rnn-200 adaptive | our full", median("ours.adaptive", "train_tok_s"), median("ours.rnn-200", "train_tok_s"), "more", median("ours.adaptive", "share_of_ceiling"))
for title, field in [("one stream", "eval_stream_tok_s"), ("batched", "eval_tok_s")]:
    row(f"scoring, tokens/s: lstm-200, {title}", median("ours.lstm-200", field), median("theirs.lstm-200", field), "more")
for net in nets:
    row(f"peak memory, MiB: {shape(net)}", median(f"ours.{net}", "peak_rss_mib"), median(f"theirs.{net}", "peak_rss_mib"), "less")
END
