"""hil bench: figures that were measured, on an instance that loses nothing."""

import json
import math
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hil.targets.hpcs.tools.bench import keystore, loops, scenarios, start, table
from hil.targets.hpcs.tools.bench.site import Broken, Site, site

HIL = str(Path(sys.executable).with_name("hil"))
PEER = Path(__file__).with_name("python_pkcs11.py")
ROWS = 300


@pytest.fixture(scope="module")
def instance() -> Iterator[Site]:
    """An instance with a NEW master key, and a few hundred keys."""
    with site() as made:
        made.fill(ROWS)
        yield made


def numbers(value: object) -> Iterator[float]:
    """Return every number of a report."""
    if isinstance(value, bool):
        return
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from numbers(part)
    elif isinstance(value, list):
        for part in value:
            yield from numbers(part)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_part_of_a_quick_report() -> None:
    """The quick bench gives each part, finite numbers only, and prints a table of the same parts."""
    command = [HIL, "bench", "--quick", "--json", "--peer", str(PEER)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=580)
    assert ran.returncode == 0, ran.stderr
    report: dict[str, Any] = json.loads(ran.stdout)
    assert report["schema_version"] == 1
    assert set(report) == {
        "schema_version", "quick", "machine", "equipment", "rewrap", "skipped", "keystore", "growth", "kills",
        "start", "scenarios", "seconds",
    }  # fmt: skip
    assert all(math.isfinite(number) and number >= 0 for number in numbers(report))
    assert {(figure["way"], figure["processes"]) for figure in report["rewrap"]} == {
        (way, processes) for way in (loops.RAW, loops.UNIT_WAY, loops.PEER) for processes in (1, 2)
    }
    assert all(figure["per_second"] > 0 for figure in (*report["rewrap"], *report["keystore"]))
    assert [figure["backend"] for figure in report["scenarios"]] == ["process", "docker"]
    assert report["scenarios"][0]["scenarios"] == 4
    assert report["kills"]["lost"] == 0
    printed = "\n".join(table.lines(report))
    assert all(word in printed for word in ("REWRAP", "KEYS", "START", "SCENARIOS", "0 lost"))


def test_all_ways_return_the_same_keys(instance: Site, tmp_path: Path) -> None:
    """C, the unit's socket and python-pkcs11 do the same work: their bytes are equal."""
    instance.new_master_key()
    ways, skipped = loops.ways(instance, tmp_path, PEER)
    assert [way.name for way in ways] == [loops.RAW, loops.UNIT_WAY, loops.PEER]
    assert not skipped
    figures = loops.measure(instance, ways, ROWS, 1)
    assert figures[0]["ratio"] == 1
    instance.promote()
    instance.check()


def test_no_compiler_is_said(instance: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no C compiler is, the C loop is left out with a reason and the rest is measured."""
    instance.new_master_key()
    monkeypatch.setenv("PATH", str(tmp_path))
    ways, skipped = loops.ways(instance, tmp_path, None)
    assert [way.name for way in ways] == [loops.UNIT_WAY]
    assert [one["way"] for one in skipped] == [loops.RAW, loops.PEER]
    assert "no C compiler" in skipped[0]["why"]
    (figure, _) = loops.measure(instance, ways, ROWS, 1)
    assert figure["ratio"] is None
    instance.promote()


@pytest.mark.timeout(300)
def test_a_rotation_with_kills_keeps_every_key(instance: Site) -> None:
    """Kms and unit killed in the middle of a rewrap over two connections: every key is readable."""
    result: dict[str, Any] = keystore.with_kills(instance, 2_000)
    assert [kill["victim"] for kill in result["kills"]] == ["kms", "unit", "kms"]
    assert 0 < result["kills"][0]["rows_done"] < instance.rows
    assert result["keys"] == instance.rows
    assert result["kms_peak_mb"] < 300


def test_a_lost_key_is_no_figure(instance: Site) -> None:
    """A key store whose rows are damaged, missing or under another master key is reported as broken."""
    store = Path(instance.layout.key_store)
    kept = store.read_bytes()
    for change in (
        "UPDATE versions SET blob = zeroblob(40) WHERE rowid = 30",
        "DELETE FROM versions WHERE rowid = 30",
        "UPDATE versions SET mk_id = zeroblob(16) WHERE rowid = 30",
    ):
        with sqlite3.connect(store) as database:
            assert database.execute(change).rowcount == 1
        database.close()
        with pytest.raises(Broken):
            instance.check()
        store.write_bytes(kept)
    instance.check()


def test_what_is_started_does_its_work() -> None:
    """The program whose cold start is measured is one: it prints the help of ``tke``."""
    ran = subprocess.run(start.HELP.argv, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout.splitlines()[0]) == (0, "NAME:")


def test_starts_are_measured_cold_and_warm(instance: Site) -> None:
    """A fork from the warm parent is faster than a cold start, and what is not forked has no warm figure."""
    figures = {str(figure["what"]): figure for figure in start.measure(instance, 1)}
    assert figures["python"]["warm_ms"] is None
    cold, warm = (figures["tke help"][name] for name in ("cold_ms", "warm_ms"))
    assert isinstance(cold, float)
    assert isinstance(warm, float)
    assert 0 < warm < cold
    instance.start_kms()


def test_raw_loop_is_clean_c(tmp_path: Path) -> None:
    """The C source compiles without a warning, and refuses a call that it does not understand."""
    program = tmp_path / "rawloop"
    command = [
        "cc",
        "-std=gnu11",
        "-O2",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-o",
        str(program),
        str(loops.SOURCE),
    ]
    subprocess.run([*command, "-ldl"], check=True, timeout=60)
    ran = subprocess.run([program], capture_output=True, text=True, timeout=10)
    assert (ran.returncode, ran.stderr.count("\n")) == (64, 1)
    ran = subprocess.run([program, "/nothing", "x", "00", "00"], input="", capture_output=True, text=True)
    assert (ran.returncode, "/nothing" in ran.stderr) == (1, True)


def test_growth_compares_the_ends() -> None:
    """The cost of a key in the largest key store is compared with the smallest, connections apart."""
    figures: list[dict[str, Any]] = [
        {"keys": keys, "connections": count, "us_per_key": cost * count, "kms_us": cost, "unit_us": 0.0}
        for keys, cost in ((1_000, 100.0), (10_000, 500.0), (50_000, 110.0))
        for count in keystore.CONNECTIONS
    ]
    assert keystore.growth(figures) == [
        {"connections": count, "from": 1_000, "to": 50_000, "clock": 1.1, "busy": 1.1} for count in (1, 2)
    ]


def test_a_sample_is_spread_over_the_plan(tmp_path: Path) -> None:
    """A sample takes lines at even distances, the same ones every time, and all where there are few."""
    plan = tmp_path / "plan.jsonl"
    plan.write_text("".join(f"{number}\n" for number in range(10)))
    scenarios._thin(plan, 4)
    assert plan.read_text().split() == ["0", "2", "5", "7"]
    scenarios._thin(plan, 9)
    assert plan.read_text().split() == ["0", "2", "5", "7"]


@pytest.mark.parametrize("arguments", [["--keys", "3"], ["--peer", "/no/such/file"], ["--what"]])
def test_bad_arguments(arguments: list[str]) -> None:
    """What cannot be measured is one line on stderr and exit code 64."""
    ran = subprocess.run([HIL, "bench", *arguments], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout) == (64, "")
    assert ran.stderr.count("\n") == 1
