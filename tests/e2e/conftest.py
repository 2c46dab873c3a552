"""Commands of ``hil`` as processes of their own, and what they leave behind."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from hil.engine.plan import write_plan
from hil.model.scenario import Scenario
from hil.model.verdicts import Verdict
from hil.targets.hpcs.rig.layout import scratch
from hil.targets.hpcs.rig.process import ready

SECONDS = 100.0


@dataclass
class Place:
    """Folders of the test: ``runs`` for evidence, ``scratch`` for what the bench makes and has to remove."""

    runs: Path
    scratch: Path

    @property
    def environment(self) -> dict[str, str]:
        """Environment in which the bench leaves its scratch here."""
        return {**os.environ, "HIL_TMP": str(self.scratch)}

    def start(self, *argv: str) -> "subprocess.Popen[str]":
        """Start ``hil`` in a group of its own."""
        return subprocess.Popen(
            [Path(sys.executable).with_name("hil"), *argv],
            env=self.environment,
            cwd=self.runs,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def plan(self, scenarios: dict[str, str]) -> Path:
        """Write a plan of these ids and the verdicts that they are expected to have."""
        file = self.runs / "plan.jsonl"
        write_plan(file, [Scenario.parse(text, Verdict(verdict)) for text, verdict in scenarios.items()])
        return file

    def hil(self, *argv: str) -> "subprocess.CompletedProcess[str]":
        """Run ``hil`` to its end."""
        process = self.start(*argv)
        out, err = process.communicate(timeout=SECONDS)
        return subprocess.CompletedProcess(argv, process.returncode, out, err)

    def processes(self) -> list[str]:
        """Command lines of the living processes that know this place."""
        mark = str(self.scratch).encode()
        return [line for folder in Path("/proc").glob("[0-9]*") if (line := _marked(folder, mark))]

    def nothing_left(self) -> None:
        """Wait until neither a process nor a file is left of what the bench made."""
        ready.until(lambda: not self.processes(), f"the end of {self.processes()}", 30)
        with suppress(ready.NotReady):
            ready.until(lambda: not any(self.scratch.iterdir()), "the removal of its folders", 30)
        left = sorted(self.scratch.rglob("*"))
        assert not left, left


def _marked(folder: Path, mark: bytes) -> str:
    try:
        command = (folder / "cmdline").read_bytes()
        known = mark in command or mark in (folder / "environ").read_bytes()
    except OSError:  # it has ended meanwhile
        return ""
    return command.replace(b"\0", b" ").decode() if known else ""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Empty folders; the scratch one is short enough for sockets."""
    folder = scratch("test-")
    yield Place(tmp_path, folder)
    shutil.rmtree(folder)
