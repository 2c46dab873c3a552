"""A campaign of 5,000 scenarios as a page: its size, and the time until a reader can use it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from hil.engine.rundir import PLAN, RESULTS

SCENARIOS, CONTROLS = 5000, 250
SECONDS_MAX, BYTES_MAX, TRIES = 2.0, 5_000_000, 3
LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd / 1000"


@pytest.fixture
def many(campaign: Path, tmp_path: Path) -> Path:
    """A run directory of 5,000 scenarios that went as those of the real campaign did, evidence included."""
    results = [json.loads(line) for line in (campaign / RESULTS).read_text().splitlines()]
    by_procedure = {line["procedure"]: line for line in results if line["flow"] == "auto"}
    folder = tmp_path / "many"
    (folder / "scenarios").mkdir(parents=True)
    plan, lines = [], []
    for number in range(1, SCENARIOS + 1):
        kind = "forbidden" if number <= CONTROLS else "documented"
        model = by_procedure[kind]
        name = f"auto/kms@C_WrapKey.{number}-after/{model['id'].rpartition('/')[2]}"
        plan.append({"number": number, "id": name, "expected": model["expected"]})
        lines.append(model | {"number": number, "id": name})
        (folder / "scenarios" / str(number)).symlink_to(campaign / "scenarios" / str(model["number"]))
    for file, rows in ((PLAN, plan), (RESULTS, lines)):
        (folder / file).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.mark.slow
def test_five_thousand(page: Page, many: Path, written: Callable[[Path], Path]) -> None:
    """It stays below 5 MB, opens in less than two seconds, and its last scenario can be looked at."""
    report = written(many)
    assert report.stat().st_size < BYTES_MAX
    times = []
    for _ in range(TRIES):  # the machine may be busy with other things
        page.goto(report.as_uri(), wait_until="load")
        times.append(page.evaluate(LOADED))
    assert min(times) < SECONDS_MAX, times
    expect(page.locator("#matrix a")).to_have_count(SCENARIOS)
    page.fill("#filter", f"c_wrapkey.{SCENARIOS}-")
    expect(page.locator("#found")).to_have_text(f"1 of {SCENARIOS} scenarios match")
    page.locator("#list a").click()
    expect(page.locator("#registers tbody tr")).to_have_count(2)
