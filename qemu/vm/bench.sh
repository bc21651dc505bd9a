#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# bench.sh: the model's arithmetic beside OpenBLAS and memcpy, in the build root; then `dojo bench` in the machine; the
# figures of this host's own CPU come from the same program run with --host.
. "$(dirname "$0")/common.sh"

in_root make --no-print-directory -s -C qemu/native O=/dojo/build/root/native bench </dev/null
"$VM/build.sh" module "$KERNEL_LTS" >"$(log module-"$KERNEL_LTS")" 2>&1 || show module-"$KERNEL_LTS"
"$VM/build.sh" user >"$(log user)" 2>&1 || show user
in_root env LD_LIBRARY_PATH=/dojo/build/guest/libdojo /dojo/build/guest/tools/dojo bench --host
"$VM/run.sh" -n bench -c tiles=2 -t 900 "dojo bench"
