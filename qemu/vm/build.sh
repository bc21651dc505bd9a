#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# build.sh PART...: builds in the root what the guest runs. PART is one of
#   module KERNEL [MAKE-ARGUMENT...]   dojo.ko for 6.12, 7.3, debug or debug-6.12 -> build/KERNEL/dojo.ko
#   user                               libdojo, tools and selftests -> build/guest/
. "$(dirname "$0")/common.sh"

part=${1-}
shift || true
case $part in
module)
	kernel=$1
	shift
	is_kernel "$kernel"
	[ -d "$DOJO/driver" ] || die "driver/ is missing: there is no module to build"
	ROOT=$("$VM/root.sh")
	if [[ $kernel == debug* ]]; then
		dir=$("$VM/kernel.sh" "$kernel")
		in_root -b "$dir:/kernel" /dojo/qemu/vm/module /kernel/build "build/$kernel" "$@"
	else
		for dir in "$ROOT/usr/lib/modules/$kernel".*; do :; done
		[ -d "$dir" ] || die "no kernel '$kernel' in the root"
		in_root /dojo/qemu/vm/module "/lib/modules/${dir##*/}/build" "build/$kernel" "$@"
	fi
	;;
user)
	mkdir -p "$DOJO/build/guest"
	alone guest
	ksft=/usr/src/linux-$KERNEL_LTS/tools/testing/selftests
	for d in libdojo tools selftests; do
		[ -e "$DOJO/$d/Makefile" ] || die "$d/Makefile is missing: there is nothing to build there"
		in_root make --no-print-directory -j"$(nproc)" -C $d O=/dojo/build/guest/$d LIBDOJO_O=/dojo/build/guest/libdojo \
			KSFT=$ksft all
	done
	;;
*)
	sed -n '3,5s/^# //p' "$0" >&2
	exit 2
	;;
esac
