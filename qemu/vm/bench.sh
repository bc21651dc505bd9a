#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# bench.sh: the model's arithmetic beside OpenBLAS and memcpy, in the build root; then `dojo bench` in the machine, beside
# the figures of this host's own CPU, which the same program measures before; and in a machine that counts instructions.
. "$(dirname "$0")/common.sh"

in_root make --no-print-directory -s -C qemu/native O=/dojo/build/root/native bench </dev/null
"$VM/qemu.sh" >/dev/null
"$VM/build.sh" module "$KERNEL_LTS" >"$(log module-"$KERNEL_LTS")" 2>&1 || show module-"$KERNEL_LTS"
"$VM/build.sh" user >"$(log user)" 2>&1 || show user

out=build/bench
what=(--sizes "${SIZES:-256,512,1024,2048,4096}"
	--formats "${FORMATS:-fp32,bf16,fp16,cfloat8_143,cfloat8_152,cfloat16_shp,cfloat16_uhp,int8}")
mkdir -p "$DOJO/$out"
in_root env LD_LIBRARY_PATH=/dojo/build/guest/libdojo /dojo/build/guest/tools/dojo bench --host --json "${what[@]}" \
	>"$DOJO/$out/host.json" </dev/null || die "the host's CPU could not be measured"
# a CPU with what a BLAS uses
"$VM/run.sh" -n bench -c tiles=2 -t 3600 -q "-cpu max,la57=off" -- dojo bench --beside "/dojo/$out/host.json" "${what[@]}"
# eviction wants a card whose HBM the machine's memory can back up
"$VM/run.sh" -n bench -c tiles=1,hbm=256M -t 600 -- dojo bench memory
# and instructions, on a card of full size first, since that one can bind 1 GiB
"$VM/run.sh" -n bench --icount -c tiles=1 -c tiles=1,hbm=256M -t 900 -- \
	'dojo bench --device DOJO-VM-0000/0 submit memory && dojo bench --device DOJO-VM-0001/0 memory'
