# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What every script of this folder needs: where things are, the cache's locks and its atomic publishing,
# and in_root, which runs a command inside the Debian root.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin	# a user has no chroot there

DOJO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
VM=$DOJO/qemu/vm
CACHE=${XDG_CACHE_HOME:-${HOME:-~}/.cache}/dojo
export DOJO VM CACHE

export SUITE=trixie
export KERNEL_LTS=6.12			# the suite's own kernel
export KERNEL_NEW=7.3			# from the suite's backports

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

{ mkdir -p "$DOJO/build" && [ -w "$DOJO/build" ]; } 2>/dev/null || die "$(id -un) cannot write in the checkout $DOJO"

# alone NAME: until the script ends, no other run in this checkout makes the same
alone() {
	local fd
	exec {fd}>"$DOJO/build/$1.lock"
	flock -n "$fd" && return
	say "waiting for another run in this checkout: $1"
	flock "$fd"
}

# is_kernel NAME: of those that the machine can boot, or the script ends
is_kernel() {
	case $1 in
	"$KERNEL_LTS" | "$KERNEL_NEW" | debug | "debug-$KERNEL_LTS") ;;
	*) die "kernel '$1' is not one of $KERNEL_LTS, $KERNEL_NEW, debug, debug-$KERNEL_LTS" ;;
	esac
}

# hash_of PATH...: one short key for the contents (and relative names) of files and folders
hash_of() {
	local p
	for p; do
		if [ -d "$p" ]; then
			(cd "$p" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum)
		else
			sha256sum <"$p"
		fi
	done | sha256sum | cut -c1-16
}

# versions REGEX: of the root's packages with such names. What is compiled depends on these, not on the whole root.
versions() { awk -v names="^($1)$" '/^Package:/ { p = $2 } /^Version:/ && p ~ names { print p, $2 }' "$ROOT/var/lib/dpkg/status"; }

have_space() {	# have_space DIR GIB WHAT
	local free
	free=$(df --output=avail -B1M "$1" | tail -n 1)
	[ "$free" -ge $(($2 * 1024)) ] ||
		die "$1 has $((free / 1024)) GiB free; making $3 needs $2 GiB"
}

# lock NAME: held until the script ends. Descriptors are closed for the long-lived children by in_root.
lock() {
	local fd
	mkdir -p "$CACHE" 2>/dev/null || die "cannot make the cache folder $CACHE"
	exec {fd}>"$CACHE/$1.lock" || die "cannot write in the cache folder $CACHE"
	if ! flock -n "$fd"; then
		say "waiting for another run that is making: $1"
		flock "$fd"
	fi
	LOCK_FD=$fd
}

unlock() { exec {LOCK_FD}>&-; }

# Privileged enough to mount and chroot: root itself, or a user namespace with subordinate ids, where
# the user's own id is root's.
if [ "$(id -u)" = 0 ]; then
	USERNS=()
else
	USERNS=(--map-auto --map-root-user)
fi

# alone with its mounts, which go when it ends, however it ends
as_root() { unshare ${USERNS[@]+"${USERNS[@]}"} -m "$@"; }

check_userns() {
	[ "$(id -u)" = 0 ] && return
	local me
	me=$(id -un)
	grep -q "^\($me\|$(id -u)\):" /etc/subuid 2>/dev/null ||
		die "no subordinate ids for $me in /etc/subuid: 'sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $me', or run as root"
	unshare "${USERNS[@]}" -m true 2>/dev/null && return
	# what Ubuntu, and Debian until 10, have set
	local kernel=/proc/sys/kernel remedy='enable them'
	if grep -qsx 1 $kernel/apparmor_restrict_unprivileged_userns; then
		remedy="'sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0'"
	elif grep -qsx 0 $kernel/unprivileged_userns_clone; then
		remedy="'sudo sysctl kernel.unprivileged_userns_clone=1'"
	fi
	die "user namespaces are not available to $me on this machine: $remedy, or run as root"
}

# remove PATH...: also what a user namespace's other ids own
remove() { as_root rm -rf --one-file-system -- "$@"; }

# fresh NAME: an empty folder in the cache to build in; what earlier, interrupted runs left is removed.
# Only under the lock of NAME.
fresh() {
	local old
	for old in "$CACHE/tmp.$1".*; do
		[ -e "$old" ] && remove "$old"
	done
	mkdir "$CACHE/tmp.$1.$$"
	printf '%s\n' "$CACHE/tmp.$1.$$"
}

# publish TMP FINAL: from here on the entry counts as complete
publish() {
	sync -f "$1"
	if [ -d "$2" ]; then remove "$1"; else as_root mv -T "$1" "$2"; fi
	prune
}

