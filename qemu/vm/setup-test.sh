#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# setup-test.sh [TEST...]: the set-up under bad conditions, in private caches and private mounts: it works, or one line says
# what is wrong, and the next run recovers. A stand-in for mmdebstrap makes a root of a few files, so that the set-up can
# be stopped at any moment; the rest is real.
. "$(dirname "$0")/common.sh"

if [ "${1-}" != inside ]; then
	tests=("$@")
	[ ${#tests[@]} -gt 0 ] || mapfile -t tests < <(sed -n 's/^test_\(.*\)() {.*/\1/p' "$0")
	ROOT=$("$VM/root.sh")
	"$VM/qemu.sh" --base >/dev/null
	work=$(mktemp -d)
	trap 'rmdir "$work"' EXIT
	export ROOT SETUP_CACHE=$CACHE work
	passed=0 failed=0 skipped=0
	for test in "${tests[@]}"; do
		began=$SECONDS rc=0
		as_root "$0" inside "$test" || rc=$?
		case $rc in
		0) echo "ok - $test ($((SECONDS - began)) s)"; passed=$((passed + 1)) ;;
		77) echo "ok - $test # SKIP"; skipped=$((skipped + 1)) ;;
		*) echo "not ok - $test"; failed=$((failed + 1)) ;;
		esac
	done
	sum $passed $failed $skipped
	exit
fi

# With mounts of its own; a caller's temporary folder may be a small disk, or one that others cannot enter.
mount -t tmpfs -o mode=755 tmpfs "$work"
mkdir "$work/bin"

# Makes what root.sh looks for. At the moment that $STUB_PAUSE names it says so and waits until it may go on.
cat >"$work/bin/mmdebstrap" <<'END'
#!/bin/bash
for target; do case $target in */tmp.root.*) break ;; esac; done
pause() {
	[ "${STUB_PAUSE-}" = "$1" ] || return 0
	touch "$STUB/paused"
	for i in {1..1200}; do
		[ ! -e "$STUB/go" ] || return 0
		sleep 0.1
	done
	exit 1
}
set -e
echo >>"$STUB/made"
read -r _ _ _ _ group _ </proc/$$/stat
echo "$group" >"$STUB/group"
pause begin
mkdir -p "$target"/{var/lib/dpkg,usr/bin,boot,dojo,usr/src/linux-6.12}
pause middle
for i in {1..50}; do echo "$i" >"$target/usr/bin/$i"; done
touch "$target"/{var/lib/dpkg/status,usr/bin/gcc,usr/bin/busybox,usr/src/linux-6.12/MAINTAINERS}
pause end
END
chmod +x "$work/bin/mmdebstrap"

# place: an empty cache, and a checkout, which is enough for root.sh
place() {
	cache=$work/$1.cache checkout=$work/$1.checkout
	mkdir -p "$cache" "$checkout/qemu"
	cp -r "$DOJO"/qemu/{vm,patches} "$checkout/qemu"
	export STUB=$work/$1.stub
	mkdir "$STUB"
}
# whoever runs the tests may ignore what interrupts them; the set-up is to get it
with_stub() { env --default-signal=INT,TERM -u ROOT XDG_CACHE_HOME="$cache" PATH="$work/bin:$PATH" "$@"; }
make_root() { with_stub "$checkout/qemu/vm/root.sh" >"$STUB/out" 2>"$STUB/err"; }

is() { [ "$1" = "$2" ] || { echo "# '$1', not '$2'"; return 1; }; }
# says PATTERN: one line on standard error, which matches
says() {
	is "$(wc -l <"$STUB/err")" 1 && grep -qE "$1" "$STUB/err" && return
	sed 's/^/# said: /' "$STUB/err"
	return 1
}
leftovers() { find "$cache/dojo" -maxdepth 1 -name 'tmp.*' | wc -l; }
works() {
	make_root || { sed 's/^/# /' "$STUB/err"; return 1; }
	is "$(cat "$STUB/out")" "$(echo "$cache"/dojo/root-????????????????)"
	[ -e "$(cat "$STUB/out")/usr/bin/busybox" ]
	is "$(leftovers)" 0
}
fails() { if make_root; then echo "# it did not fail"; return 1; fi; }
until_there() { timeout 60 sh -c "until [ -e '$1' ]; do sleep 0.1; done" || { echo "# no $1"; return 1; }; }

