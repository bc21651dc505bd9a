#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run.sh [PROGRAM[:TEST]...]: runs the selftests, as root on a machine with a card, and prints KTAP, last their sum.
# PROGRAM and TEST are patterns; without any, everything runs.
#   O             folder of the built programs (default: build/guest/selftests of this checkout)
#   DOJO_MODULE   dojo.ko to load if the driver is not there
#   DOJO_KERNEL   "debug", "debug-6.12": longer time limits, smaller amounts of work
#   SCALE         "full", or a fraction of it, for the heavy tests

set -u
here=$(cd "$(dirname "$0")" && pwd)
export O=${O:-$here/../build/guest/selftests}
readme=readme	# compiles the documents' examples: that is done on stock kernels
if [[ ${DOJO_KERNEL-} == debug* ]]; then
	export DOJO_SLOW=${DOJO_SLOW:-5} SCALE=${SCALE:-0.002}
	readme=
fi
limit=$((900 * ${DOJO_SLOW:-1}))	# seconds for a program; its tests have limits of their own
if [ "${SCALE-}" = full ]; then limit=$((limit * 10)); fi

# what the others rely on first; what takes the driver away, and what resets the card, late; what costs the kernel
# some of its debugging aids last
programs=(enumerate query bo vm copy queue submit packet gemm ${readme:+"$readme"} library isolation core account monitor
	prime userptr bind_random scale evict shrinker stress fairness fuzz hang reset tools leak module fault_sweep)

passed=0 failed=0 skipped=0 number=0
result() {	# result OK NAME [DIRECTIVE]: a test of run.sh itself, or the sum of a program
	number=$((number + 1))
	echo "$1 $number $2${3:+ # $3}"
}
count() {	# count OK NAME [DIRECTIVE]: the same, counted
	case "$1 ${3-}" in
	*SKIP*) skipped=$((skipped + 1)) ;;
	ok*) passed=$((passed + 1)) ;;
	*) failed=$((failed + 1)) ;;
	esac
	result "$@"
}

matches() {	# matches PROGRAM WANTED
	# shellcheck disable=SC2053 # a pattern
	[[ $1 == ${2%%:*} || $1 == *${2%%:*}* ]]
}

selected() {	# selected PROGRAM: sets tests to the -t arguments, or fails
	local want some=1
	tests=()
	[ ${#wanted[@]} -gt 0 ] || return 0
	for want in "${wanted[@]}"; do
		matches "$1" "$want" || continue
		if [[ $want != *:* ]]; then
			tests=()
			return 0
		fi
		tests+=(-t "${want#*:}")
		some=0
	done
	return $some
}

# indent LOG: the program's output up to the line "status N", further to the right; ends with its counts and N in LOG
indent() {
	local line ok=0 bad=0 skip=0 rc=1
	while IFS= read -r line; do
		case $line in "status "*) rc=${line#status }; break ;; esac
		printf '    %s\n' "$line"
		case $line in
		"ok "*"# SKIP"*) skip=$((skip + 1)) ;;
		"ok "*) ok=$((ok + 1)) ;;
		"not ok "*) bad=$((bad + 1)) ;;
		esac
	done
	echo "$ok $bad $skip $rc" >"$1"
}

run() {	# run PROGRAM: by $command
	local program=$1 rc ok bad skip start=$SECONDS
	echo "    # Subtest: $program"
	echo "dojo selftests: $program" >/dev/kmsg 2>/dev/null || true
	# not to the end of the file: a process that cannot be killed would keep that away
	{ timeout -k 10 "$limit" "${command[@]}" 2>&1 </dev/null; echo "status $?"; } | indent "$tmp"
	read -r ok bad skip rc <"$tmp"
	# a program that died, or was killed, did not finish its plan
	if [ "$rc" != 0 ] && [ "$rc" != 4 ] && [ "$bad" = 0 ]; then
		echo "    # ended with status $rc"
		bad=1
	elif [ "$rc" != 4 ] && [ $((ok + bad + skip)) = 0 ]; then
		echo "    # no test of it matches"
		bad=1
	fi
	echo "    # $((SECONDS - start)) s"
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
	if [ "$bad" -gt 0 ]; then result "not ok" "$program"
	elif [ "$ok" = 0 ]; then result ok "$program" SKIP
	else result ok "$program"
	fi
}

load() {
	[ -d /sys/module/dojo ] && return
	local dependency
	if [ -n "${DOJO_MODULE-}" ]; then
		for dependency in $(modinfo -F depends "$DOJO_MODULE" | tr , ' '); do modprobe "$dependency"; done
		insmod "$DOJO_MODULE"
	else
		modprobe dojo
	fi
}

# Suites of the kernel's that ran when the driver was loaded
kunit() {
	local suite names=()
	for suite in /sys/kernel/debug/kunit/dojo*; do
		if [ -e "$suite/results" ]; then names+=("$suite/results"); fi
	done
	if [ ${#names[@]} = 0 ]; then
		if [ ${#wanted[@]} -gt 0 ]; then count ok kunit "SKIP this kernel has none"; fi
		return
	fi
	command=(sed -n 's/^    //p; /^not ok/p' "${names[@]}")
	run kunit
	# and not again whenever a test loads the driver
	echo none >/sys/module/kunit/parameters/filter_glob
}

# 1: memory has been lost since the tests began; 2: this kernel does not say.
# Two losses are the kernel's: drm_gpuva_sm_step() loses its copy of the unmap step when the allocation of the last one
# fails, which fault_sweep has it do; ttm_pool_type_fini() does not destroy the list_lru of 7.3, when the last tile goes.
leaks() {
	local kmemleak=/sys/kernel/debug/kmemleak found
	{ echo scan >$kmemleak; } 2>/dev/null || return 2
	sleep 6	# what is on its way to be freed is not lost, nor is anything younger than 5 s
	echo scan >$kmemleak
	found=$(awk '/^unreferenced object/ { if (!known) printf "%s", block; block = ""; known = 0 }
		/drm_gpuva_sm_step|ttm_pool_type_init/ { known = 1 }
		{ block = block "# " $0 "\n" }
		END { if (!known) printf "%s", block }' $kmemleak | head -n 500)
	[ -z "$found" ] || { printf '%s\n' "$found"; return 1; }
}

wanted=("$@")
tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
echo "KTAP version 1"
if [ "$(id -u)" != 0 ]; then
	count "not ok" root
	echo "# the selftests need root"
	echo "$passed passed, $failed failed, $skipped skipped"
	exit 1
fi
for want in ${wanted[@]+"${wanted[@]}"}; do
	for program in kunit "${programs[@]}"; do matches "$program" "$want" && continue 2; done
	count "not ok" "$want"
	echo "# there is no program '${want%%:*}'; there are: kunit ${programs[*]}"
done
if ! load; then
	count "not ok" load
else
	if selected kunit; then kunit; fi
	{ echo clear >/sys/kernel/debug/kmemleak; } 2>/dev/null || true
	for program in "${programs[@]}"; do
		selected "$program" || continue
		command=("$O/$program" ${tests[@]+"${tests[@]}"})
		# the programs watch the kernel log themselves; a script has it watched
		if [ -e "$here/$program.sh" ]; then command=("$O/kernel_log" "$here/$program.sh"); fi
		if [ -x "${command[0]}" ]; then run "$program"; else count "not ok" "$program"; fi
	done
	# also what fell between the tests
	if "$O/kernel_log" -b true; then count ok kernel_log; else count "not ok" kernel_log; fi
	leaks
	case $? in
	0) count ok kmemleak ;;
	1) count "not ok" kmemleak ;;
	esac
fi
echo "1..$number"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
