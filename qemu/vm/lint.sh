#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lint.sh [CHECK...]: static analysis of the whole tree in the build root; one pass or failure a check, the sum last.
. "$(dirname "$0")/common.sh"

if [ "${1-}" != inside ]; then
	alone lint
	in_root /dojo/qemu/vm/lint.sh inside "$@" </dev/null
	exit
fi
shift

src=/usr/src/linux-$KERNEL_LTS
out=/dojo/build/lint
mkdir -p $out
# tracked or new, but not ignored
files() { git -c safe.directory=/dojo ls-files -co --exclude-standard -- "$@" | while IFS= read -r f; do if [ -f "$f" ]; then echo "$f"; fi; done; }
each() { xargs -r -d '\n' -P "$(nproc)" -n 8 "$@"; }	# each COMMAND...: with the files that are read, on every core
problems() { grep -E -A 6 ' (fatal )?(error|warning):' "$1" | head -n 100; }

spdx() {
	local rc=0 f
	while IFS= read -r f; do
		head -n 4 "$f" | grep -q 'SPDX-License-Identifier:' || { echo "$f: no SPDX line"; rc=1; }
	done < <(files '*.[chS]' '*.inc' '*.sh' '*.py' '*Makefile*' '*Kbuild*' '*Kconfig*' '*meson.build' '*.config' '*.patch' qemu/vm .ci)
	return $rc
}

shell() {
	local f scripts=()
	while IFS= read -r f; do
		if head -n 1 "$f" | grep -qE '^#!.*(bash|sh)( |$)' || [[ $f == *.sh ]]; then scripts+=("$f"); fi
	done < <(files)
	shellcheck -x -P SCRIPTDIR "${scripts[@]}"
}

# Not for a tree of its own: FILE_PATH_CHANGES (MAINTAINERS). SPDX_LICENSE_TAG: it accepts only what the kernel's own
# files use. BIT_MACRO in headers that user space and QEMU include too: there is no BIT() there. In user space there are no
# u32, __printf(), ARRAY_SIZE(), strscpy() of the kernel's either, and cJSON is named as it is. A macro that defines a
# test by its name uses the name more than once, and is no expression.
patch() { each perl "$src"/scripts/checkpatch.pl --no-tree --strict --terse --show-types --no-summary --max-line-length=100 "$@" -f; }
checkpatch() {
	local rc=0 common=SPDX_LICENSE_TAG,FILE_PATH_CHANGES
	# Vectors have no name but that of a typedef.
	local user=BIT_MACRO,PREFER_KERNEL_TYPES,PREFER_DEFINED_ATTRIBUTE_MACRO,ARRAY_SIZE,STRCPY,CAMELCASE,MACRO_ARG_REUSE,COMPLEX_MACRO,NEW_TYPEDEFS
	# Locks are described in the kernel-doc block of their struct, which checkpatch does not look into; macros that
	# name a member cannot put it in parentheses.
	local kernel=$common,UNCOMMENTED_DEFINITION,MACRO_ARG_PRECEDENCE
	files 'driver/*.[ch]' ':!driver/dojo_regs.h' ':!driver/dojo_compat.h' ':!driver/dojo_trace.h' |
		patch --ignore $kernel || rc=1
	# It spells other kernels' functions, initialisers and members by macros.
	files driver/dojo_compat.h | patch --ignore "$kernel,MACRO_ARG_UNUSED,MACRO_ARG_PRECEDENCE,MACRO_ARG_REUSE,\
TRAILING_SEMICOLON,COMPLEX_MACRO,LINUX_VERSION_CODE,CONSTANT_COMPARISON,SPACING" || rc=1
	# The layout of trace events is the kernel's own.
	files driver/dojo_trace.h | patch --ignore $kernel,PARENTHESIS_ALIGNMENT,OPEN_ENDED_LINE || rc=1
	files 'uapi/*.h' driver/dojo_regs.h | patch --ignore $common,BIT_MACRO || rc=1
	{
		files 'libdojo/*.[ch]' 'tools/*.[ch]' 'selftests/*.[ch]' 'qemu/native/*.[ch]'
		files 'qemu/overlay/*.[ch]' 'qemu/overlay/*.inc' | grep -vxFf <(of-qemu qemu/overlay)
	} | patch --ignore $common,$user || rc=1
	return $rc
}

