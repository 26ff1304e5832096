#!/usr/bin/env bash
# KenLM and this suite side by side on the Penn Treebank, order 5, in one run: medians of interleaved rounds.
#
#   KENLM=DIR LMLAB_DATA=DIR benches/kenlm.sh
#
#   KENLM       folder with lmplz, build_binary and query (of the source distribution of PyPI's kenlm, built with its CMake)
#   LMLAB_DATA  folder with ptb/ptb.train.txt and ptb/ptb.test.txt
#   ROUNDS      rounds, an odd number                                              [5]
#   COPIES      how often the test text is put behind itself for queries            [20]
#   WORK        folder for texts and models, removed at the end; its disk is timed  [a new one in TMPDIR]
#   HARNESS     the program to time                                                 [built here: cargo build --release]
#
# Timed are whole processes, wall clock: a text file to an ARPA file or a table, and text in, perplexity out. <unk> is
# renamed for both, because lmplz refuses it. Queries run on warm files. The table goes to standard output, single times
# to standard error. Prints one row a figure: ours, KenLM's, and how many times better ours is.
set -euo pipefail
export LC_ALL=C
root=$(cd "$(dirname "$0")/.." && pwd)
: "${KENLM:?name the folder with lmplz, build_binary and query}" "${LMLAB_DATA:?name the folder of data sets}"
rounds=${ROUNDS:-5} copies=${COPIES:-20}
for program in lmplz build_binary query; do
    [ -x "$KENLM/$program" ] || { echo "$KENLM/$program: no such program; build KenLM there" >&2; exit 66; }
done
for file in train test; do
    [ -f "$LMLAB_DATA/ptb/ptb.$file.txt" ] || { echo "$LMLAB_DATA/ptb/ptb.$file.txt: no such file" >&2; exit 66; }
done
work=${WORK:-$(mktemp -d)}
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
if [ -z "${HARNESS:-}" ]; then
    (cd "$root" && cargo build --quiet --release -p harness)
    HARNESS=$root/target/release/harness
fi
sed 's/<unk>/UNKWORD/g' "$LMLAB_DATA/ptb/ptb.train.txt" > "$work/train"
for _ in $(seq "$copies"); do sed 's/<unk>/UNKWORD/g' "$LMLAB_DATA/ptb/ptb.test.txt"; done > "$work/test"

# timed NAME COMMAND...: runs it with the test text as input, appends its seconds to times/NAME
mkdir -p "$work/times" "$work/temp"
timed() {
    local name=$1 from to
    shift
    from=$(date +%s%N)
    "$@" < "$work/test" > "$work/out.$name" 2> "$work/err.$name" \
        || { echo "$name failed:" >&2; cat "$work/err.$name" >&2; exit 1; }
    to=$(date +%s%N)
    echo $(((to - from) / 1000)) >> "$work/times/$name"
    echo "$name: $(((to - from) / 1000000)) ms" >&2
}
train() { "$HARNESS" train ngram --order 5 --tokenizer space --min-count 1 --corpus "$work/train" "$@"; }

for _ in $(seq "$rounds"); do
    timed lmplz "$KENLM/lmplz" -o 5 -S 2G -T "$work/temp/" --text "$work/train" --arpa "$work/kenlm.arpa"
    timed table train --out "$work/hash"
    timed table+arpa train --out "$work/hash" --arpa "$work/ours.arpa"
done
"$KENLM/build_binary" probing "$work/kenlm.arpa" "$work/probing" > /dev/null 2>&1
"$KENLM/build_binary" -q 8 -b 8 -a 22 trie "$work/kenlm.arpa" "$work/trie8" > /dev/null 2>&1
"$KENLM/build_binary" trie "$work/kenlm.arpa" "$work/trie" > /dev/null 2>&1
"$HARNESS" convert "$work/hash" "$work/packed" --table packed > /dev/null
"$HARNESS" convert "$work/hash" "$work/exact" --table trie > /dev/null
for model in probing trie trie8; do "$KENLM/query" -v summary "$work/$model" < "$work/test" > /dev/null 2>&1; done
for model in hash exact packed; do "$HARNESS" query --summary "$work/$model" < "$work/test" > /dev/null; done
for _ in $(seq "$rounds"); do
    for model in probing trie trie8; do timed "kenlm-$model" "$KENLM/query" -v summary "$work/$model"; done
    for model in hash exact packed; do timed "ours-$model" "$HARNESS" query --summary "$work/$model"; done
    timed kenlm-words "$KENLM/query" "$work/probing"
    timed ours-words "$HARNESS" query "$work/hash"
done

median() { sort -n "$work/times/$1" | sed -n "$(((rounds + 1) / 2))p"; }
bytes() { stat -c %s "$work/$1"; }
perplexity() { sed -n 's/^Perplexity including OOVs:[[:space:]]*//p' "$work/out.$1"; }
# row TITLE OURS KENLM DIVISOR UNIT
row() { awk -v t="$1" -v a="$2" -v b="$3" -v d="$4" -v u="$5" \
    'BEGIN { printf "%-44s %12.3f %12.3f %8.2f  %s\n", t, a / d, b / d, b / a, u }'; }
grams=$("$HARNESS" inspect "$work/hash" | awk '$1 == "all" { print $2 }')

echo "PTB order 5, $grams n-grams; medians of $rounds interleaved rounds; query text: test x $copies"
echo "$(git -C "$root" rev-parse --short HEAD 2> /dev/null || echo "no commit"), $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)"
printf '%-44s %12s %12s %8s\n' '' ours KenLM ratio
row "text to table | to ARPA (lmplz)" "$(median table)" "$(median lmplz)" 1000000 s
row "text to table and ARPA | to ARPA" "$(median table+arpa)" "$(median lmplz)" 1000000 s
row "query, perplexity: hash | probing" "$(median ours-hash)" "$(median kenlm-probing)" 1000000 s
row "query, perplexity: trie | trie" "$(median ours-exact)" "$(median kenlm-trie)" 1000000 s
row "query, perplexity: packed | trie -q8 -b8 -a22" "$(median ours-packed)" "$(median kenlm-trie8)" 1000000 s
row "query, every word printed: hash | probing" "$(median ours-words)" "$(median kenlm-words)" 1000000 s
row "file: hash | probing" "$(bytes hash)" "$(bytes probing)" 1000000 MB
row "file: trie | trie" "$(bytes exact)" "$(bytes trie)" 1000000 MB
row "file: packed | trie -q8 -b8 -a22" "$(bytes packed)" "$(bytes trie8)" 1000000 MB
row "bytes an n-gram: packed | trie -q8 -b8 -a22" "$(bytes packed)" "$(bytes trie8)" "$grams" ""
row "file: ARPA" "$(bytes ours.arpa)" "$(bytes kenlm.arpa)" 1000000 MB
row "perplexity: hash | probing" "$(perplexity ours-hash)" "$(perplexity kenlm-probing)" 1 ""
row "perplexity: packed | trie -q8 -b8 -a22" "$(perplexity ours-packed)" "$(perplexity kenlm-trie8)" 1 ""