# ------------------------------------------------------------ disks

test_a_disk_that_is_too_small() {
	place small
	mount -t tmpfs -o size=64M tmpfs "$cache"
	fails
	says '^error: .* has 0 GiB free; making the Debian root needs 5 GiB$'
	mount -o remount,size=6G "$cache"
	works
}

test_a_disk_that_gets_full() {
	place full
	mount -t tmpfs -o size=6G,nr_inodes=30 tmpfs "$cache"
	fails
	sed -i '/^making /d' "$STUB/err"
	says '^error: the Debian root could not be made: the disk is full'
	is "$(leftovers)" 0
	mount -o remount,nr_inodes=1000 "$cache"
	works
}

test_a_cache_that_cannot_be_written() {
	place readonly
	mount -t tmpfs -o ro tmpfs "$cache"
	fails
	says '^error: cannot make the cache folder '
	mount -o remount,rw "$cache"
	works
}

test_a_checkout_that_cannot_be_written() {
	place readonly-checkout
	mount --bind "$checkout" "$checkout"
	mount -o remount,bind,ro "$checkout"
	fails
	says '^error: .* cannot write in the checkout '
	umount "$checkout"
	works
}

# ---------------------------------------------------------- mirrors

# what the machine's own configuration says would win
unreachable() {
	if apt-config dump Acquire::http::Proxy Acquire::https::Proxy | grep -q Proxy; then return 77; fi
	no_proxy='' http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 XDG_CACHE_HOME="$cache" timeout 300 "$@" \
		>"$STUB/out" 2>"$STUB/err" && return 1
	sed -i '/^making \|^building /d' "$STUB/err"
	says 'no package mirror can be reached'
	is "$(leftovers)" 0
}

test_no_mirror_for_the_root() {
	place mirror
	mount -t tmpfs -o size=6G tmpfs "$cache"
	unreachable env -u ROOT "$checkout/qemu/vm/root.sh"
}

test_no_mirror_for_qemu_s_source() {
	place source
	mount -t tmpfs -o size=6G tmpfs "$cache"
	mkdir "$cache/dojo"
	ln -s "$ROOT" "$cache/dojo"
	unreachable "$checkout/qemu/vm/qemu.sh" --base
}

# ---------------------------------------------------- interruptions

# interrupted MOMENT SIGNAL: all that belongs to the set-up gets it
interrupted() {
	place "$1-$2"
	STUB_PAUSE=$1 with_stub setsid "$checkout/qemu/vm/root.sh" >"$STUB/out" 2>"$STUB/err" &
	local pid=$!
	until_there "$STUB/paused"
	kill "-$2" -- "-$(cat "$STUB/group")"
	wait $pid 2>/dev/null && { echo "# it did not end"; return 1; }
	is "$(find "$cache/dojo" -name 'root-*' | wc -l)" 0
	works
	is "$(wc -l <"$STUB/made")" 2
}

test_interrupted_at_any_moment() {
	local moment signal
	for moment in begin middle end; do
		for signal in KILL TERM INT; do interrupted $moment $signal; done
	done
}

test_killed_alone() {	# what it started goes on, and is waited for
	place orphan
	STUB_PAUSE=end with_stub "$checkout/qemu/vm/root.sh" >"$STUB/out" 2>"$STUB/err" &
	local pid=$!
	until_there "$STUB/paused"
	kill -KILL $pid
	wait $pid 2>/dev/null || true
	with_stub "$checkout/qemu/vm/root.sh" >"$STUB/out" 2>"$STUB/err" &
	pid=$!
	sleep 1
	says '^waiting for another run that is making: root$'
	touch "$STUB/go"
	wait $pid
	is "$(leftovers)" 0
}

