#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# soak.sh [TEST...]: the native tests, the selftests on every kernel of $SOAK and the fuzzers, at full scale (or at $SCALE);
# the last line is the sum of all.
. "$(dirname "$0")/common.sh"
alone soak
export SCALE=${SCALE:-full} DOJO_FUZZ_SECONDS=${DOJO_FUZZ_SECONDS:-900}
passed=0 failed=0 skipped=0
part() {	# part NAME COMMAND...
	local out rc=0
	out=$(log "soak-$1")
	printf '\n==== %s\n' "$1"
	"${@:2}" </dev/null 2>&1 | tee "$out" || rc=$?
	add "$out" $rc
}
part native "$VM/native.sh"
for kernel in ${SOAK:-$KERNEL_LTS $KERNEL_NEW debug debug-$KERNEL_LTS}; do
	part "check-$kernel" "$VM/check.sh" "$kernel" "$@"
done
part fuzz env DOJO_QEMU=asan "$VM/qtest.sh" fuzz
echo
sum $passed $failed $skipped
