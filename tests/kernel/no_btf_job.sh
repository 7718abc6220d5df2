# shellcheck shell=dash
# A kernel without BTF, as far as a program can see.
mount -t tmpfs tmpfs /sys/kernel/btf
timeout -s KILL 20 pipetrace --json -d 5 >/results/no_btf.stdout 2>/results/no_btf.stderr
echo $? >/results/no_btf.status
umount /sys/kernel/btf
