"""Which system calls are trapped, and the kernel's filter that traps them.

The filter decides by numbers alone; what a descriptor or a path means is for the supervisor to find out.
Numbers are those of Linux' unistd.h; the layouts of struct sock_filter, sock_fprog and seccomp_data are those
of linux/filter.h and linux/seccomp.h.

Not trapped: changes through a memory map; io_uring; the modes, owners and times of files. Of the emulator's
own processes neither writes to the standard streams, which are its transcript or log and no durable state,
nor what is ``wide``: removing folders and copying calls (sendfile), by which a stopped unit is made and
copied, but nothing that serves changes a file. Of any other program these are trapped as well: ``echo new >
key`` writes to a standard stream, and ``cp`` copies by copy_file_range.
"""

import ctypes
import os
import platform
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

LINUX: Final = (5, 19)


class CannotWatch(Exception):
    """The kernel installs no filter; the text says why and what to do."""


class Names(Enum):
    """How the arguments of a call name the file that it changes."""

    DESCRIPTOR = "descriptor"  # an argument is an open file
    PATH = "path"  # an argument is a path from the current folder
    PATH_AT = "path at"  # an argument is a path from the folder in the argument before it


@dataclass(frozen=True)
class Only:
    """Trap a call only where argument number ``argument`` passes ``jump``, a comparison with ``value``."""

    argument: int
    jump: int
    value: int


@dataclass(frozen=True)
class Trapped:
    """A trapped call: its numbers (None: that machine has no such call) and where its file stands.

    ``wide``: only where any program may be watched, and not one of the emulator.
    """

    name: str
    x86_64: int | None
    aarch64: int | None
    names: Names
    argument: int = 0
    only: Only | None = None
    wide: bool = False


# Instructions of the kernel's classic BPF (linux/bpf_common.h).
LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
JUMP_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
JUMP_GREATER: Final = 0x25  # BPF_JMP | BPF_JGT | BPF_K
JUMP_ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
RETURN: Final = 0x06  # BPF_RET | BPF_K

NO_STREAM = Only(0, JUMP_GREATER, 2)
CLONES = Only(1, JUMP_EQUAL, 0x40049409)  # FICLONE: a file gets the blocks of another one


def _changing(argument: int) -> Only:
    return Only(argument, JUMP_ANY_BIT, os.O_CREAT | os.O_TRUNC)


# Of two paths the second one counts: it is the one that is replaced or made.
TRAPPED: Final = (
    Trapped("write", 1, 64, Names.DESCRIPTOR, only=NO_STREAM),
    Trapped("pwrite64", 18, 68, Names.DESCRIPTOR),
    Trapped("writev", 20, 66, Names.DESCRIPTOR, only=NO_STREAM),
    Trapped("ftruncate", 77, 46, Names.DESCRIPTOR),
    Trapped("fallocate", 285, 47, Names.DESCRIPTOR),
    Trapped("fsync", 74, 82, Names.DESCRIPTOR),
    Trapped("fdatasync", 75, 83, Names.DESCRIPTOR),
    Trapped("rename", 82, None, Names.PATH, 1),
    Trapped("renameat", 264, 38, Names.PATH_AT, 3),
    Trapped("renameat2", 316, 276, Names.PATH_AT, 3),
    Trapped("unlink", 87, None, Names.PATH, 0),
    Trapped("unlinkat", 263, 35, Names.PATH_AT, 1),
    Trapped("mkdir", 83, None, Names.PATH, 0),
    Trapped("mkdirat", 258, 34, Names.PATH_AT, 1),
    Trapped("link", 86, None, Names.PATH, 1),
    Trapped("linkat", 265, 37, Names.PATH_AT, 3),
    Trapped("open", 2, None, Names.PATH, 0, _changing(1)),
    Trapped("openat", 257, 56, Names.PATH_AT, 1, _changing(2)),
    Trapped("creat", 85, None, Names.PATH, 0),
    Trapped("pwritev", 296, 70, Names.DESCRIPTOR, wide=True),
    Trapped("pwritev2", 328, 287, Names.DESCRIPTOR, wide=True),
    Trapped("sendfile", 40, 71, Names.DESCRIPTOR, wide=True),
    Trapped("copy_file_range", 326, 285, Names.DESCRIPTOR, 2, wide=True),
    Trapped("splice", 275, 76, Names.DESCRIPTOR, 2, wide=True),
    Trapped("ioctl", 16, 29, Names.DESCRIPTOR, only=CLONES, wide=True),
    Trapped("truncate", 76, 45, Names.PATH, 0, wide=True),
    Trapped("rmdir", 84, None, Names.PATH, 0, wide=True),
    Trapped("symlink", 88, None, Names.PATH, 1, wide=True),
    Trapped("symlinkat", 266, 36, Names.PATH_AT, 2, wide=True),
)


