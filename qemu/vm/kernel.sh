#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernel.sh [debug|debug-6.12]: builds the debug kernel from Debian's source if it is not in the cache, and prints its folder:
# vmlinuz, version, modules/ and build/ (what modules are built against).
. "$(dirname "$0")/common.sh"

case ${1:-debug} in
debug) series=$KERNEL_NEW ;;
"debug-$KERNEL_LTS") series=$KERNEL_LTS ;;
*) die "there is no debug kernel '$1'" ;;
esac
ROOT=$("$VM/root.sh")
key=$( (versions "gcc-[0-9]+|binutils|linux-headers-$series\\..*"; echo "$series"; cat "$VM"/{debug-base.config,debug.config,kernel-build}) | sha256sum | cut -c1-16)
final=$CACHE/kernel-$key
parts=(vmlinuz version modules build/Module.symvers)
if ! have "$final" "${parts[@]}"; then
	lock kernel
	if ! have "$final" "${parts[@]}"; then
		have_space "$CACHE" 6 "the debug kernel"
		say "building the debug kernel $series (about ten minutes on two cores)"
		tmp=$(fresh kernel)
		log=$CACHE/kernel.log
		in_root -b "$tmp:/kernel" nice -n 10 /dojo/qemu/vm/kernel-build "$series" >"$log" 2>&1 </dev/null || {
			cause=$(why "$log")
			remove "$tmp"
			die "the debug kernel could not be built: $cause (log: $log)"
		}
		publish "$tmp" "$final"
	fi
fi
echo "$final"
