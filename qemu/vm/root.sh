#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# root.sh: makes the Debian root if it is not in the cache, and prints its path. The same tree is the build
# chroot and, over 9p with a tmpfs on top, the guest's root file system.
. "$(dirname "$0")/common.sh"

packages=(
	# building modules, libdojo, tools and QEMU
	gcc g++ libc6-dev make pkgconf flex bison bc meson ninja-build python3-venv python3-pycotap
	libglib2.0-dev libpixman-1-dev libslirp-dev libattr1-dev libfdt-dev patch xz-utils dpkg-dev
	libdrm-dev libncurses-dev libcjson-dev libopenblas-dev libelf-dev libssl-dev cpio git
	# the suite's own kernel (its backports' one is added below)
	linux-image-amd64 linux-headers-amd64
	# the machine
	seabios qemu-system-data busybox-static kmod procps iproute2 pciutils psmisc strace less vim-tiny
	# tests and lint
	dataset-fashion-mnist valgrind gdb sparse coccinelle shellcheck clang clang-tidy libclang-rt-dev dwarves mandoc lcov
	man-db groff jq liburing-dev
)
key=$( (echo "$SUITE $KERNEL_LTS $KERNEL_NEW ${packages[*]}"; cat "$VM/root-hook") | sha256sum | cut -c1-16)
final=$CACHE/root-$key

# some of what is needed first and last
parts=(var/lib/dpkg/status usr/bin/gcc usr/bin/busybox boot "usr/src/linux-$KERNEL_LTS/MAINTAINERS" dojo)
if have "$final" "${parts[@]}"; then
	echo "$final"
	exit
fi

need_packages mmdebstrap debian-archive-keyring util-linux
if [ "$(id -u)" != 0 ]; then need_packages uidmap; fi
check_userns
lock root
if have "$final" "${parts[@]}"; then
	echo "$final"
	exit
fi
have_space "$CACHE" 5 "the Debian root"
say "making the Debian root (about two minutes)"
tmp=$(fresh root)
log=$CACHE/root.log

# This machine's own mirror where it runs Debian, else mmdebstrap's choice. Only the plain archive carries the suite
# and its backports; the security archive's index has another label.
# shellcheck disable=SC2016 # apt's own fields
mirror=$(apt-get indextargets --format '$(SITE)|$(ORIGIN)|$(LABEL)|$(CREATED_BY)' 2>/dev/null |
	awk -F'|' '$2 == "Debian" && $3 == "Debian" && $4 == "Packages" { print $1; exit }')
args=(--mode=root --variant=apt --skip=cleanup/apt/lists
	--dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*'
	--dpkgopt='path-exclude=/usr/share/man/*' --aptopt='APT::Install-Recommends "false"'
	--aptopt='Acquire::Languages "none"' --aptopt='APT::Sandbox::User "root"')
for scheme in http https; do
	eval "$(apt-config shell proxy "Acquire::$scheme::Proxy")"
	if [ -n "${proxy-}" ]; then args+=("--aptopt=Acquire::$scheme::Proxy \"$proxy\""); fi
	unset proxy
done

export INITRD=No	# the kernel packages' initramfs is not wanted
args+=("--setup-hook=exec '$VM/root-hook' setup \"\$1\"" "--customize-hook=exec '$VM/root-hook' customize \"\$1\"")
args+=("--include=$(IFS=,; echo "${packages[*]}")" "$SUITE" "$tmp")
if [ -n "$mirror" ]; then args+=("deb $mirror $SUITE main"); fi

if ! as_root mmdebstrap "${args[@]}" </dev/null >"$log" 2>&1; then
	cause=$(why "$log")
	remove "$tmp"
	die "the Debian root could not be made: $cause${mirror:+, from $mirror} (log: $log)"
fi
publish "$tmp" "$final"
echo "$final"