# The model's files that use QEMU's interfaces are in QEMU's style; the plain C ones, in the kernel's.
of-qemu() {
	{
		grep -rlE --include='*.[ch]' '#include "(qemu|hw|qom|exec|system|migration)/' "$1"
		find "$1/tests" -name '*.[ch]'
	} | sed 's|^\./||' | sort -u
}
qemu-style() {
	local script found
	for script in /cache/qemu-base-*/src/scripts/checkpatch.pl; do :; done
	[ -e "$script" ] || return 77
	# by QEMU's paths, since tests have rules of their own; its warnings are advice
	cd qemu/overlay
	found=$(of-qemu . | each perl "$script" --no-tree --terse --no-summary -f | grep ': ERROR:' || true)
	[ -z "$found" ] || { printf '%s\n' "$found" | head -n 200; return 1; }
}

# What Clang says of the sources that GCC built in FOLDER: with GCC's definitions and include paths, the kernel's headers
# as a system's.
clang-warnings() {	# clang-warnings FOLDER
	local command words word arguments rc=0
	for command in "$1"/driver/.dojo_*.o.cmd; do
		read -ra words < <(sed -n 's/^savedcmd_[^ ]* := //; s/ ; .*//; 1p' "$command")
		arguments=("${words[-1]}")
		for word in "${words[@]}"; do
			case $word in
			-I/usr/*) arguments+=(-isystem "${word#-I}") ;;
			-I* | -D* | -std=* | -nostdinc | -fms-extensions | -fshort-wchar | -include | /usr/*.h) arguments+=("$word") ;;
			esac
		done
		# the words have the quotes of a shell's
		(cd "$1" && eval "clang -fsyntax-only -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
			-Wno-missing-field-initializers -Wno-gnu -Wno-microsoft ${arguments[*]}") || rc=1
	done
	return $rc
}

module() {	# module KERNEL: W=1 and sparse, every warning an error
	local dir
	for dir in /lib/modules/"$1".*; do :; done
	rm -rf "${out:?}/$1"
	/dojo/qemu/vm/module "$dir/build" "build/lint/$1" W=1 C=2 CF="-D__CHECK_ENDIAN__ -D__FILE_NAME__=__FILE__" KCFLAGS=-Werror modules >"$out/module-$1.log" 2>&1 ||
		{ problems "$out/module-$1.log"; return 1; }
	# sparse warns without failing
	! grep -E ': (warning|error):' "$out/module-$1.log"
}
module-lts() { module "$KERNEL_LTS"; }
module-new() { module "$KERNEL_NEW" && clang-warnings "$out/$KERNEL_NEW"; }

# Every semantic patch of the kernel's that needs no OCaml, in report mode.
semantic-patch() {	# semantic-patch FILE
	local options found
	options=$(sed -n 's/.*Options: *//p' "$1" | head -n 1)
	# shellcheck disable=SC2086 # options are words
	found=$(spatch -D report --no-show-diff --very-quiet --cocci-file "$1" $options --dir driver \
		-I "$(echo /usr/src/linux-headers-"$KERNEL_LTS".*-common/include)" 2>/dev/null || true)
	if [ -n "$found" ]; then printf '%s: %s\n' "${1##*/}" "$found"; fi
}
coccinelle() {
	local found
	export -f semantic-patch
	found=$(grep -rl --include='*.cocci' 'virtual *report' "$src/scripts/coccinelle" | xargs grep -L ocaml | sort |
		xargs -P "$(nproc)" -I{} bash -c 'semantic-patch {}')
	[ -z "$found" ] || { printf '%s' "$found"; return 1; }
}

