"""report.html of another system under test, as its reader sees it."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from hil.cli import main
from hil.model.verdicts import Exit
from hil.targets.program.write import write_all
from tests.hil.targets.program.conftest import make

LOST = "rotate/tool@write.1-before/rerun"
KEPT = "rotate/tool@openat.1-before/rerun"


@pytest.fixture(scope="session")
def careless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of a tool that loses the file that it was at."""
    folder = tmp_path_factory.mktemp("careless")
    path = make(folder, "careless").path
    assert main(["sut", "run", str(path), "--jobs", "1", "--out", str(folder / "run")]) == Exit.CONTRADICTED
    return folder / "run"


def test_from_the_gate_to_the_loss(page: Page, careless: Path) -> None:
    """Gate and counts stand on top, a square leads to the keys, to what was typed and to the deadly call."""
    page.goto((careless / "report.html").as_uri())
    scenarios = json.loads((careless / "campaign.json").read_text())["scenarios"]
    expect(page.locator(".gate")).to_have_text("FAIL")
    expect(page.locator("#matrix a")).to_have_count(len(scenarios))
    expect(page.locator("#matrix thead")).to_contain_text("rerun")
    page.click(f'#matrix a[title^="{LOST}:"]')
    expect(page.locator(".end")).to_contain_text("DATA_LOST, expected RECOVERED")
    lost = page.locator("#keys tbody tr").first
    expect(lost.locator("th")).to_have_text("a")
    expect(lost.locator("td")).to_have_text(["old", "gone", "gone"])
    expect(page.locator("#commands li")).to_contain_text("tool.py")
    expect(page.locator(".transcript .failed").first).to_contain_text("write.1 before a  ✗ killed here")
    expect(page.locator(".transcript").last).to_contain_text("[ended killed]")
    expect(page.locator(".replay code").last).to_have_text(
        f"hil sut run {careless}/sut/toy.toml --only {LOST}"
    )
    expect(page.locator("#registers")).to_have_count(0)


def test_unfinished(page: Page, careless: Path, tmp_path: Path) -> None:
    """What a campaign has left that was broken off is a report, too, and says so."""
    for name in ("plan.jsonl", "sut/toy.toml", "sut/tool.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((careless / name).read_bytes())
    results = (careless / "results.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "results.jsonl").write_text("".join(line for line in results if KEPT in line))
    assert not write_all(tmp_path)
    page.goto((tmp_path / "report.html").as_uri())
    expect(page.locator("h1")).to_contain_text(
        f"INCONCLUSIVE Unfinished: 1 of {len(results)} scenarios have a result."
    )
    expect(page.locator("#matrix .missing")).to_have_count(len(results) - 1)
