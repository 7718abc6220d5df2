# shellcheck shell=dash
# Every case in every mode. The host puts the values of these before this text
# and judges /results; this only collects.
: "${modes:?}" "${mode_seconds:?}" "${case_arguments=}"

# What a tracer may leave attached: ftrace users, kprobes, pinned BPF objects.
attached() {
    cat /sys/kernel/tracing/enabled_functions /sys/kernel/debug/kprobes/list
    find /sys/fs/bpf -mindepth 1
}

attached >/results/attached.before
for mode in $modes; do
    begin=$(cut -d ' ' -f 1 /proc/uptime)
    # shellcheck disable=SC2086 # several words, on purpose
    timeout -s KILL "$mode_seconds" python3 /tests/cases/run_cases.py \
        --pipetrace /bin/pipetrace --provokers /provokers --mode "$mode" $case_arguments \
        --out "/results/$mode.json" >"/results/$mode.output" 2>&1
    echo $? >"/results/$mode.status"
    echo "$begin $(cut -d ' ' -f 1 /proc/uptime)" >"/results/$mode.seconds"
    attached >"/results/$mode.attached"
done
