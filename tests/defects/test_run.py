"""The runner: what it says of a defect that is convicted, of one that survives, and of one that never was."""

import pytest

from tests.defects import catalogue, run
from tests.defects.catalogue import Change, Defect
from tests.defects.run import Outcome

pytestmark = pytest.mark.slow


def test_a_convicted_defect(capsys: pytest.CaptureFixture[str]) -> None:
    """A unit that takes a replayed command is convicted by a probe, and the exit code is 0."""
    assert run.main(["--only", "replay-accepted"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("convicted  replay-accepted")
    assert "sent a second time: status 200 in place of return code 163" in printed


@pytest.mark.parametrize("name", ["readable-destroyed", "row-ids"])
def test_without_a_check(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A bench without a check lets the defect through that this check alone convicts: a hole, exit code 1."""
    alone = catalogue.checks()[name].alone
    assert run.main(["--only", alone]) == 0
    assert run.main(["--only", alone, "--without-check", name]) == 1
    assert capsys.readouterr().out.splitlines()[2].startswith(f"SURVIVED   without {name}: {alone}")


def test_a_defect_that_nothing_runs() -> None:
    """A change in code that no process reaches is not sown, whatever the campaign says."""
    change = Change(
        "hsm_emulator.unit.snapshot", "    source, copy = Folder(unit), Folder(snapshot)", "    raise OSError"
    )
    trial = run.try_defect(Defect("idle", "nobody takes a snapshot", (change,), check="readable"))
    assert trial.outcome is Outcome.NOT_SOWN


@pytest.mark.parametrize("arguments", [["--only", "no-such-defect"], ["--without-check", "no-such-check"]])
def test_wrong_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A name that the catalogue does not have is refused in one line that says where to look."""
    assert run.main(arguments) == 64
    assert "see tests/defects/catalogue" in capsys.readouterr().err
