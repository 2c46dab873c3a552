"""The bench's end of a watched process: receives each trapped call, asks, and answers the kernel.

A call that is being asked about has not happened, and cannot happen before the answer; the process can be
killed in this state and then it never happens. Questions come one after the other, over all threads of the
process. Where one thread waits for another (a lock, a queue) every call asked about earlier has returned.
Where they race, an earlier call of another thread may still be under way, as it may in any crash.

Not modelled: a hang before a call. SIGSTOP takes a thread that waits for the answer only after its call.
Rejected: strace -f -p. It counts by thread and by name, so the k-th call over all threads has no name; its
stops stand outside of the bench's order of events; and it slows every system call down, not these alone.
Measured on two cores, Linux 6.18, Python 3.11, medians:

                                            plain     watched   strace
    a trapped call by descriptor / by path  0.3 / 1   12 / 18   9.5 / 11 us
    any other system call (getpid)          0.1       0.1       6.7 us
    command "generate" of a crypto unit     9.0       9.6       41 ms (at best 11)
    attach and detach, each scenario        -         -         2.8 + 0.4 ms
    start of a crypto unit                  25        28        25 ms
"""

import contextlib
import fcntl
import os
import select
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from hil.faults.watch.files import Files
from hil.faults.watch.filter import CannotWatch, machine

CLOSE_SECONDS = 10.0

# linux/seccomp.h. struct seccomp_notif: u64 id; u32 pid, flags; then struct seccomp_data.
NOTICE: Final = struct.Struct("=QII iIQ 6Q")
# struct seccomp_notif_resp: u64 id; s64 val; s32 error; u32 flags.
RESPONSE: Final = struct.Struct("=QqiI")
RECEIVE, SEND, ID_VALID = 0xC0502100, 0xC0182101, 0x40082102
GO_ON = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE
# Linux 6.6 and newer: hand the processor over to whoever waits, as the two never run at once. Measured on two
# busy cores, median of a trapped call: 12 us with it, 20 to 90 us without.
SET_FLAGS, SYNC_WAKE_UP = 0x40082104, 1


class CallReply(Enum):
    """What happens to a call that was asked about, beside failing with an error number."""

    CONTINUE = "it happens"
    GONE = "its process was killed, so nobody waits for an answer"


Answer = CallReply | int


@dataclass(frozen=True)
class SystemCall:
    """A call that is about to happen; ``path`` is relative to the watched folder, ``thread`` makes it."""

    name: str
    path: str
    thread: int = field(default=0, compare=False)


class Supervisor:
    """Asks about each call by which process ``pid`` would change a file below ``root``.

    ``ask`` runs in a thread of the supervisor and answers with a CallReply or an error (errno.ENOSPC),
    with which the call then fails in place of happening. Calls about other files happen without a question.
    So do those of other processes under the same filter (what ``pid`` has started), except for a ``family``,
    and all while ``off`` is true. ``mounts``: see Files.

    It owns ``listener`` and ends by itself when the last process under the filter has ended.
    """

    def __init__(
        self,
        listener: int,
        pid: int,
        root: Path,
        ask: Callable[[SystemCall], Answer],
        mounts: Mapping[str, Path] = MappingProxyType({}),
        *,
        family: bool = False,
        off: Callable[[], bool] = lambda: False,
    ) -> None:
        self._listener = listener
        self._family = family
        self._files = Files(pid, root, mounts)
        self._calls = machine().calls
        self._ask = ask
        self._off = off
        self._closed = threading.Event()
        self._asking = threading.Lock()
        self._notice = bytearray(NOTICE.size)
        self._response = bytearray(RESPONSE.size)
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._serve, name=f"watch-{pid}", daemon=True)
        self._thread.start()

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Ask no more; the process goes on unhindered. When this returns no question is pending.

        Raises TimeoutError if the pending one is not answered in time; do not hold what ``ask`` waits for.
        The listener stays open as long as anyone is under the filter: without it the kernel would fail their
        calls with ENOSYS.
        """
        self._closed.set()
        if threading.current_thread() is self._thread:
            return
        if not self._asking.acquire(timeout=seconds):
            raise TimeoutError(f"a question about a system call was not answered within {seconds:g} s")
        self._asking.release()

    def wait(self, seconds: float) -> bool:
        """Wait until the last process under the filter has ended; False if ``seconds`` pass first."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # an older kernel is slower, no more
            fcntl.ioctl(self._listener, SET_FLAGS, SYNC_WAKE_UP)
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        try:
            while poll.poll()[0][1] & select.POLLIN:
                # ENOENT: a signal has taken the call back, or its process was killed.
                with contextlib.suppress(FileNotFoundError):
                    self._take()
        except OSError as error:
            self._closed.set()
            self.error = CannotWatch(
                f"ioctl() on a listener: {error.strerror}; watching needs that, outside of any sandbox that"
                " forbids it"
            )
        finally:
            os.close(self._listener)

    def _take(self) -> None:
        self._notice[:] = bytes(NOTICE.size)  # the kernel insists
        fcntl.ioctl(self._listener, RECEIVE, self._notice)
        call, thread, _, number, _, _, *arguments = NOTICE.unpack_from(self._notice)
        answer = self._answer(call, thread, number, arguments)
        if answer is CallReply.GONE:
            return
        if answer is CallReply.CONTINUE:
            RESPONSE.pack_into(self._response, 0, call, 0, 0, GO_ON)
        else:
            RESPONSE.pack_into(self._response, 0, call, 0, -answer, 0)
        fcntl.ioctl(self._listener, SEND, self._response)

    def _answer(self, call: int, thread: int, number: int, arguments: list[int]) -> Answer:
        if self._closed.is_set() or self._off():
            return CallReply.CONTINUE
        if not (self._family or self._files.caller_is_ours(thread)):
            return CallReply.CONTINUE
        trapped = self._calls[number]
        files = self._files.of(thread) if self._family else self._files
        path = files.changed_by(trapped, arguments)
        if path is None:
            return CallReply.CONTINUE
        # Still waiting: so the process lived while /proc was read, and its id had not been given again.
        fcntl.ioctl(self._listener, ID_VALID, struct.pack("=Q", call))
        with self._asking:
            if self._closed.is_set():
                return CallReply.CONTINUE
            try:
                return self._ask(SystemCall(trapped.name, path, thread))
            except Exception as error:
                self.error = error
                self._closed.set()
                return CallReply.CONTINUE
