#!/usr/bin/env bash
# Estimation of models larger than memory, KenLM's lmplz and this suite side by side: time a token and peak memory by the
# length of the text, as CSV on standard output. The text is generated (SYNTHETIC), the same for both, order 5.
#
#   KENLM=DIR benches/kenlm_large.sh > large.csv
#
#   KENLM       folder with lmplz; empty: our figures only
#   SIZES       millions of tokens, ascending               [1 3 10 30 100 200]
#   LANGUAGE    embedded language, or a grammar file (.toml) [synth]
#   MEMORY      allowed to each, as in 2G or 500M            [2G]
#   ROUNDS      runs of each, interleaved; the CSV has all   [1]
#   WORK        folder for text, temporary files and models; 200 million tokens need about 40 GB  [a new one in TMPDIR]
#   HARNESS     the program to time                          [built here: cargo build --release]
#
# Columns: millions of tokens, round, program, seconds (wall clock), nanoseconds a token, peak resident set in MiB, n-grams,
# bytes of the ARPA file. The text is read once before the runs, so that both find it in the same state.
set -euo pipefail
export LC_ALL=C
root=$(cd "$(dirname "$0")/.." && pwd)
read -ra sizes <<< "${SIZES:-1 3 10 30 100 200}"
memory=${MEMORY:-2G} language=${LANGUAGE:-synth} rounds=${ROUNDS:-1} kenlm=${KENLM:-}
[ "${KENLM+set}" ] || { echo "KENLM: name the folder with lmplz, or nothing (KENLM=) for our figures only" >&2; exit 2; }
[ -z "$kenlm" ] || [ -x "$kenlm/lmplz" ] || { echo "$kenlm/lmplz: no such program" >&2; exit 66; }
[ -x /usr/bin/time ] || { echo "/usr/bin/time (GNU time) is needed for peak memory" >&2; exit 66; }
work=${WORK:-$(mktemp -d)}
mkdir -p "$work/temp"
trap 'rm -rf "$work"' EXIT
if [ -z "${HARNESS:-}" ]; then
    (cd "$root" && cargo build --quiet --release -p harness)
    HARNESS=$root/target/release/harness
fi

# measured PROGRAM COMMAND...: runs it and prints its row
measured() {
    local program=$1 from to rss grams
    shift
    rm -f "$work/model.arpa"
    from=$(date +%s%N)
    /usr/bin/time -o "$work/rss" -f %M "$@" > "$work/out" 2>&1 \
        || { echo "$program failed at $millions million tokens:" >&2; tail -20 "$work/out" >&2; exit 1; }
    to=$(date +%s%N)
    rss=$(tail -1 "$work/rss")
    grams=$(awk -F= '/^ngram / { n += $2 } /^\\1-grams/ { exit } END { print n }' "$work/model.arpa")
    awk -v m="$millions" -v r="$round" -v p="$program" -v ns=$((to - from)) -v rss="$rss" -v g="$grams" \
        -v b="$(stat -c %s "$work/model.arpa")" \
        'BEGIN { printf "%s,%s,%s,%.2f,%.0f,%.0f,%d,%.0f\n", m, r, p, ns / 1e9, ns / m / 1e6, rss / 1024, g, b }'
}

echo "millions,round,program,seconds,ns_per_token,peak_rss_mib,ngrams,arpa_bytes"
for millions in "${sizes[@]}"; do
    tokens=$(awk -v m="$millions" 'BEGIN { printf "%.0f", m * 1e6 }')
    "$HARNESS" data synth --language "$language" --tokens "$tokens" --out "$work/text" > /dev/null
    cat "$work/text" > /dev/null
    for round in $(seq "$rounds"); do
        measured lmlab "$HARNESS" train ngram --order 5 --tokenizer space --min-count 1 --memory "$memory" \
            --temp "$work/temp" --corpus "$work/text" --arpa "$work/model.arpa"
        [ -z "$kenlm" ] || measured lmplz "$kenlm/lmplz" -o 5 -S "$memory" -T "$work/temp/" --discount_fallback \
            --text "$work/text" --arpa "$work/model.arpa"
    done
    rm -f "$work/text" "$work/model.arpa"
done
