#!/bin/sh
# SPDX-License-Identifier: MIT
#
# All tests of the library, from its folder: `make check`. Ends with one line
# "N passed, N failed, N skipped"; exit status 1 if any failed.
#
# O: where the library was built; CC, CXX, MAKE: as for make.

cd "$(dirname "$0")/.." || exit 1
: "${O:?}" "${CC:=cc}" "${CXX:=c++}" "${MAKE:=make}"
out=$O/tests
drm_cflags=$(pkg-config --cflags libdrm)
passed=0 failed=0 skipped=0
mkdir -p "$out"

pass() { passed=$((passed + 1)); echo "ok $1"; }
fail() { failed=$((failed + 1)); echo "not ok $1"; }
skip() { skipped=$((skipped + 1)); echo "ok $1 # SKIP $2"; }

# have PROGRAM...: are all of them installed?
have() { for program; do command -v "$program" >/dev/null || return 1; done; }

# check NAME COMMAND...: one test; the command's output is shown if it fails
check() {
	name=$1
	shift
	if "$@" >"$out/log" 2>&1; then
		pass "$name"
	else
		fail "$name"
		sed 's/^/# /' "$out/log"
	fi
}

# unit MODE COMMAND...: the unit tests of a build, each run by COMMAND
unit() {
	mode=$1 build=$2
	shift 2
	for source in tests/t_*.c; do
		test=$(basename "$source" .c)
		timeout 300 "$@" "$out/$build/$test" >"$out/log" 2>&1
		status=$?
		sed -n "s/^\(not \)\{0,1\}ok [0-9]* /\1ok $mode $test /p; /^#/p" "$out/log"
		good=$(grep -c '^ok ' "$out/log")
		bad=$(grep -c '^not ok ' "$out/log")
		passed=$((passed + good))
		failed=$((failed + bad))
		if [ $status -ne 0 ] && [ "$bad" -eq 0 ]; then
			fail "$mode $test ended with status $status"
			sed 's/^/# /' "$out/log" | tail -60
		fi
	done
}

# sanitizer_works FLAG: can programs be built and run that way at all?
sanitizer_works() {
	echo 'int main(void) { return 0; }' >"$out/probe.c"
	# shellcheck disable=SC2086
	$CC $1 -o "$out/probe" "$out/probe.c" 2>/dev/null && "$out/probe" >/dev/null 2>&1
}

unit_tests() {
	if ! "$MAKE" -s -C tests O="$out" MODE=plain UAPI=../../uapi CC="$CC"; then
		fail 'unit tests do not compile'
		return
	fi
	unit plain plain env
	if have valgrind; then
		unit valgrind plain valgrind -q --leak-check=full --errors-for-leak-kinds=definite \
			--error-exitcode=9
	else
		skip 'unit tests under valgrind' 'no valgrind'
	fi
	if ! sanitizer_works '-fsanitize=address,undefined'; then
		skip 'unit tests under address and undefined-behaviour sanitizers' 'not supported here'
	elif "$MAKE" -s -C tests O="$out" MODE=sanitize UAPI=../../uapi CC="$CC"; then
		unit sanitize sanitize env ASAN_OPTIONS=detect_leaks=1
	else
		fail 'unit tests do not compile with sanitizers'
	fi
	if ! sanitizer_works '-fsanitize=thread'; then
		skip 'unit tests under the thread sanitizer' 'not supported here'
	elif "$MAKE" -s -C tests O="$out" MODE=thread UAPI=../../uapi CC="$CC"; then
		unit thread thread env TSAN_OPTIONS=halt_on_error=1
	else
		fail 'unit tests do not compile with the thread sanitizer'
	fi
}

header_calls() {
	sed '/^#/d' include/*.h | tr '\n' ' ' | sed 's|/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/||g' |
		tr ';{}' '\n' | sed -n 's/^[^(]*\b\(dojo_[a-z0-9_]*\)(.*/\1/p' | sort -u
}

map_calls() { sed -n 's/^\t\(dojo_[a-z0-9_]*\);$/\1/p' libdojo.map | sort -u; }

