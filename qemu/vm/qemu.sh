#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# qemu.sh [--base]: makes QEMU with the card's model if it is not in the cache, and prints the folder that holds
# qemu-system-x86_64, dojo-dip-test and plugins/. --base: QEMU without the model, for what needs no card.
# DOJO_QEMU=asan: the model with AddressSanitizer and UBSan; tsan: with ThreadSanitizer; gcov: counting the lines that
# run. These are for the qtests (qtest.sh), and stay in build/qemu-asan and so on.
#
# Debian's QEMU source, with qemu/patches, is configured and compiled once into the cache (qemu-base-KEY). A checkout's
# first build copies that tree to build/qemu, lays qemu/overlay over it and compiles the difference; later builds are
# ninja's increments. The result goes into the cache under the hash of its sources, so that a fresh clone finds it.
. "$(dirname "$0")/common.sh"

configure=(--target-list=x86_64-softmmu --without-default-features --enable-tcg --enable-kvm --enable-system
	--enable-plugins --enable-virtfs --enable-attr --enable-slirp --enable-werror --disable-install-blobs)
# a qtest links everything that ours links
base_targets=(qemu-system-x86_64 tests/qtest/pvpanic-pci-test tests/tcg/plugins/libinsn.so
	contrib/plugins/libhwprofile.so contrib/plugins/libhowvec.so)
case ${DOJO_QEMU-} in
'' | asan | tsan | gcov) ;;
*) die "DOJO_QEMU='$DOJO_QEMU' is none of asan, tsan, gcov" ;;
esac

overlay=$DOJO/qemu/overlay
shared=("$DOJO/driver/dojo_regs.h" "$DOJO/uapi/drm/dojo_packet.h")

ROOT=$("$VM/root.sh")
base_key=$( (versions 'gcc-[0-9]+|libc6-dev|lib(glib2.0|pixman-1|slirp|attr1|fdt)-dev|meson'
	echo "${configure[*]} ${base_targets[*]}"; cat "$VM/qemu-base" "$DOJO"/qemu/patches/*) |
	sha256sum | cut -c1-16)
base=$CACHE/qemu-base-$base_key

make_base() {
	local parts=(src/configure build/build.ninja build/qemu-system-x86_64)
	if have "$base" "${parts[@]}"; then return; fi
	lock qemu-base
	if ! have "$base" "${parts[@]}"; then
		have_space "$CACHE" 3 QEMU
		say "building QEMU (about three minutes on two cores)"
		local tmp cause log=$CACHE/qemu-base.log
		tmp=$(fresh qemu-base)
		in_root -b "$tmp:/qemu" nice -n 5 /dojo/qemu/vm/qemu-base "${configure[*]}" "${base_targets[*]}" \
			>"$log" 2>&1 </dev/null || {
			cause=$(why "$log")
			remove "$tmp"
			die "QEMU could not be built: $cause (log: $log)"
		}
		grep -a '^warning: qemu/patches/' "$CACHE/qemu-base.log" >&2 || true
		publish "$tmp" "$base"
	fi
	unlock
}

if [ "${1-}" = --base ]; then
	make_base
	echo "$base/build"
	exit
fi

[ -d "$overlay" ] || die "qemu/overlay is missing: there is no model of the card to build"
for f in "${shared[@]}"; do
	[ -e "$f" ] || die "${f#"$DOJO"/} is missing: the model of the card needs it"
done
key=$( (echo "$base_key"; cat "$VM/qemu-device"; hash_of "$overlay" "${shared[@]}") | sha256sum | cut -c1-16)
final=$CACHE/qemu-$key
work=$DOJO/build/qemu${DOJO_QEMU:+-$DOJO_QEMU}
if [ -z "${DOJO_QEMU-}" ] && have "$final" qemu-system-x86_64 plugins; then
	echo "$final"
	exit
fi

make_base
alone qemu
if [ "$(cat "$work/base-key" 2>/dev/null)" != "$base_key" ]; then
	have_space "$DOJO/build" 2 "the model of the card"
	rm -rf "$work"
	cp -a --reflink=auto "$base" "$work"
	echo "$base_key" >"$work/base-key"
fi
log=$work.log
in_root -b "$work:/qemu" /dojo/qemu/vm/qemu-device >"$log" 2>&1 </dev/null || {
	grep -E -A 6 'error: |ERROR: |undefined reference' "$log" | sed 's|\.\./src/|qemu/overlay/|' | head -n 60 >&2
	die "the model of the card does not build (log: ${log#"$DOJO"/})"
}
if [ -n "${DOJO_QEMU-}" ]; then
	(cd "$work" && ln -sf build/qemu-system-x86_64 build/tests/qtest/dojo-*-test .)
	echo "$work"
	exit
fi

lock qemu
tmp=$(fresh qemu)
mkdir "$tmp/plugins"
cp --reflink=auto "$work/build/qemu-system-x86_64" "$tmp"
cp "$work"/build/{tests/tcg,contrib}/plugins/*.so "$tmp/plugins"
for t in "$work"/build/tests/qtest/dojo-*-test; do
	if [ -x "$t" ]; then cp "$t" "$tmp"; fi
done
publish "$tmp" "$final"
# one entry an edit: the newest are enough
find "$CACHE" -maxdepth 1 -name 'qemu-????????????????' -printf '%T@ %p\n' | sort -rn | tail -n +9 | cut -d' ' -f2- |
	while IFS= read -r old; do discard "$old"; done
echo "$final"
