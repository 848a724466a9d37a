#!/bin/bash
# startup.sh - how long nsh takes to start and end, against lua5.4, for a script that needs no network
#   bench/startup.sh [./nsh]      ROUNDS pairs, each program RUNS times in a row: medians of one run, and their ratio
set -euo pipefail
nsh=${1:-./nsh} lua=${LUA:-lua5.4} rounds=${ROUNDS:-31} runs=${RUNS:-20}
script=$(mktemp) a=$(mktemp) b=$(mktemp)
trap 'rm -f "$script" "$a" "$b"' EXIT
echo 'local t = {} for i = 1, 100 do t[i] = i * 2 end io.write("")' >"$script"

# Prints the microseconds that one run takes.
measure() {
	local start=${EPOCHREALTIME/./} i
	for ((i = 0; i < runs; i++)); do "$1" "$script"; done
	echo $(((${EPOCHREALTIME/./} - start) / runs))
}

median() {
	sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

measure "$nsh" >/dev/null # both are in the page cache from here on
measure "$lua" >/dev/null
for ((round = 0; round < rounds; round++)); do
	measure "$nsh" >>"$a"
	measure "$lua" >>"$b"
done
awk -v a="$(median "$a")" -v b="$(median "$b")" -v n="$rounds" -v lua="$lua" 'BEGIN {
	printf "start of nsh %d us, of %s %d us: ratio %.2f (medians of %d pairs)\n", a, lua, b, a / b, n }'
