#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# coverage.sh [TEST...]: the selftests on the debug kernel with a driver that counts (gcov): build/coverage/ gets the
# report as text and HTML; the lines never run are printed.
. "$(dirname "$0")/common.sh"
alone coverage

out=$DOJO/build/coverage
kernel_dir=$("$VM/kernel.sh")
rm -rf "$out"
mkdir -p "$out"
in_root -b "$kernel_dir:/kernel" /dojo/qemu/vm/module /kernel/build build/coverage GCOV_PROFILE=y modules \
	>"$(log module-coverage)" 2>&1 || show module-coverage
"$VM/build.sh" user >"$(log user)" 2>&1 || show user

# The counters outlive the module in debugfs until the machine is off; the files have no size, so cat. What a run had
# covered when it took too long is worth having too.
limit=3600
rc=0
"$VM/run.sh" -k debug -n coverage -o build/coverage/dojo.ko -t $((limit + 300)) "
	timeout -k 10 $limit bash selftests/run.sh $*
	rc=\$?
	rmmod dojo 2>/dev/null
	cd /sys/kernel/debug/gcov/dojo/build/coverage/driver &&
	for f in *.gcda; do cat \$f >/dojo/build/coverage/driver/\$f; done
	exit \$rc" </dev/null | tee "$(log check-coverage)" || rc=$?
in_root /dojo/qemu/vm/coverage-report </dev/null | tee "$out/report.txt"
say "written: build/coverage/report.txt build/coverage/html/index.html"
exit $rc
