"""Workers: threads of one rewrap job, each with a connection to the database and lanes of its own.

They share the rows by locks of the database (SKIP LOCKED): a worker takes the next rows that nobody has, and
commits them together; rows of a worker that failed are free again. Which worker has which row is chance, so
nothing is recorded with more than one. When all have ended, the job goes once more over what is left, for
a row that was locked by somebody else, such as the dying connection of a killed service, was left out by all.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from hsm_emulator.kms.config import Config
from hsm_emulator.kms.lanes import Lanes
from hsm_emulator.kms.model import Rotation
from hsm_emulator.kms.registers import ReportedRegisters
from hsm_emulator.kms.store import KeyStore
from hsm_emulator.kms.units import UnitLink


class RewrapWorkers:
    """The workers of one job; ``done`` hears of rows, one thread at a time; ``go_on`` raises to end them."""

    def __init__(
        self,
        config: Config,
        links: Sequence[UnitLink],
        done: Callable[[int], None],
        go_on: Callable[[], None],
    ) -> None:
        self._config = config
        self._links = links
        self._done = done
        self._go_on = go_on
        self._telling = threading.Lock()

    def run(self, rotation: Rotation, units: Sequence[ReportedRegisters]) -> None:
        """Rewrap what can be taken; raises the first failure when all have ended."""
        number = self._config.workers
        with ThreadPoolExecutor(number, thread_name_prefix="worker") as pool:
            shares = [self._links[first::number] for first in range(number)]
            for ended in [pool.submit(self._work, rotation, units, links) for links in shares]:
                ended.result()

    def _work(
        self, rotation: Rotation, units: Sequence[ReportedRegisters], links: Sequence[UnitLink]
    ) -> None:
        with KeyStore(self._config.store) as store, Lanes(links, units, self._config.batch) as lanes:
            while self._some(store, lanes, rotation):
                pass

    def _some(self, store: KeyStore, lanes: Lanes, rotation: Rotation) -> int:
        """Take some rows, rewrap and commit them; return how many."""
        policy = self._config.policy
        self._go_on()
        with store.taken(policy, rotation, lanes.rows_ahead) as rows:
            for batch, blobs in lanes.rewrap(rows):
                store.write(policy, rotation, list(zip(batch, blobs, strict=True)))
        with self._telling:
            self._done(len(rows))
        return len(rows)
