"""What a running process has used, from /proc: peak memory and processor time."""

import os
import socket
import struct
from pathlib import Path

CONNECT_SECONDS = 5.0
_CREDENTIALS = struct.Struct("3i")  # process, user, group
_TICKS = os.sysconf("SC_CLK_TCK")


def peak_mb(pid: int) -> float:
    """Return the most resident memory that a process has had, in MB; 0 where it has just ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def busy_seconds(pid: int) -> float:
    """Return the processor time of a process and of its children, those included that have ended."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0  # its parent has reaped it, and counts it
    own = sum(map(int, after_name[11:15])) / _TICKS
    return own + sum(map(busy_seconds, children(pid)))


def children(pid: int) -> list[int]:
    """Return the children of a process; those of a p11-kit server serve one connection each."""
    try:
        lists = [(task / "children").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for text in lists for child in text.split()]


def listener(path: Path) -> int:
    """Return the process that listens on a Unix socket: the kernel knows it (SO_PEERCRED)."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(CONNECT_SECONDS)
        caller.connect(str(path))
        credentials = caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(credentials)[0])
