"""Lanes: the connections over which a rewrap job has its batches worked off, one or several side by side.

A connection is served by one process of the unit, which works strictly in order, so that one lane fills one
core at most. Several lanes are spread over the operational units, which all hold the same two master keys,
and then over further connections to the same units. With one lane, the default, nothing overlaps: each call
and each transaction has its place in one order, and two recordings of a rotation are equal.

A connection is replaced after ROWS_OF_A_CONNECTION rows: SoftHSM keeps about 240 bytes of every key that it
has unwrapped and destroyed, until its process ends.
Rejected: threads of Python that share a session (the unit's process would still do one call at a time), and
sending the wrap of a row as soon as its unwrap is answered (the order of calls would depend on the clock).
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from hsm_emulator.kms import workload
from hsm_emulator.kms.model import Row
from hsm_emulator.kms.registers import ReportedRegisters
from hsm_emulator.kms.units import UnitLink
from hsm_emulator.wire.errors import WireError

ROWS_OF_A_CONNECTION = 200_000
BATCHES_AHEAD = 4  # of each lane, so that it has work while another batch is written


class Lane:
    """One connection with both master keys found, and the thread that waits for it."""

    def __init__(self, link: UnitLink, registers: ReportedRegisters, rows_of_a_connection: int) -> None:
        self._link = link
        self._rows_of_a_connection = rows_of_a_connection
        self._registers = (registers.current, registers.new)
        self._held = ExitStack()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="lane")
        self._find()

    def close(self) -> None:
        """Wait for what is under way and let the connection go."""
        self._executor.shutdown(cancel_futures=True)
        self._held.close()

    def submit(self, rows: Sequence[Row]) -> Future[list[bytes]]:
        """Have the blobs of ``rows`` brought under NEW; what goes wrong is raised by the result."""
        return self._executor.submit(self._rewrap, rows)

    def _find(self) -> None:
        self._session, (self._old, self._new) = self._held.enter_context(
            self._link.master_keys(*self._registers)
        )

    def _rewrap(self, rows: Sequence[Row]) -> list[bytes]:
        if self._link.rows_rewrapped >= self._rows_of_a_connection:
            self._held.close()
            self._link.disconnect()
            self._find()
        self._link.rows_rewrapped += len(rows)
        try:
            return workload.rewrap_rows(self._session, self._old, self._new, rows)
        except WireError as error:
            raise self._link.lost(error) from error


class Lanes:
    """The lanes of one job, one for each of ``links``; ``batch``: rows of a transaction.

    The first link belongs to the service and stays open; the others are closed with the job.
    """

    def __init__(
        self,
        links: Sequence[UnitLink],
        units: Sequence[ReportedRegisters],
        batch: int,
        rows_of_a_connection: int = ROWS_OF_A_CONNECTION,
    ) -> None:
        self._batch = batch
        self._stack = ExitStack()
        self._lanes: list[Lane] = []
        registers = {unit.number: unit for unit in units}
        with ExitStack() as opening:
            for link in links:
                if self._lanes:
                    opening.callback(link.disconnect)
                self._lanes.append(Lane(link, registers[link.number], rows_of_a_connection))
                opening.callback(self._lanes[-1].close)
            self._stack = opening.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def rows_ahead(self) -> int:
        """How many rows to hand over at once."""
        lanes = len(self._lanes)
        return self._batch * (lanes * BATCHES_AHEAD if lanes > 1 else 1)

    def rewrap(self, rows: Sequence[Row]) -> Iterator[tuple[Sequence[Row], list[bytes]]]:
        """Yield ``rows`` batch by batch, in their order, with their blobs under NEW."""
        batches = [rows[at : at + self._batch] for at in range(0, len(rows), self._batch)]
        results = [self._lanes[index % len(self._lanes)].submit(batch) for index, batch in enumerate(batches)]
        for batch, result in zip(batches, results, strict=True):
            yield batch, result.result()