# ------------------------------------------------- what was left over

test_a_damaged_entry_is_made_anew() {
	place damaged
	works
	rm "$cache"/dojo/root-*/usr/bin/busybox
	works
	grep -q 'lacks usr/bin/busybox: making it anew' "$STUB/err"
	is "$(wc -l <"$STUB/made")" 2
	# and is used from then on
	works
	is "$(wc -l <"$STUB/made")" 2
}

test_an_entry_of_another_recipe_is_not_used() {
	place stale
	works
	echo '# another recipe' >>"$checkout/qemu/vm/root-hook"
	make_root
	is "$(wc -l <"$STUB/made")" 2
	is "$(echo "$cache"/dojo/root-* | wc -w)" 2
}

# ---------------------------------------------------- others meanwhile

test_two_checkouts_with_one_cache() {
	place two
	local first=$checkout other=$work/two.other pid
	cp -r "$checkout" "$other"
	STUB_PAUSE=middle with_stub "$first/qemu/vm/root.sh" >"$STUB/first" 2>"$STUB/first.err" &
	pid=$!
	until_there "$STUB/paused"
	with_stub "$other/qemu/vm/root.sh" >"$STUB/second" 2>"$STUB/err" &
	sleep 1
	touch "$STUB/go"
	wait $pid
	wait $!
	is "$(cat "$STUB/first")" "$(cat "$STUB/second")"
	says '^waiting for another run that is making: root$'
	is "$(wc -l <"$STUB/made")" 1
}

test_two_in_one_checkout() {
	place one
	local pids=() pid
	for pid in 1 2 3; do
		with_stub "$checkout/qemu/vm/root.sh" >"$STUB/out.$pid" 2>"$STUB/err" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	is "$(cat "$STUB"/out.? | sort -u | wc -l)" 1
	is "$(wc -l <"$STUB/made")" 1
}

test_two_machines_of_one_name() {
	place machine
	mkdir -p "$DOJO/build/vm"
	exec {fd}>"$DOJO/build/vm/setup.lock"
	flock "$fd"
	if XDG_CACHE_HOME=${SETUP_CACHE%/dojo} "$VM/run.sh" -n setup -c none -M true 2>"$STUB/err"; then return 1; fi
	exec {fd}>&-
	says '^error: another machine runs in build/vm/setup'
}

# ------------------------------------------ a machine with headers

