"""The documents against the program.

Run as a script, with -P because tests/harness would be taken for harness, it writes the printed helps anew.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.model.scenario import Scenario, not_judged
from hil.model.verdicts import Exit, Verdict
from hil.targets.hpcs.operator import load

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md")
BLOCK = re.compile(
    r"(?P<head><!-- output of: (?P<command>[^\n]+) -->\n)(?P<body>.*?)(?P<tail><!-- end of output -->)",
    re.DOTALL,
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)|href=\"([^\"]+)\"")
PATH = re.compile(r"(?:harness|emulator|tests|docker|\.ci)/[\w./-]*")


def _text(document: str) -> str:
    return (ROOT / document).read_text()


def _spans(document: str) -> list[str]:
    """Everything that stands in single backticks, outside of fenced blocks."""
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", _text(document)))


def _printed(command: str) -> str:
    """What a command of this project prints on a terminal of 80 columns, as a fenced block."""
    program, *arguments = command.split()
    argv = [str(Path(sys.executable).with_name(program)), *arguments]
    environment = {**os.environ, "COLUMNS": "80"}
    result = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return f"```text\n{result.stdout.rstrip()}\n```\n"


def _blocks() -> Iterator[tuple[str, str, str]]:
    for document in DOCUMENTS:
        for block in BLOCK.finditer(_text(document)):
            yield document, block["command"], block["body"]


def test_printed_helps() -> None:
    """The helps of both command lines stand in the documents as they are printed."""
    assert {command for _, command, _ in _blocks()} == {"hil --help", "tke help"}
    for document, command, body in _blocks():
        expected = _printed(command)
        assert body == expected, (
            f"{document} shows another output of '{command}'; "
            f"run '.venv/bin/python -P tests/test_docs.py', or write:\n{expected}"
        )


def test_make_targets() -> None:
    """Every make target that a document names is one."""
    targets = set(TARGET.findall(_text("Makefile")))
    for document in DOCUMENTS:
        code = [*_spans(document), *(body for _, body in FENCE.findall(_text(document)))]
        lines = [line for text in code for line in text.splitlines()]
        named = {
            word
            for line in lines
            for command in re.findall(r"^(?:\$ )?make((?: [a-z-]+)+)", line)
            for word in command.split()
        }
        assert named <= targets, f"{document}: {named - targets}"
    assert "hil" in targets


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths(document: str) -> None:
    """Every path of the project that a document names exists."""
    for span in _spans(document):
        if PATH.fullmatch(span):
            assert (ROOT / span).exists(), f"{document} names {span}"


def test_map_is_whole() -> None:
    """ARCHITECTURE names every folder of code."""
    folders = {str(path.parent.relative_to(ROOT)) for path in ROOT.glob("*/*/*/__init__.py")}
    code = {folder for folder in folders if folder.startswith(("harness/", "emulator/"))}
    assert {f"{folder}/" for folder in code} <= set(_spans("ARCHITECTURE.md"))


def test_map_points_downwards() -> None:
    """A folder imports only what stands below it in the map of ARCHITECTURE."""
    rows = re.findall(r"^\| `((?:harness|emulator)/[\w./]+)`", _text("ARCHITECTURE.md"), re.MULTILINE)
    places = {row.removesuffix(".py").strip("/").replace("/", "."): at for at, row in enumerate(rows)}
    for row in rows:
        paths = (ROOT / row).rglob("*.py") if row.endswith("/") else [ROOT / row]
        own = row.removesuffix(".py").strip("/").replace("/", ".")
        for path in paths:
            for package, name in re.findall(
                r"^(?:from|import) (harness|emulator)(?:\.| import )(\w+)", path.read_text(), re.MULTILINE
            ):
                there = places.get(f"{package}.{name}", len(rows))
                assert there >= places[own], f"{path.relative_to(ROOT)} imports {package}.{name}"


def test_exit_codes() -> None:
    """README lists the exit codes of the program, all of them."""
    table = _text("README.md").partition("| exit code |")[2].partition("\n\n")[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == sorted(Exit)


def test_procedures() -> None:
    """Procedures that a document names can be loaded, and README's example is one."""
    named = set(
        re.findall(r"harness/hil/targets/hpcs/operator/([\w-]+)\.toml", "".join(map(_text, DOCUMENTS)))
    )
    assert {load.builtin(name).name for name in named} == named
    assert "documented" in named
    (example,) = [body for language, body in FENCE.findall(_text("README.md")) if language == "toml"]
    assert load.parse(example, "README.md").expected is Verdict.RECOVERED


def test_fields_of_a_result() -> None:
    """ARCHITECTURE explains every field of a scenario in campaign.json."""
    scenario = Scenario.parse("auto/tke@setimm.1-after/documented", Verdict.RECOVERED)
    record = not_judged(scenario, "documented", "").record()
    fields = {*record, *record["faults"][0], *record["keys"], *record["findings"][0]}
    assert fields <= set(_spans("ARCHITECTURE.md"))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links(document: str) -> None:
    """Links inside the project lead to a file, and to a heading where they name one."""
    for link in (one or other for one, other in LINK.findall(_text(document))):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = path or document
        assert (ROOT / target).exists(), f"{document} links to {link}"
        assert not anchor or anchor in _anchors(target), f"{document} links to {link}"


def _anchors(document: str) -> set[str]:
    """Anchors of the headings: lower case, blanks to hyphens, everything else but words and hyphens gone."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", _text(document)), re.MULTILINE)
    return {re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in headings}


def _refresh() -> None:
    for document in DOCUMENTS:
        path = ROOT / document
        text = path.read_text()
        fresh = BLOCK.sub(lambda block: block["head"] + _printed(block["command"]) + block["tail"], text)
        if fresh != text:
            path.write_text(fresh)
            print(f"{document} written anew")


if __name__ == "__main__":
    _refresh()
