#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# native.sh: the tests that need neither a driver nor a card, in the build root: the model's plain C parts
# (with sanitizers), libdojo and the tools. Each folder's `make check` ends with a line like this script's last.
. "$(dirname "$0")/common.sh"

passed=0 failed=0 skipped=0
for dir in qemu/native libdojo tools; do
	[ -e "$DOJO/$dir/Makefile" ] || { say "error: $dir/Makefile is missing"; failed=$((failed + 1)); continue; }
	name=native-${dir//\//-}
	out=$(log "$name")
	rc=0
	mkdir -p "$DOJO/build/root"
	in_root make --no-print-directory -j"$(nproc)" -C "$dir" O="/dojo/build/root/${dir##*/}" \
		LIBDOJO_O=/dojo/build/root/libdojo all check </dev/null 2>&1 | tee "$out" || rc=$?
	if has_sum "$out"; then
		read -r p f s < <(sum_of "$out")
	else
		p=0 f=0 s=0
		if [ $rc -eq 0 ]; then p=1; fi
	fi
	if [ $rc -ne 0 ] && [ "$f" = 0 ]; then f=1; fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
sum $passed $failed $skipped
