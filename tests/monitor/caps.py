"""A program run as an ordinary user with some of root's capabilities and no others."""
import ctypes
import os
import struct

NUMBERS = {"dac_override": 1, "dac_read_search": 2, "net_admin": 12, "sys_ptrace": 19, "sys_admin": 21, "sys_nice": 23,
           "sys_resource": 24, "syslog": 34, "perfmon": 38, "bpf": 39}
LAST = int(open("/proc/sys/kernel/cap_last_cap", encoding="ascii").read())

PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_KEEPCAPS, PR_CAP_AMBIENT = 23, 24, 8, 47
PR_CAP_AMBIENT_RAISE = 2
SYS_CAPSET = {"x86_64": 126, "aarch64": 91}[os.uname().machine]
VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _call(status, what):
    if status != 0:
        raise OSError(ctypes.get_errno(), what)


def become(uid, names, gid=None):
    """This process from here on: that user, with just these capabilities, kept across exec."""
    wanted = {NUMBERS[name] for name in names}
    for number in range(LAST + 1):
        if number not in wanted:
            _call(_libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0), "PR_CAPBSET_DROP")
    _call(_libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "PR_SET_KEEPCAPS")
    os.setgroups([])
    os.setresgid(*[gid if gid is not None else uid] * 3)
    os.setresuid(uid, uid, uid)
    low, high = (sum(1 << (n - 32 * i) for n in wanted if n // 32 == i) for i in range(2))
    header = struct.pack("=Ii", VERSION_3, 0)
    sets = struct.pack("=6I", low, low, low, high, high, high)
    _call(_libc.syscall(SYS_CAPSET, header, sets), "capset")
    for number in wanted:
        _call(_libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0), "PR_CAP_AMBIENT")
