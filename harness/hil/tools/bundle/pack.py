"""What goes into every bundle: the run directory without secrets, versions, and what the run adds to it."""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hil.engine import environment
from hil.engine.stored import SUT
from hil.model.redaction import Redactor
from hil.report.write import PAGE
from hil.tools.bundle import archive, form

# Everything that a campaign writes is text of one of these sorts.
TEXTS = frozenset({".json", ".jsonl", ".txt", ".md", ".html", ".xml", ".js", ".toml", ".svg"})
LEFT_OUT = frozenset({"lock"})
RUN = "run"  # the run directory in the bundle


@dataclass(frozen=True)
class WrittenBundle:
    """A bundle that was written; ``manifest`` is the SHA-256 of its manifest, in hex.

    ``left_out``: files of the run that are not in it, each with the reason.
    """

    path: Path
    files: int
    bytes: int
    redacted: int
    left_out: tuple[str, ...]
    manifest: str


@dataclass(frozen=True)
class Contents:
    """A run directory, and what a bundle has beside it.

    ``page`` makes report.html of a copy of the run directory. ``members`` are texts by name, ``reproduce`` is
    REPRODUCE.md. ``environment`` is what the run was played on, None where it kept nothing; ``versions`` are
    others that it knows of. ``public``: what has the form of a secret and is none.
    """

    path: Path
    page: Callable[[Path], str]
    members: Mapping[str, str]
    reproduce: str
    environment: Mapping[str, object] | None
    versions: Mapping[str, object]
    public: frozenset[str] = frozenset()


def pack(contents: Contents, out: Path) -> WrittenBundle:
    """Write the bundle of a run directory to ``out``."""
    redact = Redactor(contents.public)
    texts, left_out = _texts(contents.path)
    clean = {name: redact(text) for name, text in texts.items() if name != PAGE}
    if PAGE in texts:
        clean[PAGE] = _page(contents, clean)
    members = {f"{RUN}/{name}": text.encode() for name, text in clean.items()}
    members |= {name: redact(text).encode() for name, text in contents.members.items()}
    members["versions.json"] = (json.dumps(_versions(contents), indent=1) + "\n").encode()
    members["REPRODUCE.md"] = contents.reproduce.encode()
    about = {"run": contents.path.name, "redacted": redact.found}
    digest = archive.write(out, members.items(), about)
    return WrittenBundle(out, len(members), out.stat().st_size, redact.found, left_out, digest)


def _versions(contents: Contents) -> dict[str, object]:
    """Return versions.json: of the machine that played the run, else it says that they are another's."""
    if contents.environment:
        return {"of": "the machine that played the run", **contents.environment, **contents.versions}
    here = {name: value for name, value in environment.read().items() if name not in {"started", "ended"}}
    of = "the machine that packed this bundle: the run kept nothing of its own"
    return {"of": of, **here, **contents.versions}


def _page(contents: Contents, texts: Mapping[str, str]) -> str:
    """Return report.html made anew of texts without secrets: it holds them packed, where nobody sees them."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / contents.path.name
        for file, text in texts.items():
            (copy / file).parent.mkdir(parents=True, exist_ok=True)
            (copy / file).write_text(text)
        return contents.page(copy)


def _texts(run: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    texts, left_out = {}, []
    for path in sorted(path for path in run.rglob("*") if path.is_file()):
        name = path.relative_to(run).as_posix()
        if not form.safe(name):
            left_out.append(f"{name!r}, a name that not every system can have")
        elif (path.suffix in TEXTS or path.parent == run / SUT) and _is_text(path):
            texts[name] = path.read_text()
        elif name not in LEFT_OUT:
            left_out.append(f"{name}, no text")
    return texts, tuple(left_out)


def _is_text(path: Path) -> bool:
    """Whether a file can be read, and be without secrets."""
    try:
        path.read_text()
    except UnicodeDecodeError:
        return False
    return True
