"""A seccomp filter for a process that computes and talks through one socket: nothing else reaches the kernel.

Sources: Linux's seccomp(2) and linux/seccomp.h, linux/filter.h, linux/audit.h; numbers of system calls from
asm/unistd_64.h (x86-64) and asm-generic/unistd.h (aarch64) of Linux 6.1.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass

_ALLOWED = {
    "futex": (202, 98),
    "recvfrom": (45, 207),
    "read": (0, 63),
    "write": (1, 64),
    "munmap": (11, 215),
    "madvise": (28, 233),
    "mremap": (25, 216),
    "brk": (12, 214),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getrandom": (318, 278),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "restart_syscall": (219, 128),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "set_tid_address": (218, 96),
    "close": (3, 57),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
"""What computing, threads, and one open socket need."""
_DEADLY = {
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "bpf": (321, 280),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "kill": (62, 129),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "mount": (165, 40),
    "unshare": (272, 97),
    "setns": (308, 268),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
}
"""What no decoder does by mistake: the process is ended at once, and its caller learns of it."""
_MMAP, _MPROTECT, _CLONE, _CLONE3, _SENDTO = (9, 222), (10, 226), (56, 220), (435, 435), (44, 206)
_FCNTL, _PRCTL, _TGKILL, _PRLIMIT = (72, 25), (157, 167), (234, 131), (302, 261)
_NEWEST = 462
"""System calls with a higher number were not known when this was written."""
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SECCOMP_CALL = {"x86_64": 317, "aarch64": 277}
_X32_BIT = 0x40000000

_LOAD, _EQUAL, _ABOVE, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
_PROT_EXEC, _CLONE_THREAD, _PR_SET_NAME = 0x4, 0x10000, 15
_SET_MODE_FILTER, _TSYNC = 1, 1

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, value: struct sock_filter."""


@dataclass(frozen=True, slots=True)
class _Test:
    """A test of the lower or upper half of an argument; `bits`: whether any of them is set, not whether it is equal."""

    argument: int
    value: int
    bits: bool = False
    upper: bool = False


def shut() -> bool:
    """Apply the filter to all threads of this process; return whether the kernel and the machine support it.

    No new privileges must have been given up before (PR_SET_NO_NEW_PRIVS).
    """
    machine = platform.machine()
    if machine not in _AUDIT_ARCH or struct.calcsize("P") != 8:
        return False
    program = b"".join(struct.pack("HBBI", *one) for one in instructions(machine, os.getpid()))
    held = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.syscall(_SECCOMP_CALL[machine], _SET_MODE_FILTER, _TSYNC, header)) == 0


def instructions(machine: str, pid: int) -> list[Instruction]:
    """Return the filter of the process `pid`, for ``x86_64`` or ``aarch64``."""
    row = ("x86_64", "aarch64").index(machine)
    found = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        *_when(_ABOVE, _X32_BIT - 1, _KILL),
        *_when(_ABOVE, _NEWEST, _REFUSE | errno.ENOSYS),
    ]
    for calls, answer in ((_ALLOWED, _ALLOW), (_DEADLY, _KILL)):
        for numbers in calls.values():
            if numbers[row] is not None:
                found += _when(_EQUAL, numbers[row] or 0, answer)
    # The C library falls back to clone, whose flags can be looked at.
    found += _when(_EQUAL, _CLONE3[row], _REFUSE | errno.ENOSYS)
    refused, thread = _REFUSE | errno.EPERM, _Test(0, _CLONE_THREAD, bits=True)
    for call, tests, yes, no in (
        (_MMAP, [_Test(2, _PROT_EXEC, bits=True)], refused, _ALLOW),
        (_MPROTECT, [_Test(2, _PROT_EXEC, bits=True)], refused, _ALLOW),
        (_CLONE, [thread], _ALLOW, _KILL),
        # Sent through a socket that is connected, to no address.
        (_SENDTO, [_Test(4, 0), _Test(4, 0, upper=True)], _ALLOW, refused),
        (_PRCTL, [_Test(0, _PR_SET_NAME)], _ALLOW, refused),
        # abort() sends a signal to its own process.
        (_TGKILL, [_Test(0, pid)], _ALLOW, _KILL),
        # Limits may be read, not set.
        (_PRLIMIT, [_Test(0, 0), _Test(2, 0), _Test(2, 0, upper=True)], _ALLOW, refused),
    ):
        found += _where(call[row], tests, yes, no)
    for command in (1, 3):
        # fcntl: F_GETFD, F_GETFL.
        found += _where(_FCNTL[row], [_Test(1, command)], _ALLOW, None)
    return [*found, (_RETURN, 0, 0, refused)]


def _when(comparison: int, value: int, answer: int) -> list[Instruction]:
    return [(comparison, 0, 1, value), (_RETURN, 0, 0, answer)]


def _where(number: int, tests: list[_Test], yes: int, no: int | None) -> list[Instruction]:
    """Answer a call by its arguments: `yes` where all tests hold, else `no` (None: go on with what comes next)."""
    body: list[Instruction] = []
    for one in tests:
        body.append((_LOAD, 0, 0, _ARGUMENTS + 8 * one.argument + 4 * one.upper))
        rest = 2 * (len(tests) - len(body) // 2 - 1) + 1
        body.append((_ANY_BIT if one.bits else _EQUAL, 0, rest, one.value))
    body.append((_RETURN, 0, 0, yes))
    body.append((_RETURN, 0, 0, no) if no is not None else (_LOAD, 0, 0, _NUMBER))
    return [(_EQUAL, 0, len(body), number), *body]
