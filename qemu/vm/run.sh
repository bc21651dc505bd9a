#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# run.sh [OPTION]... [--] COMMAND...
# Boots the machine, runs COMMAND (by bash, in /dojo, which is the checkout) with the driver loaded, powers off, and
# exits with COMMAND's status. Its output comes out here; the kernel's goes to build/vm/NAME/console.log.
. "$(dirname "$0")/common.sh"

usage() {
	sed 's/^\t//' <<-'END'
	usage: run.sh [OPTION]... [--] COMMAND...
	  -k, --kernel NAME             the guest's: 6.12 (default), 7.3, debug (7.3 too), debug-6.12
	  -c, --card PROPERTIES         a card, e.g. tiles=2,hbm=1G; once for each card; "none" for none (default: two cards,
	                                tiles=2 and tiles=2,hbm=512M,generation=d2; with debug kernels hbm=1G and hbm=256M)
	  -m, --memory SIZE             of the guest (default 2G; 3G with the debug kernel)
	  -p, --cpus N                  of the guest (default: the host's)
	  -i, --iommu                   the card behind an intel-iommu
	  -I, --icount                  one CPU whose time is counted in instructions, a nanosecond each; never by KVM
	  -t, --time SECONDS            limit for all of it (default 600)
	  -n, --name NAME               of the folder below build/vm (default: the kernel's name)
	  -M, --no-module               do not load dojo.ko
	  -o, --module PATH             instead of build/KERNEL/dojo.ko, below the checkout
	  -a, --append WORDS            to the kernel's command line
	  -q, --qemu WORDS              to QEMU's
	  -s, --shell                   a terminal instead of a COMMAND
	environment: DOJO_VM_ACCEL=kvm|tcg  DOJO_CARD="PROPERTIES PROPERTIES..."  DOJO_IOMMU=1
	             DOJO_MODULE_ARGS=...  SCALE=...
	The cards are card0, card1... on the root ports rp0, rp1...; QMP on build/vm/NAME/qmp.sock, and for the guest on
	/dev/virtio-ports/org.dojo.qmp.
	END
}

kernel=$KERNEL_LTS cards=() memory='' cpus='' iommu=${DOJO_IOMMU-} icount='' limit=600 name='' module=default append='' extra='' shell=''
while [ $# -gt 0 ]; do
	case $1 in
	-k | --kernel) kernel=$2; shift ;;
	-c | --card) cards+=("$2"); shift ;;
	-m | --memory) memory=$2; shift ;;
	-p | --cpus) cpus=$2; shift ;;
	-i | --iommu) iommu=1 ;;
	-I | --icount) icount=1 cpus=1 ;;
	-t | --time) limit=$2; shift ;;
	-n | --name) name=$2; shift ;;
	-M | --no-module) module='' ;;
	-o | --module) module=$2; shift ;;
	-a | --append) append=$2; shift ;;
	-q | --qemu) extra=$2; shift ;;
	-s | --shell) shell=1 ;;
	-h | --help) usage; exit ;;
	--) shift; break ;;
	-*) usage >&2; exit 2 ;;
	*) break ;;
	esac
	shift
