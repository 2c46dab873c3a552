"""``hil procedure check`` and ``hil validate`` on the examples, and the evidence that is left of them."""

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hil.cli import main
from hil.engine.plan import write_plan
from hil.model.scenario import Scenario
from hil.model.verdicts import Verdict

if TYPE_CHECKING:
    from tests.e2e.conftest import Place

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "procedures"
SMALL = ("--backend", "process", "--operational", "1", "--recovery", "1", "--keys", "8")


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("example", "code", "answers"),
    [
        ("right", 0, {"preserves"}),
        ("wrong", 1, {"loses", "sticks", "preserves"}),
        ("ambiguous", 1, {"ambiguous", "loses", "sticks", "silent", "preserves"}),
    ],
)
def test_an_example(place: "Place", example: str, code: int, answers: set[str]) -> None:
    """Each example has the exit code and the table that its comment announces, and can be played again."""
    file = EXAMPLES / f"{example}.toml"
    ended = place.hil("validate", *SMALL, "--procedure", str(file), "--out", "runs/it")
    assert ended.returncode == code, ended
    folder = place.runs / "runs" / "it"
    table = json.loads((folder / "validation.json").read_text())
    assert set(table["answers"]) == answers
    assert table["procedure"] in (folder / "validation.md").read_text()
    assert ended.stdout.splitlines()[-1].startswith("PRESERVES" if code == 0 else "DOES NOT PRESERVE: of ")
    campaign = json.loads((folder / "campaign.json").read_text())
    assert campaign["crash_points"]["enumerated"] == campaign["crash_points"]["fired"]
    assert {line["lost"] for line in table["lines"] if line["answer"] != "loses"} == {0}
    if example == "ambiguous":
        ways = [line["why"] for line in table["lines"] if line["answer"] == "ambiguous"]
        assert any("'first message', 'second message, none promoted'" in why for why in ways)
    if example == "wrong":
        _play_again_and_hand_on(place, file, table)
    place.nothing_left()


def _play_again_and_hand_on(place: "Place", file: Path, table: dict[str, Any]) -> None:
    """A loss is played again from the run alone, and the bundle has the procedure."""
    lost = next(line for line in table["lines"] if line["answer"] == "loses")
    scenario = lost["scenarios"][0]
    ended = place.hil("replay", scenario, "--run", "runs/it", "--backend", "process")
    assert (ended.returncode, "stored verdict: the same" in ended.stdout) == (1, True), ended
    ended = place.hil("replay", scenario, *SMALL)
    assert (ended.returncode, "there is no procedure 'run-it-again'" in ended.stderr) == (64, True), ended
    ended = place.hil("bundle", "runs/it", "--out", "it.zip")
    assert ended.returncode == 0, ended
    with zipfile.ZipFile(place.runs / "it.zip") as bundle:
        assert bundle.read("procedures/run-it-again.toml") == file.read_bytes()
        commands = bundle.read("REPRODUCE.md").decode()
        assert json.loads(bundle.read("versions.json"))["unit image"] is None
        assert "run/validation.md" in bundle.namelist()
    assert "hil validate --procedure procedures/run-it-again.toml --operational 1" in commands
    assert f"hil replay {scenario} --procedure procedures/run-it-again.toml" in commands


def test_check(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Faults come with file and line, on stdout, and a line on stderr; a doubt is no fault."""
    assert main(["procedure", "check", str(EXAMPLES / "right.toml")]) == 0
    assert capfd.readouterr().out.endswith("finish-or-begin-anew, 6 rules, no warnings\n")
    assert main(["procedure", "check", str(EXAMPLES / "ambiguous.toml")]) == 0
    assert f"{EXAMPLES}/ambiguous.toml:20: warning: ambiguous: rule" in capfd.readouterr().out
    bad = tmp_path / "bad.toml"
    bad.write_text(
        (EXAMPLES / "wrong.toml").read_text().replace("cryptounit-mk-setimm", "cryptounit-mk-setim")
    )
    assert main(["procedure", "check", str(bad)]) == 64
    said = capfd.readouterr()
    assert (
        f"{bad}:24: rule.run: unknown command 'cryptounit-mk-setim', did you mean 'cryptounit-mk-setimm'?"
        in said.out
    )
    assert said.err == f"hil: {bad} cannot be used: 2 to mend, the first on line 24\n"


def test_schema(capfd: pytest.CaptureFixture[str]) -> None:
    """The form can be printed for an editor."""
    assert main(["procedure", "schema"]) == 0
    assert json.loads(capfd.readouterr().out)["title"] == "Recovery procedure of hsm-hil"


def test_a_folder_of_another_procedure(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A run that was begun with another text of the procedure is not gone on with."""
    (tmp_path / "run" / "procedures").mkdir(parents=True)
    (tmp_path / "run" / "procedures" / "run-it-again.toml").write_text("another")
    file = str(EXAMPLES / "wrong.toml")
    argv = ["validate", "--backend", "process", "--procedure", file, "--out", str(tmp_path / "run")]
    assert main(argv) == 64
    assert "was begun with another text of run-it-again; choose another --out" in capfd.readouterr().err


def test_a_plan_of_a_procedure_that_nobody_knows(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A plan whose procedure neither the bench nor the run has is refused before anything begins."""
    plan = tmp_path / "plan.jsonl"
    write_plan(plan, [Scenario.parse("auto/tke@setimm.1-after/mine", Verdict.RECOVERED)])
    argv = ["run", "--backend", "process", "--plan", str(plan), "--out", str(tmp_path / "run")]
    assert main(argv) == 64
    assert "there is no procedure 'mine', known are: " in capfd.readouterr().err
    assert not (tmp_path / "run").exists()
