#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# library.sh: what goes through libdojo and the tools and needs a card: collectives on every card, a transformer trained
# by packets, and the prediction of `dojo model` beside the model clock. LIBDOJO_O and TOOLS_O say where they were built.

here=$(cd "$(dirname "$0")" && pwd)
build=${O:-$here/../build/guest/selftests}/..
lib=${LIBDOJO_O:-$build/libdojo} tools=${TOOLS_O:-$build/tools}
n=0 bad=0
tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT

verdict() {	# verdict STATUS NAME
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n library.$2"; return; fi
	echo "not ok $n library.$2"
	bad=1
}

if ! [ -d "$lib/device" ] || ! [ -x "$tools/dojo" ]; then
	echo "1..0 # SKIP libdojo and the tools are not here"
	exit 4
fi
for program in "$lib"/device/*; do
	if ! [ -x "$program" ] || [ -d "$program" ]; then continue; fi
	timeout $((120 * ${DOJO_SLOW:-1})) "$program" >"$tmp" 2>&1
	rc=$?
	while IFS= read -r line; do
		case $line in
		"ok "*) verdict 0 "${line#ok * }" ;;
		"not ok "*) verdict 1 "${line#not ok * }" ;;
		1..*) ;;
		*) echo "# ${line#\# }" ;;
		esac
	done <"$tmp"
	verdict "$([ $rc = 0 ] || [ $rc = 4 ]; echo $?)" "${program##*/}_ends_well"
done

timeout $((120 * ${DOJO_SLOW:-1})) "$tools/dojo" model --check >"$tmp" 2>&1
rc=$?
sed 's/^/# /' "$tmp"
verdict $rc model_agrees_with_the_clock
echo "1..$n"
exit $bad
