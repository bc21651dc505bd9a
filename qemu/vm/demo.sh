#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# demo.sh MODEL DATASET: sets everything up, boots a machine with a card of two tiles, shows the card and trains MODEL
# on it; build/demo/ has the loss curve and the result.
. "$(dirname "$0")/common.sh"

model=$1 dataset=$2
"$VM/qemu.sh" >/dev/null
"$VM/build.sh" module "$KERNEL_LTS" >"$(log module-"$KERNEL_LTS")" 2>&1 || show module-"$KERNEL_LTS"
"$VM/build.sh" user >"$(log user)" 2>&1 || show user

out=build/demo
rm -f "$DOJO/$out"/{loss.svg,result.json}
mkdir -p "$DOJO/$out"
say "starting a machine with a card of two tiles"
train="dojo train --model ${model@Q} --dataset ${dataset@Q} --out $out"
# a terminal in the guest where there is one here: what it redraws is passed on
if [ -t 1 ]; then train="script -qefc ${train@Q} /dev/null"; fi
"$VM/run.sh" -n demo -c tiles=2 -t 3600 "dojo list && $train" ||
	die "the demo failed (build/vm/demo/console.log has the guest's kernel log)"
for f in loss.svg result.json; do
	[ -s "$DOJO/$out/$f" ] || die "the demo did not write $out/$f"
done
