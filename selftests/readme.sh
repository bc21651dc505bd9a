#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# readme.sh: compiles and runs the program that README.md shows, and runs libdojo's examples: what goes through the
# library. LIBDOJO_O says where libdojo was built.

here=$(cd "$(dirname "$0")" && pwd)
top=$here/..
lib=${LIBDOJO_O:-${O:-$top/build/guest/selftests}/../libdojo}
n=0 bad=0

verdict() {	# verdict STATUS NAME
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n readme.$2"; return; fi
	echo "not ok $n readme.$2"
	bad=1
}

if ! [ -e "$lib/libdojo.so" ] || ! [ -e "$top/README.md" ]; then
	echo "1..0 # SKIP libdojo is not here"
	exit 4
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export LD_LIBRARY_PATH=$lib

# shellcheck disable=SC2016 # backquotes are Markdown's
sed -n '/^```c$/,/^```$/{/^```/!p}' "$top/README.md" >"$tmp/readme.c"
grep -q main "$tmp/readme.c"
verdict $? has_a_program
# shellcheck disable=SC2046 # flags are words
cc -Wall -Wextra -Werror -I"$top/libdojo/include" -I"$top/uapi" $(pkg-config --cflags libdrm) "$tmp/readme.c" \
	-o "$tmp/readme" -L"$lib" -ldojo 2>&1 | sed 's/^/# /'
verdict "${PIPESTATUS[0]}" its_program_compiles
"$tmp/readme" >"$tmp/out" 2>&1
verdict $? its_program_runs
sed 's/^/# /' "$tmp/out"
grep -qx "99999 + 199998 = 299997" "$tmp/out"
verdict $? its_program_adds

for example in "$lib"/examples/*; do
	if ! [ -x "$example" ] || [ -d "$example" ]; then continue; fi
	timeout 60 "$example" >"$tmp/out" 2>&1
	rc=$?
	sed 's/^/# /' "$tmp/out" | head -n 20
	verdict $rc "example_${example##*/}"
done
echo "1..$n"
exit $bad
