"""The documents against the program.

Run as a script, with -P because tests/hil would be taken for hil, it rewrites the printed helps.
"""

import ast
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
DOCUMENTS = (
    *("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md"),
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")),
)
RUN_DIRECTORY = "docs/reference/run-directory.md"
PACKAGES = {"hil": "harness", "hsm_emulator": "emulator"}  # import package: top-level folder
PAGE_LINES = 120  # ARCHITECTURE is a map of one page
# Imports that still point up in the map: who, and whom. An entry that is no longer true has to go.
CLIMBS: dict[str, set[str]] = {
    "hil.engine": {"hil.targets"},
    "hil.report": {"hil.targets"},
    "hil.targets.hpcs.boundaries": {"hil.targets.hpcs.rig"},
    "hil.targets.program": {"hil.targets.hpcs"},
}
BLOCK = re.compile(
    r"(?P<head><!-- output of: (?P<command>[^\n]+) -->\n)(?P<body>.*?)(?P<tail><!-- end of output -->)",
    re.DOTALL,
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)|href=\"([^\"]+)\"")
PATH = re.compile(r"(?:harness|emulator|tests|docker|docs|examples|\.ci)/[\w./-]*")
ROW = re.compile(r"^\| `((?:harness|emulator)/[\w./]+)`", re.MULTILINE)


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


def test_map_is_a_page() -> None:
    """ARCHITECTURE is read at one sitting."""
    assert len(_text("ARCHITECTURE.md").splitlines()) <= PAGE_LINES


def test_map_is_whole() -> None:
    """Every package folder is a row of the map in ARCHITECTURE, stands below a row, or holds rows."""
    rows = ROW.findall(_text("ARCHITECTURE.md"))
    for name, top in PACKAGES.items():
        inits = (ROOT / top / name).rglob("*/__init__.py")
        for folder in (f"{path.parent.relative_to(ROOT)}/" for path in inits):
            assert any(folder.startswith(row) or row.startswith(folder) for row in rows), folder


def test_map_points_downwards() -> None:
    """What stands in the map of ARCHITECTURE imports only what stands below it, but for known exceptions."""
    climbs: dict[str, set[str]] = {}
    for importer, imported in _climbs():
        climbs.setdefault(importer, set()).add(imported)
    assert climbs == CLIMBS


def _climbs() -> set[tuple[str, str]]:
    """Pairs of neighbours in the map of which the lower imports the upper one; what has no row is lowest."""
    rows = [_module(row) for row in ROW.findall(_text("ARCHITECTURE.md"))]
    paths = [path for name, top in PACKAGES.items() for path in (ROOT / top / name).rglob("*.py")]
    found: set[tuple[str, str]] = set()
    for path in paths:
        own = _module(str(path.relative_to(ROOT)))
        place = _place(own, rows)
        if place < len(rows):
            found |= {_neighbours(own, name) for name in _imported(path) if _place(name, rows) < place}
    return found


def _module(path: str) -> str:
    """Return the import name of a file or folder below its top-level folder."""
    return path.partition("/")[2].removesuffix(".py").strip("/").replace("/", ".").removesuffix(".__init__")


def _imported(path: Path) -> Iterator[str]:
    """Yield full names of what a module imports of this project; ``from a import b`` counts as a.b."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom | ast.Import):
            base = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            names = (f"{base}{alias.name}" for alias in node.names)
            yield from (name for name in names if name.partition(".")[0] in PACKAGES)


def _place(module: str, rows: list[str]) -> int:
    """Return the number of the row that a module belongs to; what has no row stands below all of them."""
    fitting = [at for at, row in enumerate(rows) if f"{module}.".startswith(f"{row}.")]
    return max(fitting, key=lambda at: len(rows[at]), default=len(rows))


def _neighbours(one: str, other: str) -> tuple[str, str]:
    """Cut two module names to where they first differ; a target is one whole for what is outside of it."""
    left, right = one.split("."), other.split(".")
    depth = next(at for at, (a, b) in enumerate(zip(left, right, strict=False)) if a != b)
    return ".".join(left[: depth + 1]), ".".join(right[: depth + 1])


def test_exit_codes() -> None:
    """README lists the exit codes of the program, all of them."""
    table = _text("README.md").partition("| exit code |")[2].partition("\n\n")[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == sorted(Exit)


def test_procedures() -> None:
    """Procedures that a document names can be loaded, and README's example is one."""
    named = set(re.findall(r"hpcs/operator/procedures/([\w-]+)\.toml", "".join(map(_text, DOCUMENTS))))
    assert {load.builtin(name).name for name in named} == named
    assert "documented" in named
    (example,) = [body for language, body in FENCE.findall(_text("README.md")) if language == "toml"]
    assert load.parse(example, "README.md").expected is Verdict.RECOVERED


def test_fields_of_a_result() -> None:
    """The reference of the run directory explains every field of a scenario in campaign.json."""
    scenario = Scenario.parse("auto/tke@setimm.1-after/documented", Verdict.RECOVERED)
    record = not_judged(scenario, "documented", "").record()
    fields = {*record, *record["faults"][0], *record["keys"], *record["findings"][0]}
    assert fields <= set(_spans(RUN_DIRECTORY))


def test_glossary_is_in_order() -> None:
    """Each table of the glossary is sorted and defines a term once."""
    for table in _text("docs/reference/glossary.md").split("\n## ")[1:]:
        terms = [term.replace("`", "").lower() for term in re.findall(r"^\| (.+?) \| ", table, re.MULTILINE)]
        assert terms[0] == "term"
        assert terms[1:] == sorted(set(terms[1:]))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links(document: str) -> None:
    """Links inside the project lead to a file, and to a heading where they name one."""
    for link in (one or other for one, other in LINK.findall(_text(document))):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        assert target.exists(), f"{document} links to {link}"
        assert not anchor or anchor in _anchors(target), f"{document} links to {link}"


@pytest.mark.parametrize("folder", ["docs/decisions", "docs/reference"])
def test_every_document_is_found(folder: str) -> None:
    """Every file of decisions and reference is linked from the map or from the index of its folder."""
    index = f"{folder}/README.md"
    known = _text("ARCHITECTURE.md") + _text("README.md") + (_text(index) if index in DOCUMENTS else "")
    for path in (ROOT / folder).glob("*.md"):
        assert path.name in known, path


def _anchors(document: Path) -> set[str]:
    """Anchors of the headings: lower case, blanks to hyphens, everything else but words and hyphens gone."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in headings}


def _refresh() -> None:
    for document in DOCUMENTS:
        path = ROOT / document
        text = path.read_text()
        fresh = BLOCK.sub(lambda block: block["head"] + _printed(block["command"]) + block["tail"], text)
        if fresh != text:
            path.write_text(fresh)
            print(f"{document} rewritten")


if __name__ == "__main__":
    _refresh()
