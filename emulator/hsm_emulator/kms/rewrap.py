"""The rewrap job: bring every row of the key store from one master key under the next one.

Models: a server-side job that goes on when its client disappears, one at a time, in small transactions, each
of which leaves every row readable. Killed at any instant, nothing resumes by itself: the next request starts
a job that finds the rows still to do by their master-key ids. Rows of keys in every state are rewrapped, for
a suspended key may be enabled, a destroyed one restored and a retired version asked for afterwards.
Rejected: a progress marker (it would have to be true at each kill), one transaction for all (it would keep
the store locked for minutes, and DELETE has to work meanwhile).
"""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from enum import StrEnum

from hsm_emulator.kms.config import Config
from hsm_emulator.kms.errors import Code, KmsError
from hsm_emulator.kms.lanes import Lanes
from hsm_emulator.kms.model import Rotation, mk_id
from hsm_emulator.kms.registers import ReportedRegisters
from hsm_emulator.kms.store import KeyStore, StoreError
from hsm_emulator.kms.units import UnitLink
from hsm_emulator.kms.workers import RewrapWorkers

log = logging.getLogger(__name__)


class JobState(StrEnum):
    """Life of a job; IDLE: none since the service started."""

    IDLE = "idle"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Job:
    """The latest job: rows ready for the target, also those that were before it began, of ``total`` rows."""

    state: JobState = JobState.IDLE
    rotation: Rotation | None = None
    rewrapped: int = 0
    total: int = 0
    error: str | None = None


class Rewrapper:
    """Runs one job at a time in a thread of its own, which alone uses the units meanwhile.

    ``links``: a connection for each lane of the job.
    """

    def __init__(self, config: Config, links: Sequence[UnitLink]) -> None:
        self._config = config
        self._links = links
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.job = Job()
        self.finished: Future[None] = Future()
        self.finished.set_result(None)

    def start(self, rotation: Rotation, units: Sequence[ReportedRegisters]) -> Job:
        """Start the job for an open rotation; the caller has made sure that none is running."""
        self.finished = Future()
        self.job = started = Job(JobState.RUNNING, rotation)
        self._thread = threading.Thread(target=self._run, args=(rotation, units), name="rewrap", daemon=True)
        self._thread.start()
        return started

    def stop(self, seconds: float) -> bool:
        """End a running job after its current batches; the rest waits for a new request.

        Whether it has ended, after ``seconds`` at the latest.
        """
        self._stopping.set()
        if self._thread is None:
            return True
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self, rotation: Rotation, units: Sequence[ReportedRegisters]) -> None:
        finished = self.finished
        try:
            self._rewrap(rotation, units)
            self.job = replace(self.job, state=JobState.DONE)
        except KmsError as error:
            self.job = replace(self.job, state=JobState.FAILED, error=str(error))
        except StoreError as error:
            self.job = replace(self.job, state=JobState.FAILED, error=f"key store: {error}")
        except Exception as error:
            log.exception("rewrap ended by a defect of the service")
            self.job = replace(
                self.job, state=JobState.FAILED, error=f"internal error: {type(error).__name__}"
            )
        finally:
            finished.set_result(None)

    def _rewrap(self, rotation: Rotation, units: Sequence[ReportedRegisters]) -> None:
        policy = self._config.policy
        if self._config.workers > 1:
            self._side_by_side(rotation, units)
        with (
            KeyStore(self._config.store) as store,
            Lanes(self._links, units, self._config.batch) as lanes,
        ):
            self._count(store, rotation)
            while rows := store.pending(policy, rotation, lanes.rows_ahead):
                self._go_on()
                for batch, blobs in lanes.rewrap(rows):
                    store.write(policy, rotation, list(zip(batch, blobs, strict=True)))
                    self._advance(len(batch))
            self._count(store, rotation)
        if self.job.rewrapped != self.job.total:
            left = self.job.total - self.job.rewrapped
            target = mk_id(rotation.target).hex()
            raise KmsError(Code.UNKNOWN_MASTER_KEY, f"{left} keys are not under the new master key {target}")

    def _side_by_side(self, rotation: Rotation, units: Sequence[ReportedRegisters]) -> None:
        """Have workers do what they can; what they leave is done in order."""
        with KeyStore(self._config.store) as store:
            self._count(store, rotation)
        RewrapWorkers(self._config, self._links, self._advance, self._go_on).run(rotation, units)

    def _go_on(self) -> None:
        if self._stopping.is_set():
            raise KmsError(Code.BUSY, "the service is stopping; request the rewrap again")

    def _advance(self, rows: int) -> None:
        self.job = replace(self.job, rewrapped=self.job.rewrapped + rows)

    def _count(self, store: KeyStore, rotation: Rotation) -> None:
        done = store.done(self._config.policy, rotation)
        self.job = replace(self.job, rewrapped=done, total=sum(store.rows_by_master_key().values()))
