"""summary.md: what stands in it, in the Markdown that GitHub shows."""

from pathlib import Path
from typing import Any

import pytest

from hil.engine.rundir import RunDir
from hil.model.outcome import Outcome
from hil.model.scenario import Scenario
from hil.model.verdicts import Verdict
from hil.report.markdown import table
from hil.report.summary import summary
from hil.report.write import write_all
from tests.hil.model.cells import COMMITTED, HALF, cell

HEAD = {
    "gate": "pass",
    "profile": "documented",
    "backend": "process",
    "keystore": "sqlite",
    "keys": 8,
    "seconds": 2.0,
    "units": {"operational": 2, "recovery": 1, "failover": 0},
    "planned": 3,
    "total": 3,
    "shard": "1/1",
}
GOOD = cell("auto/tke@message1.1-after/documented", "cryptounit-mk-rotate", units=COMMITTED, shown="1")
LOSS = cell(
    "auto/kms@C_WrapKey.7-after/rerun-after-message-1",
    "auto-mk-rotate",
    units=COMMITTED,
    rows=(8, 4, 0),
    shown="1",
    shut=True,
    kind="forbidden",
    verdict=Verdict.DATA_LOST,
    outcome=Outcome.LOST,
    lost=3,
    ended="other",
)
REFUSED = cell(
    "auto/tke@setimm.1-after/rotate-when-partly-promoted",
    "cryptounit-mks",
    "cryptounit-mk-rotate",
    "cryptounit-mks",
    "cryptounit-rm 1",
    "cryptounit-mk-setimm",
    units=HALF,
    shown="12",
    shut=True,
    kind="misread",
    outcome=Outcome.REFUSED,
)
WRONG = LOSS | {
    "id": "auto/unit1@C_WrapKey.7-after/documented",
    "procedure": "documented",
    "as_documented": False,
    "expected": "RECOVERED",
}


def _summary(*records: dict[str, Any], **head: object) -> str:
    return summary(HEAD | {"scenarios": list(records)} | head, Path("runs/some run"))


def test_a_campaign_that_passed() -> None:
    """Gate, counts, controls by outcome, the verified table, findings and the model's word are all there."""
    text = _summary(GOOD, LOSS, REFUSED)
    assert text.startswith("# PASS: every scenario ended as documented\n")
    assert "| DATA_LOST | 1 | 1 |" in text
    assert "predicted 3 of 3 cells" in text
    assert (
        "| forbidden | `rerun-after-message-1` | 1 |  | `auto/kms@C_WrapKey.7-after/rerun-after-message-1` |"
        in text
    )
    assert "| misread | `rotate-when-partly-promoted` |  | 1 |" in text
    assert "| auto | auto-mk-rotate | yes | no | a kill | `cryptounit-mk-rotate` | 1 | 1 RECOVERED |" in text
    assert (
        "- total: **not shown** (1 of 3 crash states were tried); looks like none that was tried: `" in text
    )
    assert "- safe: **yes**" in text
    assert (
        "| 5 | message 1 without message 2 means that reencryption has started | **contradicted** |" in text
    )
    assert "Not as documented" not in text


def test_what_went_wrong_comes_with_its_replay() -> None:
    """A scenario that is not as documented is told with findings and a command, quoted for a shell."""
    text = _summary(GOOD, WRONG, gate="fail")
    assert text.startswith("# FAIL: ")
    assert f"- DATA_LOST, expected RECOVERED: `{WRONG['id']}`\n  - readable: a row is unreadable\n" in text
    assert f"`hil replay {WRONG['id']} --run 'runs/some run'`" in text
    assert f"- safe: **no**; keys lost: `{WRONG['id']}`" in text


def test_the_model_differs() -> None:
    """A cell that is predicted otherwise is named with both."""
    text = _summary(GOOD | {"verdict": "STUCK"}, gate="fail")
    assert "predicted 0 of 1 cells" in text
    assert (
        f"| `{GOOD['id']}` | RECOVERED (rows unreadable: none, gone: none) | STUCK (8 of 8 keys readable) |"
        in text
    )


@pytest.mark.parametrize(("head", "first"), [(HEAD, "# PASS: "), (None, "# UNFINISHED: 2 of 3 scenarios")])
def test_it_is_written_of_every_run_directory(
    tmp_path: Path, head: dict[str, Any] | None, first: str
) -> None:
    """It is one of the reports, of a finished campaign and of one that was broken off."""
    rundir = RunDir.create(tmp_path / "run")
    rundir.write_plan(Scenario.parse(one["id"], Verdict(one["expected"])) for one in (GOOD, LOSS, REFUSED))
    rundir.write_results({1: GOOD, 2: LOSS})
    if head:
        rundir.write_campaign(head, [GOOD, LOSS])
    assert not [line for line in write_all(rundir.path) if "summary.md" in line]
    text = (rundir.path / "summary.md").read_text()
    assert text.startswith(first)


def test_tables() -> None:
    """Columns without content are left out, bars and line ends inside a cell cannot break a row."""
    assert list(table(("a", "b", "c"), [("1|2", "", "x\ny"), (3, "", "")])) == [
        "| a | c |",
        "|---|---|",
        "| 1\\|2 | x y |",
        "| 3 |  |",
        "",
    ]
    assert list(table(("a",), [])) == []
