"""Reading run directories: whole ones, unfinished ones, and what is none."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.engine.errors import BadRunDir
from hil.engine.stored import Stored
from hil.model.verdicts import Verdict
from hil.targets.hpcs.emulator import Shape

if TYPE_CHECKING:
    from tests.hil.engine.conftest import Made


@pytest.mark.parametrize("head", [{}, None])
def test_size(made: "Made", head: dict[str, object] | None) -> None:
    """The size is known of a finished campaign and of an unfinished one that has a result."""
    assert Stored.read(made("run", (2,), head)).shape == Shape(1, 1, 0, 8)


def test_size_of_nothing(made: "Made") -> None:
    """Without a result nothing tells the size, and that is said."""
    with pytest.raises(BadRunDir, match="choose another --run"):
        _ = Stored.read(made("run", ())).shape


def test_find(made: "Made") -> None:
    """An id is found in the plan with its result, in the plan alone, or nowhere."""
    stored = Stored.read(made("run", (1,)))
    scenario, result = stored.find("auto/tke@commit.1-after/documented")
    assert scenario
    assert result
    assert (scenario.expected, result.verdict) == (Verdict.RECOVERED, Verdict.RECOVERED)
    scenario, result = stored.find("auto/unit1@setimm.1-before/documented")
    assert scenario
    assert result is None
    assert stored.find("auto/none/documented") == (None, None)


def test_a_line_that_is_being_written(made: "Made") -> None:
    """The half line of a campaign that runs is no result, and stays where it is."""
    file = made("run", (1,)) / "results.jsonl"
    text = file.read_text() + '{"number": 2, "id'
    file.write_text(text)
    assert list(Stored.read(file.parent).results) == [1]
    assert file.read_text() == text


def test_result_from_before_the_trace(made: "Made") -> None:
    """A result without the fields that came later is read all the same."""
    file = made("run", (1,)) / "results.jsonl"
    record = json.loads(file.read_text())
    del record["trace"], record["state"]
    file.write_text(json.dumps(record) + "\n")
    assert Stored.read(file.parent).results[1].trace == ""


@pytest.mark.parametrize(
    ("head", "kept", "keystore"),
    [
        ({}, None, None),
        (None, None, None),
        (None, "postgresql", "postgresql"),
        ({"keystore": "postgresql"}, "postgresql://kms@db/", "postgresql://kms@db/"),
        ({"keystore": "postgresql"}, None, "postgresql"),  # from before there was a file
    ],
)
def test_key_store(
    made: "Made", head: dict[str, object] | None, kept: str | None, keystore: str | None
) -> None:
    """Where keys were stored is known of finished and unfinished campaigns; None is a file."""
    run = made("run", (2,), head)
    if kept:
        (run / "keystore.txt").write_text(kept)
    assert Stored.read(run).keystore == keystore


def _remove_plan(run: Path) -> None:
    (run / "plan.jsonl").unlink()


def _remove_results(run: Path) -> None:
    (run / "results.jsonl").unlink()


def _damage_results(run: Path) -> None:
    (run / "results.jsonl").write_text("{\n")


def _no_record(run: Path) -> None:
    (run / "results.jsonl").write_text('{"number": 1}\n')


def _no_object(run: Path) -> None:
    (run / "results.jsonl").write_text("[]\n")


def _other_number(run: Path) -> None:
    file = run / "results.jsonl"
    file.write_text(file.read_text().replace('"number": 1', '"number": 2'))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_remove_plan, "is no run directory; name one that 'hil run' made"),
        (_remove_results, "is no run directory: results.jsonl"),
        (_damage_results, "results.jsonl is damaged"),
        (_no_record, "cannot be read"),
        (_no_object, "results.jsonl is damaged"),
        (_other_number, "is not that of its plan"),
    ],
)
def test_spoilt(made: "Made", spoil: Callable[[Path], None], says: str) -> None:
    """What cannot be read is named in one line."""
    run = made("run", (1,))
    spoil(run)
    with pytest.raises(BadRunDir, match=says) as refused:
        Stored.read(run)
    assert "\n" not in str(refused.value)
