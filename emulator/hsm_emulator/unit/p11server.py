"""The unit's PKCS#11 door: an unmodified `p11-kit server` as a child of the firmware.

The server starts one `p11-kit-remote` per connection. It dies with the firmware (PR_SET_PDEATHSIG, set by
setpriv); its remotes do not: who kills a unit kills its process group.
"""

import os
import select
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

START_SECONDS = 10.0


class P11ServerError(Exception):
    """The server did not come up; says which program or file to look at."""


def start(socket_path: Path, module: Path) -> subprocess.Popen[bytes]:
    """Start the server and return it once it listens: it names its address only then.

    Raises:
        P11ServerError: no p11-kit or setpriv on PATH, or no address within 10 seconds.
    """
    socket_path.unlink(missing_ok=True)
    server = ["p11-kit", "server", "--foreground", "--name", str(socket_path), "--provider", str(module)]
    try:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *server, "pkcs11:"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
    except FileNotFoundError as error:
        raise P11ServerError("setpriv is missing; install util-linux") from error
    if _listens(process):
        return process
    stop(process)
    raise P11ServerError(f"p11-kit server does not listen on {socket_path}; is p11-kit installed?")


def hang_up(process: subprocess.Popen[bytes]) -> None:
    """End all connections: a client sees the unit go. New ones wait until the server is to go on.

    The server is frozen first, so that it starts no remote while they are counted.
    """
    if process.poll() is None:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    for pid in _children(process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def go_on(process: subprocess.Popen[bytes]) -> None:
    """Let the server take connections again."""
    process.send_signal(signal.SIGCONT)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server, which may be dead already, and its connections."""
    hang_up(process)
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _children(pid: int) -> list[int]:
    """Return the children of a process; none where it is gone (/proc/PID/task/TID/children, see proc(5))."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _listens(process: subprocess.Popen[bytes]) -> bool:
    """Wait for the line `P11_KIT_SERVER_ADDRESS=…`, which the server prints after listen()."""
    if process.stdout is None:
        return False
    ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    return bool(ready) and os.read(process.stdout.fileno(), 4096).startswith(b"P11_KIT_SERVER_ADDRESS=")
