"""Files that a person hands in are refused by what they are, at every door, before anything is begun."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from hil.cli import main
from hil.model.verdicts import Exit

DOORS = {
    "procedure check": ("procedure", "check", "FILE"),
    "validate": ("validate", "--procedure", "FILE"),
    "sut check": ("sut", "check", "FILE"),
    "sut run": ("sut", "run", "FILE"),
    "module profile": ("run", "--backend", "process", "--module-profile", "FILE"),
    "plan": ("run", "--backend", "process", "--plan", "FILE"),
}
CONTENTS = {
    "UTF-16": ('name = "x"\n'.encode("utf-16"), "{file} is UTF-16; save it as UTF-8"),
    "Latin-1": (
        '\nname = "Zürich"\n'.encode("latin-1"),
        "{file}:2: byte 0xfc is not UTF-8; save the file as UTF-8",
    ),
    "typographic": ("“name” = 1\n".encode(), 'typographic quote “; use " instead (no '),
    "no-break": ("\u00a0name = 1\n".encode(), "no-break space (U+00A0); use a plain space instead (no "),
}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("argv", DOORS.values(), ids=DOORS)
def test_refused_by_name(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    argv: Sequence[str],
    content: str,
) -> None:
    """The error names the file and what it is, or line and sign; the exit code is 64, and nothing is made."""
    text, says = CONTENTS[content]
    file = tmp_path / "given"
    file.write_bytes(text)
    monkeypatch.chdir(tmp_path)
    assert main([str(file) if word == "FILE" else word for word in argv]) == Exit.USAGE
    said = capfd.readouterr()
    assert says.format(file=file) in said.out + said.err
    assert str(file) in said.err
    assert "Traceback" not in said.err
    assert list(tmp_path.iterdir()) == [file]
