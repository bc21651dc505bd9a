#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Unit tests, plain and with sanitizers, then the command itself: without a card,
# and on the pretended one of libdojo's tests (a library that is preloaded), also
# under valgrind. Called by "make check" with
# O, the output folder. Ends with "N passed, N failed, N skipped".
cd "$(dirname "$0")/.." || exit 1
dojo=$O/dojo
fake=$O/tests/fake.so
schema=$O/tests/schema_check
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

result() { # status name
	case $1 in
	0) echo "ok $2"; passed=$((passed + 1)) ;;
	77) echo "skip $2"; skipped=$((skipped + 1)) ;;
	*) echo "not ok $2"; failed=$((failed + 1)) ;;
	esac
}

unit() { # program, what its tests' names begin with
	local out
	out=$("$1" 2>&1)
	local status=$? bad
	printf "%s\n" "$out" | sed "s/^\(not \)\?ok /&${2-}/"
	passed=$((passed + $(grep -c '^ok ' <<<"$out")))
	bad=$(grep -c '^not ok ' <<<"$out")
	if [ $status -ne 0 ] && [ "$bad" -eq 0 ]; then
		echo "not ok ${1##*/}: ${2-}ended with status $status"
		bad=1
	fi
	failed=$((failed + bad))
}

# status stdout-pattern stderr-pattern command...; patterns are whole outputs, extended
expect() {
	local want=$1 out=$2 err=$3 got
	shift 3
	"$@" >"$work/out" 2>"$work/err" </dev/null
	got=$?
	if [ $got -ne "$want" ]; then
		echo "# $*: status $got, not $want"
		sed 's/^/# /' "$work/err"
		return 1
	fi
	if ! [[ $(cat "$work/out") =~ ^$out$ ]]; then
		echo "# $*: stdout:"
		sed 's/^/# /' "$work/out"
		return 1
	fi
	if ! [[ $(cat "$work/err") =~ ^$err$ ]]; then
		echo "# $*: stderr:"
		sed 's/^/# /' "$work/err"
		return 1
	fi
}

faked() { LD_PRELOAD="$fake" "$@"; }
valgrind=(valgrind -q --leak-check=full --errors-for-leak-kinds=definite --error-exitcode=99)
has_valgrind() { "${valgrind[@]}" "$dojo" --version >"$work/null" 2>&1; }

# ------------------------------------------------------------ no card

no_card() { [ ! -e /dev/accel ]; }

one_line_without_card() {
	no_card || return 77
	local command
	for command in list info train bench top 'reset accel0'; do
		read -ra words <<<"$command"
		expect 1 '' 'dojo: no Dojo card on the PCI bus .*' "$dojo" "${words[@]}" || return
		[ "$(wc -l <"$work/err")" = 1 ] || return
		expect 1 '' 'dojo: no Dojo card .*' "$dojo" "${words[@]}" --json || return
	done
}

doctor_without_card() {
	no_card || return 77
	expect 1 'failed .*' '' "$dojo" doctor || return
	expect 1 '\{.*' '' "$dojo" doctor --json || return
	"$schema" schema/dojo-1.json <"$work/out" && jq -e '.passed == false' "$work/out" >"$work/null"
}

usage_errors() {
	expect 2 '' 'usage: .*' "$dojo" || return
	expect 2 '' "dojo: unknown command 'nonsense'.*" "$dojo" nonsense || return
	expect 2 '' "dojo list: unknown option '--nonsense'.*" "$dojo" list --nonsense || return
	expect 2 '' "dojo list: unexpected argument 'x'.*" "$dojo" list x || return
	expect 2 '' 'dojo train: --model takes .*' "$dojo" train --model x || return
	expect 2 '' 'dojo train: --format takes .*' "$dojo" train --format fp64 || return
	expect 2 '' 'dojo train: --epochs needs .*' "$dojo" train --epochs 0 || return
	expect 2 '' 'dojo reset: TILE is missing.*' "$dojo" reset || return
	expect 2 '' 'dojo coredump: FILE is missing.*' "$dojo" coredump || return
	expect 2 '' 'dojo trace: .*is missing.*' "$dojo" trace || return
	expect 2 '' 'dojo top: --interval takes .*' "$dojo" top --interval 0 || return
	expect 2 '' "dojo bench: unknown part 'x'.*" "$dojo" bench x || return
	expect 2 '' 'dojo bench: --sizes takes .*' "$dojo" bench --sizes 0 || return
	expect 2 '' 'dojo bench: --formats takes .*' "$dojo" bench --formats int32
}

