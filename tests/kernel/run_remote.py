#!/usr/bin/env python3
"""Boot one kernel twice, joined by a wire: the peers in one VM, their victims traced in the other."""
import make_initramfs
import fetch_kernel
import qemu
import run_matrix

HERE = run_matrix.HERE
PEER_END_SECONDS = 10
VICTIM_ADDRESS, PEER_ADDRESS = "10.79.0.1", "10.79.0.2"
LINK_UP = "ip addr add {address}/24 dev eth0\nip link set eth0 up\n"
# Silence ends a connection after 3 s instead of a quarter of an hour, and so it does a connect() (since 6.5 there
# are more SYNs at first).
BEGIN = LINK_UP.format(address=VICTIM_ADDRESS) + f"""
echo 3 >/proc/sys/net/ipv4/tcp_retries2
linear=/proc/sys/net/ipv4/tcp_syn_linear_timeouts
[ ! -e $linear ] || echo 0 >$linear
tries=0
until nc -w 1 {PEER_ADDRESS} 7000 </dev/null; do
    tries=$((tries + 1))
    [ $tries -lt 150 ] || {{ echo "the peer's host does not answer" >&2; exit 1; }}
    sleep 0.2
done
"""
END = f"echo 'end - 0' | nc -w 5 {PEER_ADDRESS} 7000\n"
PEER_JOB = ("#!/bin/sh\n" + LINK_UP.format(address=PEER_ADDRESS)
            + f"exec python3 /extra/remote_peer.py {PEER_ADDRESS}\n")


def prepare(options, work):
    kernel = fetch_kernel.fetch(options.kernel, options.cache)
    cases = (HERE / "matrix_job.sh").read_text()
    make_initramfs.build(work / "initramfs", pipetrace=options.build / "pipetrace",
                         provokers=options.build / "tests/provokers/bin", cases=options.cases,
                         modules=kernel / "modules", network=True,
                         job=run_matrix.job_text(options, BEGIN, cases, END,
                                                 case_arguments=f"--host {PEER_ADDRESS}"))
    make_initramfs.build(work / "peer_initramfs", modules=kernel / "modules", network=True, job=PEER_JOB,
                         extra=[HERE / "remote_peer.py"])
    return kernel


def boot_both(options, kernel, work, boot_work, job_seconds, peer_end_seconds=PEER_END_SECONDS):
    """Return (the victims' VM's outcome, the peer's)."""
    machines = [qemu.Machine(options.kernel, kernel, work / initramfs, boot_work / name, processors=1,
                             job_seconds=job_seconds, link=(number, boot_work))
                for number, name, initramfs in ((2, "peer", "peer_initramfs"), (1, "victim", "initramfs"))]
    peer, victim = (machine.finish for machine in machines)
    outcome = victim()
    return outcome, peer(peer_end_seconds)


def boot_pair(options, kernel, work, boot_work, job_seconds):
    """Boot both; what the victims' VM left is the outcome."""
    outcome, peer_outcome = boot_both(options, kernel, work, boot_work, job_seconds)
    if outcome.failure or outcome.result("status") != "0":
        outcome.console += f"\n--- the peer's VM: {peer_outcome.describe()}"
    return outcome


def main():
    options = run_matrix.arguments(__doc__)
    options.column += ".remote"
    run_matrix.run(options, prepare, boot_pair, run_matrix.judge)


if __name__ == "__main__":
    main()
