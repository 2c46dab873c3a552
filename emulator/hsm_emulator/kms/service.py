"""The service: its units, its key store, its gate, and the decisions that need all of them.

Decisions that lead to changed rows (create, rotate, rewrap) look at freshly polled registers; using a key
may rest on registers polled up to ``poll_seconds`` ago, because there a stale view only leads to a refusal.
"""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hsm_emulator.kms.config import Config
from hsm_emulator.kms.errors import Code, KmsError
from hsm_emulator.kms.gate import WorkloadGate
from hsm_emulator.kms.model import Rotation, Row, mk_id
from hsm_emulator.kms.registers import (
    RegistersRefused,
    ReportedRegisters,
    common_current,
    promoted,
    rewrappable,
)
from hsm_emulator.kms.rewrap import Job, JobState, Rewrapper
from hsm_emulator.kms.store import KeyStore
from hsm_emulator.kms.units import UnitLink
from hsm_emulator.wire.client import Session

DRAIN_CALLS = 4  # what a workload on a stuck unit waits for: a poll, the connection, a call, a reconnect


class Service:
    """The running service; its methods may be called from any thread."""

    def __init__(self, config: Config, iam_secret: str) -> None:
        self.config = config
        self.iam_secret = iam_secret
        self.units = [UnitLink(unit, iam_secret, config.call_seconds) for unit in config.units]
        self.rewrapper = Rewrapper(config, self._lanes())
        self._gate = WorkloadGate(config.call_seconds * DRAIN_CALLS)
        self._requesting = threading.Lock()

    def _lanes(self) -> list[UnitLink]:
        """Connections for the rewrap, the units in turn; the first is the one that workloads use as well."""
        units = itertools.cycle(self.config.units)
        links = [
            UnitLink(next(units), self.iam_secret, self.config.call_seconds)
            for _ in range(self.config.connections)
        ]
        return [self.units[0], *links[1:]]

    def open_store(self) -> KeyStore:
        """Open the key store for the calling thread."""
        return KeyStore(self.config.store)

    def stop(self) -> bool:
        """Let a running job end its batch; whether it has."""
        return self.rewrapper.stop(self.config.call_seconds)

    def disconnect(self) -> None:
        """Drop the connections to all units; nobody may use them meanwhile."""
        for link in self.units:
            link.disconnect()

    @contextmanager
    def workload(self) -> Iterator[KeyStore]:
        """Be inside the gate with an open key store; KmsError ROTATION_IN_PROGRESS: not now."""
        with self.open_store() as store:
            self.rotation(store)
            with self._gate.workload(lambda: store.rotation() is not None):
                yield store

    def rotation(self, store: KeyStore) -> Rotation | None:
        """Return the open rotation, after closing it where every operational unit has promoted by now."""
        rotation = store.rotation()
        if rotation and self.rewrapper.job.state is not JobState.RUNNING:
            self._settle(store, rotation, self.registers(self.config.poll_seconds))
            return store.rotation()
        return rotation

    def registers(self, max_age: float) -> list[ReportedRegisters]:
        """Return the registers of all operational units; UnitUnavailable names the first that is silent."""
        return [unit.registers(max_age) for unit in self.units]

    @contextmanager
    def current_master_key(self) -> Iterator[tuple[Session, int, bytes]]:
        """Yield a session, and handle and id of the master key that all operational units have as CURRENT."""
        units = self.registers(max_age=0)
        refusal = common_current(units)
        if isinstance(refusal, RegistersRefused):
            raise KmsError(Code.MASTER_KEY_UNAVAILABLE, refusal.reason)
        with self.units[0].master_keys(units[0].current) as (session, (master_key,)):
            yield session, master_key, mk_id(units[0].current.pattern)

    @contextmanager
    def master_key_of(self, *rows: Row) -> Iterator[tuple[Session, int, list[bytes]]]:
        """Yield a session, the handle of the CURRENT master key, and the blobs of ``rows`` under it."""
        unit = self.units[0]
        current = unit.registers(self.config.poll_seconds).current
        blobs = [blob for row in rows if (blob := row.under(mk_id(current.pattern)))]
        if len(blobs) < len(rows):
            raise KmsError(
                Code.MASTER_KEY_UNAVAILABLE,
                f"the key is under master key {rows[0].mk_id.hex()}, "
                f"but crypto unit {unit.number} has {mk_id(current.pattern).hex()} as its current one",
            )
        with unit.master_keys(current) as (session, (master_key,)):
            yield session, master_key, blobs

    def request_rewrap(self) -> Job:
        """Start a rewrap of the key store, or join the running one; KmsError: refused, no row touched."""
        with self._requesting:
            if self.rewrapper.job.state is JobState.RUNNING:
                return self.rewrapper.job
            with self._gate.closed(), self.open_store() as store:
                units = self.registers(max_age=0)
                if earlier := store.rotation():
                    self._settle(store, earlier, units)
                decision = rewrappable(units)
                if isinstance(decision, RegistersRefused):
                    raise KmsError(Code.REGISTERS, decision.reason)
                rotation = Rotation(decision.source, decision.target)
                _refuse_unknown_rows(store, rotation)
                store.open_rotation(rotation)
                return self.rewrapper.start(rotation, units)

    def _settle(self, store: KeyStore, rotation: Rotation, units: list[ReportedRegisters]) -> None:
        if promoted(units, rotation.target):
            store.end_rotation(self.config.policy, rotation)


def _refuse_unknown_rows(store: KeyStore, rotation: Rotation) -> None:
    known = {mk_id(rotation.source), mk_id(rotation.target)}
    unknown = {key: count for key, count in store.rows_by_master_key().items() if key not in known}
    if unknown:
        names = ", ".join(key.hex() for key in unknown)
        raise KmsError(
            Code.UNKNOWN_MASTER_KEY,
            f"{sum(unknown.values())} keys are under a master key that is in no register ({names}); "
            "nothing was rewrapped, bring that master key back first",
        )