help_of_every_command() {
	local c
	expect 0 'usage: .*' '' "$dojo" --help || return
	expect 0 'dojo [0-9.]+ .*' '' "$dojo" --version || return
	for c in $("$dojo" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
		expect 0 "usage: dojo $c .*" '' "$dojo" "$c" --help || return
		grep -q "^\.SS .*$c" man/dojo.1 || { echo "# dojo.1 does not know $c"; return 1; }
	done
}

bench_of_the_host() {
	expect 0 '.*Copies.*SIZE  *MEMCPY.*' '' "$dojo" bench --host copy || return
	expect 0 '\{.*' '' "$dojo" bench --host copy gemm train --sizes 64 --json || return
	"$schema" schema/dojo-1.json <"$work/out"
}

model_on_paper() {
	local file
	for file in workloads/*.json; do
		expect 0 '.*modelled, not measured.*an ExaPOD, peak 1\.09 EFLOPS.*' '' "$dojo" model -w "$file" --tiles 120 || return
		expect 0 '.*the chart of 2023, peak 100 EFLOPS.*' '' "$dojo" model -w "$file" || return
	done
	expect 0 '\{.*' '' "$dojo" model --json || return
	"$schema" schema/dojo-1.json <"$work/out" || return
	expect 1 '' 'dojo: Makefile: not JSON' "$dojo" model -w Makefile || return
	no_card || return 0
	expect 1 '' 'dojo: no Dojo card .*' "$dojo" model --check
}

# ------------------------------------------------- the pretended card

list_json() {
	expect 0 '\{.*' '' faked "$dojo" list --json || return
	"$schema" schema/dojo-1.json <"$work/out" || return
	[ "$(jq '.cards[0].tiles | length' "$work/out")" = 2 ] || return
	jq -e '.cards[0].tiles[1] | .index == 1 and .nodes == 8850 and (.peak_bf16_flops | type) == "number"' \
		"$work/out" >"$work/null"
}

info_json() {
	expect 0 '\{.*' '' faked "$dojo" info --json || return
	"$schema" schema/dojo-1.json <"$work/out" || return
	expect 0 '\{.*' '' faked "$dojo" info --json accel1 || return
	"$schema" schema/dojo-1.json <"$work/out" || return
	[ "$(jq -c '[.cards[].tiles[].index]' "$work/out")" = '[1]' ]
}

tables_for_people() {
	expect 0 'NODE.*/dev/accel/accel0.*/dev/accel/accel1.*formats of accel0 accel1: fp32 .*' '' faked "$dojo" list || return
	expect 0 'card .*tile 0.*modelled.*|card .*modelled.*tile 0.*' '' faked "$dojo" info
}

unknown_tile() {
	expect 1 '' "dojo: cannot open tile 'accel9': .*" faked "$dojo" info accel9
}

missing_dataset() {
	expect 1 '' "dojo: .*train-images-idx3-ubyte.gz is missing: .*" \
		faked "$dojo" train --json --dataset "$work"
}

doctor_json() {
	faked "$dojo" doctor --json >"$work/out"
	"$schema" schema/dojo-1.json <"$work/out" || return
	[ "$(jq '[.checks[] | select(.check == "job" and .verdict == "ok")] | length' "$work/out")" = 4 ]
}

coredump_of_a_file() {
	expect 0 'UNARY: .*packet at 0x102ede000.*page-table walk.*' '' "$dojo" coredump tests/dump.txt || return
	expect 0 '\{.*' '' "$dojo" coredump --json tests/dump.txt || return
	"$schema" schema/dojo-1.json <"$work/out" || return
	expect 1 '' 'dojo: cannot read /nonexistent: .*' "$dojo" coredump /nonexistent || return
	expect 1 '' 'dojo: .*: line 1: .*' "$dojo" coredump Makefile
}

under_valgrind() {
	has_valgrind || return 77
	local command
	for command in list 'list --json' info 'info --json accel1' 'model --json' 'coredump tests/dump.txt' \
		'coredump --json tests/dump.txt'; do
		read -ra words <<<"$command"
		expect 0 '.*' '' faked "${valgrind[@]}" "$dojo" "${words[@]}" || return
	done
	faked "${valgrind[@]}" "$dojo" doctor --json >"$work/out" 2>"$work/err"
	[ $? -ne 99 ] || { sed 's/^/# /' "$work/err"; return 1; }
	expect 1 '' 'dojo: cannot open tile .*' faked "${valgrind[@]}" "$dojo" info accel9
}

# -------------------------------------------------------------- files

completion() {
	local words
	words=$(PATH=$O:$PATH bash -c 'source completion/dojo
		COMP_WORDS=(dojo tr) COMP_CWORD=1; _dojo; echo "${COMPREPLY[*]}"
		COMP_WORDS=(dojo train --mod) COMP_CWORD=2; _dojo; echo "${COMPREPLY[*]}"
		COMP_WORDS=(dojo train --model c) COMP_CWORD=3; _dojo; echo "${COMPREPLY[*]}"')
	[[ $words == *train*--model*cnn* ]] || { echo "# $words"; return 1; }
}

man_page() {
	local out
	out=$(LC_ALL=C.UTF-8 MANROFFSEQ='' man --warnings -l -Tutf8 man/dojo.1 2>&1 >"$work/null") || return 77
	[ -z "$out" ] || { echo "# $out"; return 1; }
}

udev_rule() {
	udevadm verify --help >"$work/null" 2>&1 || return 77
	udevadm verify --no-style udev/70-dojo.rules >"$work/null"
}

installation() {
	"${MAKE:-make}" -s O="$O" LIBDOJO_O="$LIBDOJO_O" DESTDIR="$work/root" PREFIX=/usr install || return
	local f
	for f in bin/dojo share/man/man1/dojo.1 share/bash-completion/completions/dojo \
		lib/udev/rules.d/70-dojo.rules share/dojo/dojo-1.json share/dojo/workloads/gpt-1.3b.json; do
		[ -s "$work/root/usr/$f" ] || { echo "# $f"; return 1; }
	done
	expect 0 '.*an ExaPOD.*' '' "$work/root/usr/bin/dojo" model -w "$work/root/usr/share/dojo/workloads/resnet-50.json"
}

for program in "$O"/tests/test_*; do
	unit "$program"
	unit "$O/tests/sanitized/${program##*/}" 'sanitized '
done
while read -r function name; do
	$function
	result $? "$name"
done <<'LIST'
one_line_without_card dojo: without a card one line says what is missing
doctor_without_card dojo doctor: without a card
usage_errors dojo: usage errors have status 2
help_of_every_command dojo: every command has help and a place in dojo(1)
model_on_paper dojo model: predicts, says what it assumes
bench_of_the_host dojo bench: measures the host
list_json dojo list: JSON is as its schema says
info_json dojo info: JSON is as its schema says
tables_for_people dojo list, info: tables
doctor_json dojo doctor: JSON, jobs run
coredump_of_a_file dojo coredump: decodes a dump
unknown_tile dojo info: an unknown tile is named
missing_dataset dojo train: a missing data set is named
under_valgrind dojo: clean under valgrind
completion completion: commands, options, values
man_page man: no warnings
udev_rule udev: the rule is well formed
installation install: everything is in its place
LIST
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