@dataclass(frozen=True)
class Machine:
    """A processor architecture: its number in seccomp_data, its number of seccomp(), its trapped calls."""

    audit: int
    seccomp: int
    calls: dict[int, Trapped]


MACHINES: Final = {
    "x86_64": Machine(0xC000003E, 317, {call.x86_64: call for call in TRAPPED if call.x86_64 is not None}),
    "aarch64": Machine(0xC00000B7, 277, {call.aarch64: call for call in TRAPPED if call.aarch64 is not None}),
}

# struct seccomp_data: int nr; u32 arch; u64 instruction_pointer; u64 args[6], here little-endian.
NUMBER_AT, ARCHITECTURE_AT, ARGUMENTS_AT = 0, 4, 16
KILL_PROCESS, NOTIFY, ALLOW = 0x80000000, 0x7FC00000, 0x7FFF0000


def machine() -> Machine:
    """Return this computer's; raises CannotWatch for one that the table does not know."""
    name = platform.machine()
    if name not in MACHINES:
        raise CannotWatch(f"system calls are watched on {' and '.join(MACHINES)} only; this is {name}")
    return MACHINES[name]


def program(computer: Machine, *, wide: bool = False) -> bytes:
    """Return the filter: instructions of struct sock_filter; ``wide``: for any program.

    A call in another architecture's numbering would pass unseen, so it ends the process.
    """
    return b"".join(_instructions(computer, wide=wide))


def _instructions(computer: Machine, *, wide: bool) -> Iterator[bytes]:
    yield _step(LOAD, ARCHITECTURE_AT)
    yield _step(JUMP_EQUAL, computer.audit, if_so=1)
    yield _step(RETURN, KILL_PROCESS)
    yield _step(LOAD, NUMBER_AT)
    for number, call in computer.calls.items():
        if call.wide and not wide:
            continue
        if call.only is None or (wide and call.only is NO_STREAM):
            yield _step(JUMP_EQUAL, number, if_not=1)
        else:
            yield _step(JUMP_EQUAL, number, if_not=4)
            yield _step(LOAD, ARGUMENTS_AT + 8 * call.only.argument)
            yield _step(call.only.jump, call.only.value, if_so=1)
            yield _step(RETURN, ALLOW)
        yield _step(RETURN, NOTIFY)
    yield _step(RETURN, ALLOW)


def _step(code: int, value: int, *, if_so: int = 0, if_not: int = 0) -> bytes:
    """Return one instruction; a jump skips so many of the following."""
    return struct.pack("=HBBI", code, if_so, if_not, value)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


PR_SET_NO_NEW_PRIVS = 38
SECCOMP_SET_MODE_FILTER = 1
# The listener; and a call that was received is given up for a deadly signal only, else one that a handler
# interrupts would be started again and be seen twice.
NEW_LISTENER, WAIT_KILLABLE_RECV = 1 << 3, 1 << 5


def install(*, wide: bool = False) -> int:
    """Put the filter on the calling thread, for good, and on all that it will start; return the listener.

    From here on each trapped call waits for whoever reads the listener. Raises CannotWatch.
    """
    computer = machine()
    steps = program(computer, wide=wide)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise CannotWatch(f"prctl(PR_SET_NO_NEW_PRIVS): {os.strerror(ctypes.get_errno())}")
    listener: int = libc.syscall(
        ctypes.c_long(computer.seccomp),
        ctypes.c_ulong(SECCOMP_SET_MODE_FILTER),
        ctypes.c_ulong(NEW_LISTENER | WAIT_KILLABLE_RECV),
        ctypes.byref(_Program(len(steps) // 8, steps)),
    )
    if listener < 0:
        reason = os.strerror(ctypes.get_errno())
        wanted = ".".join(map(str, LINUX))
        raise CannotWatch(
            f"seccomp(): {reason}; this is Linux {platform.release()}, and watching system calls needs"
            f" {wanted} with seccomp, outside of any sandbox that has a listener of its own"
        )
    return listener
