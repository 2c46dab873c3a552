"""A sandbox: forbids a system call and becomes the program: ``python nest.py KIND PROGRAM ARGUMENT…``.

What sandboxes do that people run programs in: answer an order for a listener with EINVAL (gVisor), have a
listener of their own already (EBUSY), forbid what reads a listener, forbid to follow processes of others.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

# From linux/bpf_common.h, linux/seccomp.h and asm/unistd.h, as harness/hil/faults/watch/filter.py has them.
LOAD, JUMP_EQUAL, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
NUMBER, SECOND = 0, 16 + 8
SECCOMP, IOCTL, PIDFD_OPEN = {"x86_64": (317, 16, 434), "aarch64": (277, 29, 434)}[platform.machine()]
NEW_LISTENER, RECEIVE = 1 << 3, 0xC0502100


def forbid(number: int, error: int, jump: int = 0, value: int = 0) -> list[bytes]:
    """Return a filter that refuses a call; with ``jump``, only where its second argument passes that."""
    asked = [(LOAD, 0, 0, SECOND), (jump, 0, 1, value)] if jump else []
    steps = [
        (LOAD, 0, 0, NUMBER),
        (JUMP_EQUAL, 0, len(asked) + 1, number),
        *asked,
        (RETURN, 0, 0, REFUSE | error),
        (RETURN, 0, 0, ALLOW),
    ]
    return [struct.pack("=HBBI", *step) for step in steps]


KINDS = {
    "einval": forbid(SECCOMP, errno.EINVAL, JUMP_ANY_BIT, NEW_LISTENER),
    "busy": forbid(SECCOMP, errno.EBUSY, JUMP_ANY_BIT, NEW_LISTENER),
    "ioctl": forbid(IOCTL, errno.EPERM, JUMP_EQUAL, RECEIVE),
    "pidfd": forbid(PIDFD_OPEN, errno.EPERM),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def enter(steps: list[bytes]) -> None:
    """Put the filter on this process and all that it becomes."""
    libc = ctypes.CDLL(None, use_errno=True)
    content = b"".join(steps)
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
    program = _Program(len(steps), content)
    done = libc.syscall(ctypes.c_long(SECCOMP), ctypes.c_ulong(1), ctypes.c_ulong(0), ctypes.byref(program))
    assert done == 0, os.strerror(ctypes.get_errno())


if __name__ == "__main__":
    enter(KINDS[sys.argv[1]])
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 no shell is wanted
