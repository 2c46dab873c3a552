"""The gate between workloads and rotation: whoever is inside finishes before the first row is rewrapped.

Without it a create that began before the rewrap request could store its row after the last row was looked
at; set immediate would then destroy the only master key that opens it. The open rotation in the key store
keeps newcomers out, also after a restart; this counts those inside, which a kill ends by itself.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hsm_emulator.kms.errors import Code, KmsError


class WorkloadGate:
    """Lets workloads in side by side, or one rewrap request alone."""

    def __init__(self, drain_seconds: float) -> None:
        """``drain_seconds`` is how long a rewrap request waits for the workloads inside."""
        self._drain_seconds = drain_seconds
        self._changed = threading.Condition()
        self._inside = 0
        self._closing = False

    @contextmanager
    def workload(self, rotation_is_open: Callable[[], bool]) -> Iterator[None]:
        """Be inside for the time of one workload; KmsError ROTATION_IN_PROGRESS where none may enter."""
        with self._changed:
            if self._closing or rotation_is_open():
                raise KmsError(
                    Code.ROTATION_IN_PROGRESS,
                    "a master key rotation is in progress: workloads cannot be run until it has completed",
                )
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Be alone, after the workloads inside have finished; KmsError BUSY where they do not in time."""
        with self._changed:
            self._closing = True
        try:
            with self._changed:
                if not self._changed.wait_for(lambda: self._inside == 0, self._drain_seconds):
                    raise KmsError(Code.BUSY, f"{self._inside} workloads are still running; request again")
            yield
        finally:
            with self._changed:
                self._closing = False
