#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# qtest.sh [PREFIX]: the model's qtests (registers, resets, error paths; no guest), or those whose path begins with
# /dojo/PREFIX. DOJO_QEMU=asan, tsan or gcov: with QEMU built so, see qemu.sh.
. "$(dirname "$0")/common.sh"

qemu=$("$VM/qemu.sh")
# a report ends QEMU, and so fails the test; what QEMU itself leaks is found by name, which needs whole call chains
sanitizers='ASAN_OPTIONS=fast_unwind_on_malloc=0 LSAN_OPTIONS=suppressions=/tmp/leaks:print_suppressions=0
	UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1'
passed=0 failed=0 skipped=0
for test in "$qemu"/dojo-*-test; do
	[ -x "$test" ] || die "qemu/overlay has no qtest"
	name=${test##*/}
	out=$(log "$name")
	rc=0
	# the binary's name tells the library the architecture
	# shellcheck disable=SC2016 # $0 and $@ are of the inner shell
	in_root -b "$qemu:/qemu" sh -c 'ln -s /dojo/qemu/vm/qtest-qemu /tmp/qemu-system-x86_64 &&
		echo leak:map_noreserve_effective >/tmp/leaks &&
		exec env QTEST_QEMU_BINARY=/tmp/qemu-system-x86_64 '"${sanitizers//$'\n'/}"' timeout "$0" "$@"' \
		$((600 + 4 * ${DOJO_FUZZ_SECONDS:-0})) "/qemu/$name" --tap -k ${1:+-p "/x86_64/dojo/$1"} 2>&1 </dev/null | tee "$out" |
		grep -vE "^# (starting QEMU|Start of|End of|random seed)" || rc=$?
	p=$(grep -c '^ok ' "$out" || true) f=$(grep -c '^not ok ' "$out" || true) s=$(grep -ciE '^ok .*# skip' "$out" || true)
	if [ $rc -ne 0 ] && [ "$f" = 0 ]; then f=1; fi	# it died before it could say so
	passed=$((passed + p - s)) failed=$((failed + f)) skipped=$((skipped + s))
done
sum $passed $failed $skipped
