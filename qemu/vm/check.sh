#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# check.sh KERNEL [TEST...]: builds what is stale, boots, runs the selftests; the last line is their sum.
. "$(dirname "$0")/common.sh"

kernel=$1
shift
is_kernel "$kernel"
"$VM/build.sh" module "$kernel" >"$(log module-"$kernel")" 2>&1 || show module-"$kernel"
"$VM/build.sh" user >"$(log user)" 2>&1 || show user
[ -e "$DOJO/selftests/run.sh" ] || die "selftests/run.sh is missing: there is nothing to run"

limit=1200
if [[ $kernel == debug* ]]; then limit=2700; fi
if [ "${SCALE-}" = full ]; then limit=14400; fi
out=$(log "check-$kernel")
rc=0
"$VM/run.sh" -k "$kernel" -n "check-$kernel" -t "$limit" -- bash selftests/run.sh "$@" | tee "$out" || rc=$?
has_sum "$out" || { echo "0 passed, 1 failed, 0 skipped"; rc=1; }
exit $rc
