"""Where the key store of a rig lives: the protocol of a host, and the one of an SQLite file."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from hil import inherited
from hil.model.faults import Process
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.boundaries.conductor import Conductor
from hil.targets.hpcs.boundaries.relay import Relay
from hil.targets.hpcs.rig.layout import Layout
from hil.targets.hpcs.rig.process.child import NotKilled

MAKE_SECONDS = 60.0


class StoreNotMade(Exception):
    """The kms could not make a key store; the text has its message."""


class StoreHost(Protocol):
    """Holds the key store of one rig. A rig copies files, so what is in no file is saved to some before."""

    def relays(self, conductor: Conductor) -> Sequence[Relay]:
        """Return what stands between the kms and the key store."""

    def start(self) -> None:
        """Have it take connections, if it does not."""

    def make(self) -> None:
        """Make the empty key store, as kms.json names it."""

    def save(self) -> None:
        """Bring what it holds into the files of the rig."""

    def load(self) -> None:
        """Hold what the files of the rig say, which are in place by now; the kms does not run."""

    def kill(self, process: Process) -> None:
        """SIGKILL a process of it and prove that; NotKilled where there is none."""

    def pause(self) -> None:
        """Stop it from answering; NotKilled where it has no process."""

    def resume(self) -> None:
        """Let it go on."""

    def close(self, *, keep: bool = False) -> None:
        """End it, and leave nothing behind, or with ``keep`` what it holds."""


class FileStore:
    """A key store in a file of the rig: its only process is the kms."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def relays(self, _conductor: Conductor) -> Sequence[Relay]:
        """See StoreHost."""
        return ()

    def start(self) -> None:
        """See StoreHost."""

    def make(self) -> None:
        """See StoreHost."""
        init(self._layout.kms_config)

    def save(self) -> None:
        """See StoreHost."""

    def load(self) -> None:
        """See StoreHost."""

    def kill(self, process: Process) -> None:
        """See StoreHost."""
        raise NotKilled(f"the key store is a file, there is no {process}")

    def pause(self) -> None:
        """See StoreHost."""
        raise NotKilled("the key store is a file and cannot be paused")

    def resume(self) -> None:
        """See StoreHost."""

    def close(self, *, keep: bool = False) -> None:
        """See StoreHost."""


def init(config: Path) -> None:
    """Have the kms make an empty key store."""
    program = sut.kms("init", config).argv
    made = subprocess.run(
        program,
        env=inherited.environment(),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=MAKE_SECONDS,
        start_new_session=True,
    )
    if made.returncode != 0:
        said = (made.stderr.splitlines() or ["nothing"])[-1]
        raise StoreNotMade(f"'kms init' ended with exit code {made.returncode}: {said}")
