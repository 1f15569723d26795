#!/bin/sh
# go.sh runs the benchmarks of the main module that need nothing but Go and compares them
# with the last committed figures, baseline.txt beside it. It prints ratios and judges
# nothing. UPDATE=1 makes what it measured the new baseline, to be committed; COUNT (6) is
# how often each benchmark runs, BENCH a regular expression of their names.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
baseline=$here/baseline.txt
new=$here/.bin/go.txt
go=${GO:-go}
mkdir -p "$here/.bin"
cd "$here/.."

"$go" test -run '^$' -bench "${BENCH:-^(BenchmarkStep|BenchmarkCharacters|BenchmarkLoop|BenchmarkPredict|BenchmarkSave|BenchmarkSaveSmall|BenchmarkLoad|BenchmarkOpen|BenchmarkScalar|BenchmarkScalars|BenchmarkHistogram|BenchmarkNext|BenchmarkRestore|BenchmarkCSV)$}" \
	-benchmem -count "${COUNT:-6}" -timeout 60m \
	./session ./nn ./graphactions ./estimator ./saver ./summaries ./datasets |
	tee "$new.all" | grep --line-buffered '^Benchmark' | awk '!seen[$1]++ { print $1; fflush() }' >&2
# What the benchmarks log is not for benchstat.
grep -E '^(goos|goarch|pkg|cpu):|^Benchmark.* ns/op' "$new.all" >"$new" || { cat "$new.all" >&2; exit 1; }
grep -E '^(FAIL|--- FAIL|panic)' "$new.all" >&2 && exit 1

if [ "${UPDATE:-}" = 1 ]; then
	cp "$new" "$baseline"
	echo "wrote bench/baseline.txt"
	exit 0
fi
benchstat() { "$go" tool -modfile="$here/tools/go.mod" benchstat -ignore cpu "$@"; }
if [ ! -f "$baseline" ]; then
	echo "There are no committed figures yet: make bench-go UPDATE=1 writes bench/baseline.txt."
	benchstat "new=$new"
	exit 0
fi
for key in goarch cpu; do
	old=$(grep -m1 "^$key:" "$baseline" || true)
	now=$(grep -m1 "^$key:" "$new" || true)
	[ "$old" = "$now" ] || echo "Another machine than that of bench/baseline.txt: $now there was $old. Read the ratios with care."
done
benchstat "baseline=$baseline" "new=$new"