kernel-doc() {
	local list
	mapfile -t list < <(files 'driver/*.[ch]' 'uapi/*.h')
	perl "$src"/scripts/kernel-doc -none -Werror "${list[@]}"
}

uapi() {	# self-contained, as C and as C++, by two compilers
	local header lang rc=0
	while IFS= read -r header; do
		for lang in "gcc -x c -std=c99" "clang -x c -std=c11" "g++ -x c++ -std=c++11" "clang++ -x c++ -std=c++17"; do
			# shellcheck disable=SC2086 # a compiler with its options
			echo "#include \"$header\"" | $lang -Wall -Wextra -Werror -fsyntax-only \
				-I. -Iuapi -I/usr/include/drm -I/usr/include/libdrm - || rc=1
		done
	done < <(files 'uapi/*.h')
	return $rc
}

padding() {	# no struct of the interface has a hole or an implicit tail
	local name names
	mapfile -t names < <(files 'uapi/*.h' driver/dojo_regs.h | xargs sed -n 's/^struct \(dojo_[a-z0-9_]*\|drm_dojo_[a-z0-9_]*\) {.*/\1/p')
	{
		files 'uapi/*.h' driver/dojo_regs.h | sed 's/.*/#include "&"/'
		for name in "${names[@]}"; do echo "struct $name v_$name;"; done
	} >$out/padding.c
	gcc -g -c -Iuapi -I. -I/usr/include/drm $out/padding.c -o $out/padding.o
	pahole $out/padding.o >$out/padding.txt
	! grep -E -B 12 'XXX|/\* padding:' $out/padding.txt
}

user() {	# user NAME COMPILER FLAGS: libdojo and the tools built anew with these
	local dir
	rm -rf "${out:?}/$1"
	for dir in libdojo tools; do
		make -j"$(nproc)" --no-print-directory -C $dir O="$out/$1/$dir" LIBDOJO_O="$out/$1/libdojo" CC="$2" CFLAGS="$3" all \
			>"$out/$1.log" 2>&1 || { problems "$out/$1.log"; return 1; }
	done
}
user-gcc() { user gcc gcc "-O2 -g -Wall -Wextra -Werror"; }
user-clang() { user clang clang "-O2 -g -Wall -Wextra -Werror"; }
user-analyzer() { user analyzer gcc "-O1 -g -fanalyzer -Werror"; }

man() {
	local list
	mapfile -t list < <(files '*.1' '*.3' '*.7' '*.8')
	[ ${#list[@]} -gt 0 ] || return 77
	mandoc -T lint -W warning "${list[@]}"
}

checks=("$@")
[ ${#checks[@]} -gt 0 ] || checks=(coccinelle checkpatch module-lts module-new user-analyzer user-clang user-gcc shell qemu-style
	kernel-doc uapi padding spdx man)
for check in "${checks[@]}"; do
	declare -F "$check" >/dev/null || { echo "there is no check '$check'" >&2; exit 2; }
done

# run CHECK: in a subshell of its own, so that the first failing command ends the check (which || would prevent)
run() {
	local began=$SECONDS rc
	set +e
	(set -e; "$1") >"$out/$1.out" 2>&1
	rc=$?
	{
		cat "$out/$1.out"
		case $rc in
		0) echo "ok - $1 ($((SECONDS - began)) s)" ;;
		77) echo "ok - $1 # SKIP" ;;
		*) echo "not ok - $1" ;;
		esac
	} >"$out/$1.result"
	flock "$out/lock" cat "$out/$1.result"
}

# as many at a time as there are cores; the longest come first
for check in "${checks[@]}"; do
	while [ "$(jobs -pr | wc -l)" -ge "$(nproc)" ]; do wait -n; done
	run "$check" &
done
wait
results=("${checks[@]/#/$out/}")
ends() { tail -q -n 1 "${results[@]/%/.result}" | grep -c "$1" || true; }
skipped=$(ends '# SKIP$') failed=$(ends '^not ok')
sum $((${#checks[@]} - failed - skipped)) "$failed" "$skipped"