done
[ $# -gt 0 ] || [ -n "$shell" ] || { usage >&2; exit 2; }
is_kernel "$kernel"
if [[ $kernel == debug* ]]; then : "${memory:=3G}"; else : "${memory:=2G}"; fi
# One card as it is sold, and one of the other generation whose memory this machine's can back several times over.
# KASAN shadows what the driver maps: an eighth of the HBM in the guest's memory; and everything takes longer.
default="tiles=2 tiles=2,hbm=512M,generation=d2"
if [[ $kernel == debug* ]]; then default="tiles=2,hbm=1G tiles=2,hbm=256M,generation=d2"; fi
# shellcheck disable=SC2206 # a list of words
[ ${#cards[@]} -gt 0 ] || cards=(${DOJO_CARD:-$default})
if [ "${cards[*]}" = none ]; then cards=(); fi
: "${cpus:=$(nproc)}" "${name:=$kernel}"

# the parts
ROOT=$("$VM/root.sh")
if [ ${#cards[@]} -gt 0 ]; then qemu=$("$VM/qemu.sh"); else qemu=$("$VM/qemu.sh" --base); fi
if [[ $kernel == debug* ]]; then
	kernel_dir=$("$VM/kernel.sh" "$kernel")
	binds=(-b "$kernel_dir:/kernel")
	image=/kernel/vmlinuz version=$(cat "$kernel_dir/version")
else
	binds=()
	for image in "$ROOT/boot/vmlinuz-$kernel".*; do :; done
	version=${image#"$ROOT/boot/vmlinuz-"} image=/boot/vmlinuz-$version
fi
if [ "$module" = default ]; then module=build/$kernel/dojo.ko; fi
if [ -n "$module" ] && ! [ -e "$DOJO/$module" ]; then die "$module is missing: qemu/vm/build.sh module $kernel"; fi

# the folder of this run: one run at a time in each
run=build/vm/$name
mkdir -p "$DOJO/$run"
exec 9>"$DOJO/$run.lock"
flock -n 9 || die "another machine runs in $run, process $(cat "$DOJO/$run/pid" 2>/dev/null || true) (--name gives this one its own)"
rm -f "$DOJO/$run"/{status,output,pid,console.log,qemu.log,qmp.sock,guest-qmp.sock}
{
	printf 'export DOJO_KERNEL=%q DOJO_MODULE=%q DOJO_CARDS=%q\n' "$kernel" \
		"${module:+/dojo/$module}" "${cards[*]}"
	echo "export PATH=/dojo/build/guest/tools:\$PATH LD_LIBRARY_PATH=/dojo/build/guest/libdojo"
	for v in SCALE DOJO_MODULE_ARGS CI TERM; do
		if [ -n "${!v-}" ]; then printf 'export %s=%q\n' "$v" "${!v}"; fi
	done
} >"$DOJO/$run/env"
if [ -n "$shell" ]; then
	size=$(stty size 2>/dev/null || true)
	cat >"$DOJO/$run/command" <<-END
		stty ${size:+rows ${size% *} cols ${size#* }} sane 2>/dev/null
		exec bash -i
	END
elif [ $# -eq 1 ]; then
	printf '%s\n' "$1" >"$DOJO/$run/command"
else
	printf '%q ' "$@" >"$DOJO/$run/command"
fi

accel() {
	case ${DOJO_VM_ACCEL-} in
	kvm | tcg) echo "$DOJO_VM_ACCEL"; return ;;
	?*) die "DOJO_VM_ACCEL='$DOJO_VM_ACCEL' is neither kvm nor tcg" ;;
	esac
	if ! [ -w /dev/kvm ]; then
		echo tcg
		return
	fi
	# /dev/kvm may be there and not work, or hang: tried once on this machine, with a limit
	local answer
	answer=$CACHE/kvm-$( (uname -rvm; grep -m 1 'model name' /proc/cpuinfo; cat /etc/machine-id 2>/dev/null; echo "$ROOT") |
		sha256sum | cut -c1-16)
	if ! [ -s "$answer" ]; then
		say "trying /dev/kvm (once, at most 20 s)"
		if in_root ${binds[@]+"${binds[@]}"} -b "$("$VM/qemu.sh" --base):/qemu" /dojo/qemu/vm/boot \
			"$version" "$image" "$run" 20 -accel kvm -cpu host -m 512M -append "quiet panic=-1 dojo.run=probe" \
			>/dev/null 2>&1 </dev/null; then
			echo kvm >"$answer"
		else
			echo tcg >"$answer"
		fi
	fi
	cat "$answer"
}
if [ -n "$icount" ]; then accel=icount; else accel=$(accel); fi

args=(-m "$memory" -smp "$cpus")
case $accel in
kvm) args+=(-accel kvm -cpu host) ;;
icount) args+=(-accel "tcg,thread=single" -icount shift=0 -cpu qemu64) ;;
*) args+=(-accel "tcg,thread=multi" -cpu qemu64) ;;
esac
if [ -n "$iommu" ]; then
	args+=(-machine "kernel-irqchip=split" -device "intel-iommu,intremap=on,caching-mode=on")
	append+=" intel_iommu=on"
fi
# the ports' own hot-plug, as boards have it: with ACPI's a port never says that its link is up, and no reset of it succeeds
args+=(-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off)
for i in "${!cards[@]}"; do
	case ,${cards[i]} in *,serial=*) ;; *) cards[i]+=${cards[i]:+,}serial=DOJO-VM-$(printf %04d "$i") ;; esac
	args+=(-device "pcie-root-port,id=rp$i,chassis=$((i + 1)),slot=$((i + 1))"
		-device "dojo-dip,id=card$i,bus=rp$i,${cards[i]}")
done
if [[ $kernel == debug* ]]; then
	args+=(-fsdev "local,id=modules,path=/kernel/modules,security_model=none,readonly=on"
		-device "virtio-9p-pci,fsdev=modules,mount_tag=modules")
	append+=" kasan_multi_shot no_hash_pointers"
fi
port() { args+=(-chardev "$2" -device "virtserialport,chardev=$1,name=org.dojo.$1"); }
port status "file,id=status,path=/dojo/$run/status"
args+=(-chardev "socket,id=monitor,path=/dojo/$run/guest-qmp.sock,server=on,wait=off"
	-mon "chardev=monitor,mode=control")
port qmp "socket,id=qmp,path=/dojo/$run/guest-qmp.sock"
if [ -n "$shell" ]; then
	args+=(-chardev "stdio,id=output,signal=off" -device "virtconsole,chardev=output")
	append+=" dojo.shell=1"
else
	port output file,id=output,path=/dev/stdout
fi
# shellcheck disable=SC2206 # words
args+=($extra -append "console=ttyS0 loglevel=5 panic=-1 dojo.run=$run $append")

boot=(in_root ${binds[@]+"${binds[@]}"} -b "$qemu:/qemu" /dojo/qemu/vm/boot "$version" "$image" "$run" "$limit" "${args[@]}")
rc=0
if [ -n "$shell" ]; then
	"${boot[@]}" 2>"$DOJO/$run/qemu.log" || rc=$?
else
	# Through a pipe, since QEMU makes its output non-blocking, which must not reach the caller's; in the background,
	# so that a signal can stop the machine.
	# shellcheck disable=SC2317 # called by the traps
	stop() {
		trap '' INT TERM HUP
		kill "$(cat "$DOJO/$run/pid" 2>/dev/null)" 2>/dev/null || true
		wait
		exit "$1"
	}
	trap 'stop 130' INT
	trap 'stop 143' TERM HUP
	mkfifo "$DOJO/$run/output"
	cat "$DOJO/$run/output" &
	reader=$!
	"${boot[@]}" 2>"$DOJO/$run/qemu.log" </dev/null >"$DOJO/$run/output" &
	wait $! || rc=$?
	wait $reader
fi
cat "$DOJO/$run/qemu.log" >&2
if [ -s "$DOJO/$run/status" ]; then
	exit "$(cat "$DOJO/$run/status")"
fi
say "the end of $run/console.log:"
tail -n 30 "$DOJO/$run/console.log" >&2 || true
[ "$rc" != 124 ] || die "the machine did not finish within $limit s"
die "the machine stopped before the command ended"