# have ENTRY PATH...: the cache has it, with all that names. What is damaged (half removed, say) goes.
have() {
	local entry=$1 path
	[ -d "$entry" ] || return 1
	for path in "${@:2}"; do
		[ -e "$entry/$path" ] && continue
		say "${entry##*/} in the cache lacks $path: making it anew"
		discard "$entry"
		return 1
	done
	touch -c "$entry"
}

# discard ENTRY: renamed first, so that half of it is never taken for all
discard() {
	local gone=$CACHE/tmp.gone.${1##*/}.$$
	as_root mv -T "$1" "$gone" 2>/dev/null || return 0	# another run was first
	remove "$gone"
}

# Entries that no run has used for three weeks go, and what was going when its run was interrupted.
prune() {
	local old
	find "$CACHE" -mindepth 1 -maxdepth 1 -name 'tmp.gone.*' -mmin +60 -print0 |
		while IFS= read -r -d '' old; do remove "$old"; done
	find "$CACHE" -mindepth 1 -maxdepth 1 -name '*-*' ! -name '*.lock' ! -name 'tmp.*' -mtime +21 -print0 |
		while IFS= read -r -d '' old; do discard "$old"; done
}

# why LOG: the cause of a failure in the set-up, in a few words
why() {
	if grep -qs 'No space left on device' "$1" || [ "$(df --output=avail -B1M "$CACHE" | tail -n 1)" = 0 ]; then
		echo "the disk is full"
	elif grep -qsE 'Could not resolve|Could not connect|[Uu]nable to connect|Failed to fetch|Temporary failure resolving' "$1"; then
		echo "no package mirror can be reached"
	else
		grep -asE '^(E|Err|error|W: Failed)|ERROR|FAILED|error:|Error [0-9]|not taken:' "$1" | head -n 1 || true
	fi
}

need_packages() {	# need_packages PACKAGE...: installs on this machine what is missing, after naming it
	local p missing=() sudo=()
	for p; do
		dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null || die "this machine needs: ${missing[*]} (and is not a Debian or Ubuntu)"
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || die "this machine needs: apt-get install ${missing[*]} (as root)"
		sudo=(sudo)
	fi
	say "installing on this machine: ${missing[*]}"
	local install=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300
		install --no-install-recommends "${missing[@]}")
	mkdir -p "$CACHE"
	"${install[@]}" >"$CACHE/apt.log" 2>&1 </dev/null && return
	# an index that is old or not there; an installation that was interrupted
	"${sudo[@]}" apt-get -q update >>"$CACHE/apt.log" 2>&1 || true
	"${sudo[@]}" dpkg --configure -a >>"$CACHE/apt.log" 2>&1 </dev/null || true
	"${install[@]}" >>"$CACHE/apt.log" 2>&1 </dev/null ||
		die "apt-get could not install ${missing[*]}: $(why "$CACHE/apt.log") (log: $CACHE/apt.log)"
}

# in_root [-b HOSTDIR:DIR]... [-n] COMMAND...
# Runs COMMAND in the root with the checkout at /dojo and the cache at /cache, everything else read-only
# but /tmp and /run. /run/root is the root itself without the mounts on it. Nothing is left mounted.
in_root() {
	local binds=()
	while [ "${1-}" = -b ]; do
		binds+=("$2")
		shift 2
	done
	[ -n "${ROOT-}" ] || ROOT=$("$VM/root.sh")
	unshare ${USERNS[@]+"${USERNS[@]}"} -m --propagation private \
		"$VM/enter" "$ROOT" "$DOJO" "$CACHE" "${#binds[@]}" ${binds[@]+"${binds[@]}"} "$@"
}

# Every suite ends with one line of this form; .ci/run adds them up.
sum() {	# sum PASSED FAILED SKIPPED
	echo "$1 passed, $2 failed, $3 skipped"
	[ "$2" = 0 ]
}
sum_line='^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$'
has_sum() { grep -aqE "$sum_line" "$1"; }
sum_of() { grep -aE "$sum_line" "$1" | tail -n 1 | tr -dc '0-9 \n'; }

# add LOG STATUS: to passed, failed and skipped, what a suite that ended so says in its log
add() {
	local p=0 f=0 s=0
	if has_sum "$1"; then read -r p f s < <(sum_of "$1"); fi
	if [ "$f" = 0 ] && { [ "$2" -ne 0 ] || ! has_sum "$1"; }; then f=1; fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

log() {	# log NAME: the path of a log below build/
	mkdir -p "$DOJO/build/log"
	echo "$DOJO/build/log/$1.log"
}
show() {	# show NAME: what went wrong in that log, and the end
	grep -aE -A 8 'error|Error|undefined reference' "$(log "$1")" | head -n 60 >&2
	die "it does not build (log: build/log/$1.log)"
}
