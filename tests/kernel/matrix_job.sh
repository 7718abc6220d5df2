# shellcheck shell=dash
# What the matrix runs in each VM. The host puts the values of `modes` and
# `mode_seconds` before this text and judges /results; this only collects.
: "${modes:?}" "${mode_seconds:?}"

# What a tracer may leave attached: ftrace users, kprobes, pinned BPF objects.
attached() {
    cat /sys/kernel/tracing/enabled_functions /sys/kernel/debug/kprobes/list
    find /sys/fs/bpf -mindepth 1
}

attached >/results/attached.before
for mode in $modes; do
    begin=$(cut -d ' ' -f 1 /proc/uptime)
    timeout -s KILL "$mode_seconds" python3 /tests/cases/run_cases.py \
        --pipetrace /bin/pipetrace --provokers /provokers --mode "$mode" \
        --out "/results/$mode.json" >"/results/$mode.output" 2>&1
    echo $? >"/results/$mode.status"
    echo "$begin $(cut -d ' ' -f 1 /proc/uptime)" >"/results/$mode.seconds"
    attached >"/results/$mode.attached"
done

# A kernel without BTF, as far as a program can see.
mount -t tmpfs tmpfs /sys/kernel/btf
timeout -s KILL 20 pipetrace --json -d 5 >/results/no_btf.stdout 2>/results/no_btf.stderr
echo $? >/results/no_btf.status
umount /sys/kernel/btf
