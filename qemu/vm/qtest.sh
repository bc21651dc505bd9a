#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# qtest.sh [PATTERN...]: the model's qtests (registers, resets, error paths; no guest), or those that have a PATTERN in
# their path. DOJO_QEMU=asan, tsan or gcov: with QEMU built so, see qemu.sh.
. "$(dirname "$0")/common.sh"

qemu=$("$VM/qemu.sh")
passed=0 failed=0 skipped=0
for test in "$qemu"/dojo-*-test; do
	[ -x "$test" ] || die "qemu/overlay has no qtest"
	name=${test##*/}
	out=$(log "$name")
	rc=0
	in_root -b "$qemu:/qemu" /dojo/qemu/vm/qtest-run $((600 + 4 * ${DOJO_FUZZ_SECONDS:-0})) "$name" "$@" 2>&1 </dev/null |
		tee "$out" | sed -E '/^(# (starting QEMU|Start of|End of|random seed)|TAP version|1\.\.)/d' || rc=$?
	p=$(grep -ac '^ok ' "$out" || true) f=$(grep -ac '^not ok ' "$out" || true) s=$(grep -aciE '^ok .*# skip' "$out" || true)
	if [ $rc -ne 0 ] && [ "$f" = 0 ]; then f=1; fi	# it died before it could say so
	passed=$((passed + p - s)) failed=$((failed + f)) skipped=$((skipped + s))
done
if [ $((passed + failed + skipped)) = 0 ]; then
	echo "no test matches: $*"
	failed=1
fi
sum $passed $failed $skipped