test_make_and_make_install() {
	place install
	in_root -b "$STUB:/cache" sh -ec "make -s KDIR=\$(echo /lib/modules/$KERNEL_LTS.*/build) DESTDIR=/cache/root PREFIX=/usr install
		LD_LIBRARY_PATH=/cache/root/usr/lib /cache/root/usr/bin/dojo --version" >"$STUB/out" 2>&1 || { sed 's/^/# /' "$STUB/out"; return 1; }
	local file
	for file in lib/modules/*/updates/driver/dojo.ko* usr/lib/{libdojo.so,libdojo.a,pkgconfig/libdojo.pc,udev/rules.d/70-dojo.rules} \
		usr/include/libdojo/{dojo.h,drm/dojo_accel.h} usr/share/man/{man1/dojo.1,man3/dojo_copy.3,man7/dojo.7}; do
		compgen -G "$STUB/root/$file" >/dev/null || { echo "# no $file"; return 1; }
	done
}

test_no_headers_to_build_the_module_with() {
	place headers
	if in_root make -s KDIR=/nonexistent module 2>"$STUB/err"; then return 1; fi
	sed -i '/^make: /d' "$STUB/err"
	says '^error: no kernel headers at /nonexistent '
}

# ------------------------------------------------------------- users

as_nobody() { with_stub HOME="$cache" setpriv --reuid=65534 --regid=65534 --clear-groups "$@" >"$STUB/out" 2>"$STUB/err"; }

test_another_user_s_checkout() {
	place foreign
	chown -R 1:1 "$checkout"
	works
	chmod 700 "$cache"
	chown 65534:65534 "$cache"
	if as_nobody "$checkout/qemu/vm/root.sh"; then return 1; fi
	says '^error: nobody cannot write in the checkout '
}

test_a_user_without_subordinate_ids() {
	place nobody
	chown -R 65534:65534 "$checkout" "$cache"
	if as_nobody "$checkout/qemu/vm/root.sh"; then return 1; fi
	says '^error: (no subordinate ids for nobody in /etc/subuid: .*or run as root|this machine needs: apt-get install uidmap .*)$'
}

# restricted SETTING VALUE REMEDY: as where the kernel refuses
restricted() {
	place "$1"
	chown -R 65534:65534 "$checkout" "$cache"
	echo 'nobody:300000:65536' >"$STUB/ids"
	mount --bind "$STUB/ids" /etc/subuid
	printf '#!/bin/sh\nexit 1\n' >"$work/bin/unshare"
	chmod +x "$work/bin/unshare"
	mount -t tmpfs tmpfs /proc/sys/kernel
	echo "$2" >"/proc/sys/kernel/$1"
	if as_nobody "$checkout/qemu/vm/root.sh"; then return 1; fi
	umount /proc/sys/kernel
	says "^error: user namespaces are not available to nobody on this machine: 'sudo sysctl kernel.$1=$3', or run as root\$"
}

test_user_namespaces_that_are_not_allowed() {
	dpkg-query -W -f '${db:Status-Status}' uidmap 2>/dev/null | grep -qx installed && [ -e /etc/subuid ] || return 77
	restricted apparmor_restrict_unprivileged_userns 1 0
	restricted unprivileged_userns_clone 0 1
}

# --------------------------------------------------------------- KVM

boots() {	# boots: a machine, in a cache where this one's answer is not known yet
	mkdir -p "$cache/dojo"
	ln -s "$SETUP_CACHE"/root-* "$SETUP_CACHE"/qemu-base-???????????????? "$cache/dojo"
	env -u DOJO_VM_ACCEL XDG_CACHE_HOME="$cache" "$VM/run.sh" -n setup -c none -M echo up >"$STUB/out" 2>"$STUB/err" ||
		{ sed 's/^/# /' "$STUB/err"; return 1; }
	is "$(cat "$STUB/out")" up
}

test_no_dev_kvm() {
	place nokvm
	local node
	mkdir "$work/dev"
	mount --rbind /dev "$work/dev"
	mount -t tmpfs tmpfs /dev
	for node in null zero full random urandom tty; do
		touch "/dev/$node"
		mount --bind "$work/dev/$node" "/dev/$node"
	done
	mkdir /dev/pts /dev/shm
	mount --bind "$work/dev/pts" /dev/pts
	ln -s /proc/self/fd /dev/fd
	ln -s /proc/self/fd/1 /dev/stdout
	boots
	[ ! -s "$STUB/err" ]
}

# Whoever opens the file waits until its lease is given back, which its holder does not do
test_a_dev_kvm_that_hangs() {
	[ -e /dev/kvm ] || return 77
	place hang
	: >"$STUB/kvm"
	in_root -b "$STUB:/cache" python3 -c '
import fcntl, os, signal, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
fd = os.open("/cache/kvm", os.O_RDWR)
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
open("/cache/held", "w").close()
for _ in range(600):
    if os.path.exists("/cache/held"):
        time.sleep(0.5)' >/dev/null 2>&1 &
	until_there "$STUB/held"
	mount --bind "$STUB/kvm" /dev/kvm
	boots
	rm "$STUB/held"
	wait
	says '^trying /dev/kvm \(once, at most 20 s\)$'
	is "$(cat "$cache"/dojo/kvm-*)" tcg
}

"test_$2"