exported_symbols() {
	nm -D --defined-only "$O/libdojo.so" | sed -n 's/.* T \(.*\)@@DOJO_1.0$/\1/p' | sort -u
}

# calls that the NAME lines of the pages have
page_calls() {
	sed -n '/^\.SH NAME/{n;s/ \\-.*//;s/, */\n/g;p}' man/*.3 | sort -u
}

same() {	# same LEFT RIGHT: two lists of names, from functions
	$1 >"$out/left"
	$2 >"$out/right"
	test -s "$out/left" && diff "$out/left" "$out/right"
}

only_versioned_symbols() {
	! nm -D --defined-only "$O/libdojo.so" | grep -v -e '@@DOJO_1.0$' -e ' A DOJO_1.0$'
}

static_library_keeps_to_its_names() {
	! nm --defined-only "$O/libdojo.a" | awk '$2 ~ /[TDBR]/ && $3 !~ /^dojo_/' | grep .
}

symbols() {
	check 'the map lists what the headers declare' same header_calls map_calls
	check 'the library exports what the map lists' same exported_symbols map_calls
	check 'the library exports nothing else' only_versioned_symbols
	check 'the static library defines dojo_ names only' static_library_keeps_to_its_names
	check 'every call has a man page' same map_calls page_calls
}

# page_is_clean FILE
page_is_clean() {
	if have mandoc; then
		mandoc -T lint -W warning "$1" || return 1
	fi
	if have man groff; then
		LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l -Tutf8 -Z "$1" 2>&1 >/dev/null | grep . && return 1
	fi
	return 0
}

# every dojo page that is referred to exists
references_exist() {
	{ page_calls; basename -a -s .7 man/*.7; basename -a -s .3 man/*.3; } | sort -u >"$out/left"
	sed -n 's/^\.BR \(dojo[a-z0-9_]*\) ([37]).*/\1/p' man/* | sort -u >"$out/right"
	! comm -13 "$out/left" "$out/right" | grep .
}

