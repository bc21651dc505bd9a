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

# The counters outlive the module in debugfs until the machine is off; the files have no size, so cat.
rc=0
"$VM/run.sh" -k debug -n coverage -o build/coverage/dojo.ko -t 2700 "
	bash selftests/run.sh $*
	rc=\$?
	rmmod dojo 2>/dev/null
	cd /sys/kernel/debug/gcov/dojo/build/coverage/driver &&
	for f in *.gcda; do cat \$f >/dojo/build/coverage/driver/\$f; done
	exit \$rc" || rc=$?

# shellcheck disable=SC2016 # the inner shell expands
in_root sh -ec '
	cd build/coverage
	lcov --quiet --capture --rc branch_coverage=1 --directory driver --no-external --base-directory . \
		--ignore-errors gcov,unused,mismatch,inconsistent --output-file all.info
	lcov --quiet --rc branch_coverage=1 --ignore-errors mismatch,inconsistent --extract all.info "*/driver/*" --output-file driver.info
	lcov --quiet --rc branch_coverage=1 --remove driver.info "*_test.c" --ignore-errors unused,mismatch,inconsistent --output-file driver.info
	genhtml --quiet --rc branch_coverage=1 --ignore-errors mismatch,inconsistent --output-directory html driver.info
	echo
	echo "lines never run:"
	awk -F"[:,]" "/^SF:/ { file = \$2; n = 0; while ((getline text[++n] < file) > 0); close(file); sub(/.*\/driver\//, \"driver/\", file) }
		/^DA:/ && \$3 == 0 { print file \":\" \$2 \":\" text[\$2] }" driver.info
	echo
	lcov --rc branch_coverage=1 --ignore-errors mismatch,inconsistent --list driver.info
' </dev/null | tee "$out/report.txt"
say "written: build/coverage/report.txt build/coverage/html/index.html"
exit $rc
