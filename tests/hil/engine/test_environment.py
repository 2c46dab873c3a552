"""What a campaign was played on."""

import json
import platform
import subprocess
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.engine import environment
from hil.engine.again import merge
from hil.engine.rundir import RunDir, read_campaign
from hil.engine.stored import Stored

if TYPE_CHECKING:
    from tests.hil.engine.conftest import Made


def test_this_machine() -> None:
    """Every version is found, that of p11-kit too, which may not say its own; times are in UTC."""
    here = environment.read()
    assert (here["python"], here["host"]) == (platform.python_version(), platform.node())
    assert all(here[name][0].isdigit() for name in ("hsm-hil", "softhsm", "p11-kit"))
    assert datetime.fromisoformat(here["started"]).utcoffset() is not None
    head = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"], capture_output=True, text=True
    )
    known = head.stdout.strip() or environment.UNKNOWN
    assert here["commit"].removesuffix("-dirty") == known
    assert here["packages"]["click"]


def test_a_program_that_nobody_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that neither the program nor a package manager tells is unknown, never empty."""
    (tmp_path / "p11-kit").write_text("#!/bin/sh\nexit 2\n")
    (tmp_path / "p11-kit").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert environment.version("p11-kit") == environment.UNKNOWN
    assert environment.version("p12-kit") == environment.UNKNOWN


def test_kept_when_it_begins(tmp_path: Path) -> None:
    """It stands beside the plan before anything is played, and in campaign.json with the end."""
    rundir = RunDir.create(tmp_path / "run")
    began = environment.read()
    environment.keep(rundir.path, began)
    assert json.loads((tmp_path / "run" / "environment.json").read_text()) == began
    fields = {"gate": "pass", "profile": "smoke", "units": {}, "keys": 8, "seconds": 1.0}
    rundir.write_campaign(fields, [])
    stored = read_campaign(tmp_path / "run")["environment"]
    assert stored == began | {"ended": stored["ended"]}
    assert stored["ended"] >= began["started"]


def test_gone_on_with_on_another_machine(tmp_path: Path) -> None:
    """The first machine stays what it was; what is another later is kept beside it."""
    rundir = RunDir.create(tmp_path / "run")
    first = environment.read()
    environment.keep(rundir.path, first)
    environment.keep(rundir.path, first | {"started": "2030-01-01T00:00:00+00:00"})
    environment.keep(rundir.path, first | {"host": "elsewhere"})
    kept = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert kept == first | {"later": [{"host": "elsewhere"}]}


def test_shards_of_two_machines(made: "Made", tmp_path: Path) -> None:
    """The whole names every machine, once, and lasts from the first start to the last end."""
    one = {"host": "one", "softhsm": "2.6.1", "started": "2026-01-01", "ended": "2026-01-03"}
    two = {"host": "two", "softhsm": "2.6.1", "started": "2026-01-02", "ended": "2026-01-04"}
    parts = [made("one", (1, 3), {"environment": one}), made("two", (2,), {"environment": two})]
    merge.merge(merge.read(parts), tmp_path / "whole")
    whole = {"host": ["one", "two"], "softhsm": "2.6.1", "started": "2026-01-01", "ended": "2026-01-04"}
    assert Stored.read(tmp_path / "whole").environment == whole