# SYNOPSIS has the prototypes of the headers: both without blanks, stars, quotes, and in one line
synopsis_is_current() {
	sed '/^#/d' include/*.h | tr '\n' ' ' | sed 's|/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/||g' |
		tr ';{}' '\n' | sed 's/DOJO_MUST_CHECK//' | tr -d ' \t' | sort -u >"$out/left"
	sed -n '/^\.SH SYNOPSIS/,/^\.fi/p' man/*.3 | grep '^\.BI' | sed 's/^\.BI//' |
		tr -d ' "\n\t' | tr ';' '\n' | sort -u >"$out/right"
	! comm -13 "$out/left" "$out/right" | grep .
}

pages() {
	check 'references between man pages lead somewhere' references_exist
	check 'synopses are the prototypes of the headers' synopsis_is_current
	if ! have mandoc && ! have man groff; then
		skip 'man pages are clean' 'neither mandoc nor man with groff'
		return
	fi
	for page in man/*; do
		check "$page is clean" page_is_clean "$page"
	done
}

headers() {
	printf '#include <dojo.h>\n' >"$out/header.c"
	printf '#include <dojo_packets.h>\n' >"$out/packets.c"
	printf '#include <dojo_group.h>\n' >"$out/group.c"
	cp "$out/header.c" "$out/header.cc"
	flags="-Wall -Wextra -Wshadow -Werror -Iinclude -I../uapi $drm_cflags -fsyntax-only"
	for compiler in gcc clang; do
		if ! have $compiler; then
			skip "headers compile with $compiler" "no $compiler"
			continue
		fi
		for file in header packets group; do
			# shellcheck disable=SC2086
			check "$file compiles alone with $compiler" $compiler -std=c11 $flags "$out/$file.c"
		done
	done
	if have "$CXX"; then
		# shellcheck disable=SC2086
		check 'headers compile as C++' "$CXX" -std=c++11 $flags "$out/header.cc"
	else
		skip 'headers compile as C++' "no $CXX"
	fi
}

# the library, its tests and examples under the compiler's static analysis
analyzer() {
	if ! $CC -fanalyzer -fsyntax-only -x c /dev/null 2>/dev/null; then
		skip 'static analysis' "$CC has no -fanalyzer"
		return
	fi
	for source in src/*.c; do
		# shellcheck disable=SC2086
		check "analysis of $source" $CC -fanalyzer -O2 -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wshadow \
			-Werror -Iinclude -I../uapi $drm_cflags -c -o "$out/analyzed.o" "$source"
	done
}

# with_fake_tiles COMMAND...: as if there were a card of two tiles
with_fake_tiles() { timeout 60 env LD_PRELOAD="$out/plain/libfake.so" "$@"; }

says_what_to_do() {
	with_fake_tiles env FAKE_TILES=0 "$O/examples/copy" >"$out/left" 2>&1
	[ $? -eq 1 ] && grep modprobe "$out/left"
}

# There are compilers whose debug information valgrind cannot read.
valgrind_works() { have valgrind && valgrind -q --error-exitcode=9 "$O/examples/list" >/dev/null 2>&1; }

examples() {
	if ! [ -e "$out/plain/libfake.so" ]; then
		skip 'examples' 'the fake kernel side was not built'
		return
	fi
	for source in examples/*.c; do
		example=$(basename "$source" .c)
		check "example $example runs" with_fake_tiles "$O/examples/$example"
		if valgrind_works; then
			check "example $example runs under valgrind" with_fake_tiles \
				valgrind -q --error-exitcode=9 "$O/examples/$example"
		else
			skip "example $example runs under valgrind" 'no valgrind, or one that cannot read it'
		fi
	done
	check 'an example without a tile says what to do' says_what_to_do
}

# the first C program of the README that includes dojo.h
readme_program() {
	awk '/^```c$/ { text = ""; on = 1; next }
	     /^```$/ && on { if (text ~ /dojo\.h/) { printf "%s", text; exit } on = 0 }
	     on { text = text $0 "\n" }' ../README.md
}

# compile_installed SOURCE: as a user would, against what was installed
compile_installed() {
	pc() { PKG_CONFIG_PATH="$out/root/usr/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR='' pkg-config "$@"; }
	# shellcheck disable=SC2046
	$CC -Wall -Werror -o "$out/installed" "$1" $(pc --cflags --libs libdojo) -Wl,-rpath,"$out/root/usr/lib"
}

installation() {
	rm -rf "$out/root"
	check 'make install' "$MAKE" -s O="$O" PREFIX="$out/root/usr" install
	check 'a program compiles against what was installed' compile_installed examples/vector_add.c
	check 'and runs' with_fake_tiles "$out/installed"
	check 'every call has an installed man page' every_call_installed
	check 'pages that are aliases lead to the page' aliases_lead
	rm -rf "$out/staged"
	check 'make install into DESTDIR' "$MAKE" -s O="$O" PREFIX=/usr DESTDIR="$out/staged" install
	check 'pkg-config file names the prefix' grep -q '^prefix=/usr$' "$out/staged/usr/lib/pkgconfig/libdojo.pc"
	"$MAKE" -s O="$O" "$O/libdojo.pc" >/dev/null
	readme_program >"$out/readme.c" 2>/dev/null
	if [ -s "$out/readme.c" ]; then
		check "the README's program compiles" compile_installed "$out/readme.c"
		check "the README's program runs" with_fake_tiles "$out/installed"
	else
		skip "the README's program" 'README.md has no program'
	fi
}

every_call_installed() {
	for call in $(map_calls); do
		[ -e "$out/root/usr/share/man/man3/$call.3" ] || { echo "$call"; return 1; }
	done
}

aliases_lead() {
	sed -n 's/^\.so //p' "$out"/root/usr/share/man/man3/* | sort -u >"$out/left"
	while read -r page; do
		[ -e "$out/root/usr/share/man/$page" ] || { echo "$page"; return 1; }
	done <"$out/left"
}

unit_tests
symbols
headers
analyzer
pages
examples
installation

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
