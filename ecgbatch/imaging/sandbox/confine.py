"""What a decoding process may no longer do, once it has confined itself.

Best effort where the system lacks a means (macOS has neither seccomp nor an address space limit);
what is enforced on Linux: memory, no core files, no new programs, no sockets, no looking into
other processes, and death when the parent dies.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import platform
import resource
import struct
import sys

# System calls by machine (asm/unistd.h): socket, connect, bind, execve, execveat, ptrace,
# process_vm_readv, process_vm_writev.
_DENIED = {
    "x86_64": (0xC000003E, (41, 42, 49, 59, 322, 101, 310, 311)),
    "aarch64": (0xC00000B7, (198, 203, 200, 221, 281, 117, 270, 271)),
}
_X32_BIT = 0x40000000  # a second numbering of the same calls on x86_64

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_LOAD_WORD, _JUMP_EQUAL, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # linux/bpf_common.h
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000  # linux/seccomp.h


def confine(*, memory_bytes: int, lifeline: int) -> None:
    """Give up what decoding does not need.

    Args:
        memory_bytes: Address space from now on.
        lifeline: Reading end of a pipe that only the parent holds open and never writes to.
    """
    _die_with_parent(lifeline)
    resource.setrlimit(resource.RLIMIT_FSIZE, (memory_bytes, memory_bytes))  # of shared memory, too
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold a patient's page
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123 - not a path of ours
        score.write("1000")  # where memory runs out all the same, this process goes first
    if sys.platform == "linux":
        _deny_calls()


def _die_with_parent(lifeline: int) -> None:
    """Ask the kernel for SIGIO, which ends a process, when the pipe's other end is closed.

    Unlike a parent-death signal it does not mind which thread of the parent started this
    process, and unlike a watching thread it also ends a decoder that never comes back.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)


def _deny_calls() -> bool:
    """Install a filter under which the denied calls fail with EPERM; False if it cannot be."""
    if platform.machine() not in _DENIED:
        return False
    architecture, numbers = _DENIED[platform.machine()]
    deny = _instruction(_RETURN, _ERRNO | errno.EPERM)
    allow = _instruction(_RETURN, _ALLOW)
    # Jumps count instructions to skip. At offset 0 of the call's data stands its number, at 4
    # the architecture.
    program = [
        _instruction(_LOAD_WORD, 4),
        _instruction(_JUMP_EQUAL, architecture, if_true=1),
        deny,
        _instruction(_LOAD_WORD, 0),
        _instruction(_JUMP_AT_LEAST, _X32_BIT, if_true=len(numbers) + 1),
        *(
            _instruction(_JUMP_EQUAL, number, if_true=len(numbers) - index)
            for index, number in enumerate(numbers)
        ),
        allow,
        deny,
    ]
    code = ctypes.create_string_buffer(b"".join(program))
    filter_program = _FilterProgram(len(program), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    pointer = ctypes.byref(filter_program)
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, pointer, 0, 0) == 0)


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


def _instruction(code: int, value: int, *, if_true: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, 0, value)
