#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# tools.sh: what `dojo` says of a tile at work: traces, core dumps, resets, the cost of submissions. O says where the
# selftests were built; the tools are beside them.

out=${O:-$(dirname "$0")/../build/guest/selftests}
dojo=$out/../tools/dojo
export LD_LIBRARY_PATH=$out/../libdojo
n=0 bad=0

verdict() {	# verdict STATUS NAME
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n tools.$2"; return; fi
	echo "not ok $n tools.$2"
	bad=1
}
holds() {	# holds FILE FILTER: a jq filter is true of a JSON file
	jq -e "$2" "$1" >"$tmp/jq" 2>&1 && return
	sed 's/^/# jq: /' "$tmp/jq"
	return 1
}

if ! [ -x "$dojo" ] || ! type jq >/dev/null 2>&1; then
	echo "1..0 # SKIP the tools or jq are not here"
	exit 4
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# ---- a trace of a program that works and of one that does wrong

"$dojo" trace -o "$tmp/trace.json" -- "$out/submit" -t jobs_of_one_call_run_in_order >"$tmp/out" 2>&1
verdict $? trace_returns_what_the_program_returns
sed 's/^/# /' "$tmp/out" | tail -n 1
holds "$tmp/trace.json" '.traceEvents | length > 10'
verdict $? trace_is_json
# jobs are the complete events of processes from 2 on, a queue each thread; the kernel's own have client 0
jobs='[.traceEvents[] | select(.ph == "X" and .pid >= 2 and .args.client != 0)]'
holds "$tmp/trace.json" "$jobs | length >= 3 and all(.args.error == 0 and .args.device_times)"
verdict $? trace_has_every_job
holds "$tmp/trace.json" "
	([.traceEvents[] | select(.ph == \"M\" and .name == \"thread_name\") | \"\\(.pid)/\\(.tid) \\(.args.name)\"]) as \$names |
	$jobs | all(. as \$job | \$names | any(startswith(\"\\(\$job.pid)/\\(\$job.tid) queue \")))"
verdict $? trace_has_a_named_track_for_every_queue
# on the host's clock: after its submission began, and over before the driver learnt of it; clocks were paired to some µs
holds "$tmp/trace.json" "
	([.traceEvents[] | select(.ph == \"s\") | {key: .id, value: .ts}] | from_entries) as \$submitted |
	([.traceEvents[] | select(.ph == \"f\") | {key: \"\\(.pid)/\\(.tid)/\\(.ts)\", value: .id}] | from_entries) as \$flow |
	$jobs | all(\$submitted[\$flow[\"\\(.pid)/\\(.tid)/\\(.ts)\"]] <= .ts + 1000 and .dur >= 0 and
		.ts + .dur <= .args.signalled_us + 1000)"
verdict $? trace_puts_jobs_between_submission_and_end
holds "$tmp/trace.json" "$jobs | group_by([.pid, .tid]) |
	all(sort_by(.ts) | . as \$q | all(range(1; length); \$q[.].ts >= \$q[. - 1].ts + \$q[. - 1].dur - 1))"
verdict $? trace_has_jobs_of_a_queue_one_after_the_other
holds "$tmp/trace.json" '.otherData.lost_events == 0'
verdict $? trace_lost_nothing
! "$dojo" trace -o "$tmp/false.json" -- false 2>"$tmp/out" && [ -s "$tmp/false.json" ]
verdict $? trace_hands_a_failure_on
! ls -d /sys/kernel/tracing/instances/dojo-* >"$tmp/out" 2>&1
verdict $? trace_leaves_no_instance_behind

# ---- a core dump of a queue that writes where nothing is mapped

dumps() { ls -d /sys/class/devcoredump/devcd*/data 2>/dev/null; }
for _ in {1..100}; do
	for dump in $(dumps); do echo 0 >"$dump" 2>/dev/null; done
	[ -n "$(dumps)" ] || break
	sleep 0.05
done
"$dojo" trace -o "$tmp/fault.json" -- "$out/submit" -t an_error_reaches_those_who_wait_for_it >"$tmp/out" 2>&1
for _ in {1..100}; do
	dump=$(dumps | head -n 1)
	[ -z "$dump" ] || break
	sleep 0.05
done
[ -n "$dump" ] && cat "$dump" >"$tmp/dump" && echo 0 >"$dump"
verdict $? coredump_is_there
"$dojo" coredump "$tmp/dump" >"$tmp/text" && "$dojo" coredump --json "$tmp/dump" >"$tmp/dump.json"
verdict $? coredump_is_decoded
holds "$tmp/dump.json" '.complete and .reason == "fault" and .process == "submit" and (.fault | test("translation"; "i"))'
verdict $? coredump_names_fault_and_process
holds "$tmp/dump.json" '.packet.opcode == "FILL" and .packet.size_bytes > 0'
verdict $? coredump_has_the_packet_at_fault
# the walk ends at an entry that is not valid
holds "$tmp/dump.json" '(.walk | length >= 1 and length <= 4) and (.walk[-1] | test("[02468ace]$"))'
verdict $? coredump_has_the_page_table_walk
holds "$tmp/dump.json" '.contexts[0].state | test("faulted"; "i")'
verdict $? coredump_has_the_queue
grep -q "^ring" "$tmp/text" && "$dojo" coredump --all "$tmp/dump" | grep -q "^tile registers"
verdict $? coredump_has_ring_and_registers
holds "$tmp/fault.json" '[.traceEvents[] | select(.name == "fault")] | length == 1'
verdict $? trace_has_the_fault

# ---- resets

tile=$("$dojo" list --json | jq -r '.cards[0].tiles[0].device_node')
device=/sys/class/accel/${tile##*/}/device
resets=$(cat "$device/resets")
"$dojo" reset --json "$tile" >"$tmp/reset.json" && holds "$tmp/reset.json" '.scope == "tile" and .seconds < 60' &&
	[ "$(cat "$device/resets")" = $((resets + 1)) ]
verdict $? reset_of_a_tile
"$dojo" reset --card "$tile" >"$tmp/out" && grep -q "card reset in" "$tmp/out" &&
	[ "$(cat "$device/state")" = up ]
verdict $? reset_of_a_card
setpriv --reuid 65534 --regid 65534 --clear-groups "$dojo" reset "$tile" >"$tmp/out" 2>&1
[ $? = 1 ] && grep -q "for root" "$tmp/out"
verdict $? reset_is_for_root
"$out/submit" -t calls_run_in_order >"$tmp/out" 2>&1
verdict $? tile_works_after_resets

# ---- what a submission costs, by the card's own counters

"$dojo" bench --json submit >"$tmp/bench.json"
verdict $? bench_of_submissions
# a doorbell each, and now and then something of the driver's
holds "$tmp/bench.json" '[.submissions[].mmio_writes_per_submission] | all(. >= 0.99 and . < 1.5)'
verdict $? one_mmio_write_a_submission
holds "$tmp/bench.json" '[.submissions[].mmio_reads_per_submission] | all(. < 0.5)'
verdict $? no_mmio_read_a_submission
sed 's/^/# /' "$tmp/bench.json" | head -n 40

echo "1..$n"
exit $bad
