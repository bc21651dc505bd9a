#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# native.sh: the tests that need neither a driver nor a card, in the build root: the model's plain C parts
# (with sanitizers), libdojo and the tools. Each folder's `make check` ends with a line like this script's last.
. "$(dirname "$0")/common.sh"
alone native

make_in() {	# make_in FOLDER TARGET...: prints what goes wrong, and what the tests say
	in_root make --no-print-directory -s -j"$(nproc)" -C "$1" O="/dojo/build/root/${1##*/}" \
		LIBDOJO_O=/dojo/build/root/libdojo "${@:2}" </dev/null 2>&1
}

ROOT=$("$VM/root.sh")
mkdir -p "$DOJO/build/root"
# the tools want it, and it must not be built twice at a time; what is wrong with it is said below
make_in libdojo all >/dev/null || true
declare -A running
dirs=(qemu/native libdojo tools)
for dir in "${dirs[@]}"; do
	make_in "$dir" all check >"$(log "native-${dir//\//-}")" &
	running[$dir]=$!
done
passed=0 failed=0 skipped=0
for dir in "${dirs[@]}"; do
	out=$(log "native-${dir//\//-}")
	rc=0
	wait "${running[$dir]}" || rc=$?
	cat "$out"
	add "$out" $rc
done
sum $passed $failed $skipped
