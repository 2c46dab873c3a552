"""What goes into a bundle: the run directory without secrets, the procedures, versions and commands."""

import json
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.bundle import archive, versions
from harness.campaign.rundir import PROCEDURES
from harness.campaign.stored import Stored
from harness.model.redaction import PATTERN_DIGITS, Redactor
from harness.model.screens import registers
from harness.procedures import load
from harness.report.html import page
from harness.report.write import PAGE
from harness.rig.preflight import SQLITE

# Everything that a campaign writes is text of one of these sorts.
TEXTS = frozenset({".json", ".jsonl", ".txt", ".md", ".html", ".xml", ".js", ".toml", ".svg"})
LEFT_OUT = frozenset({"lock"})
RUN = "run"  # the run directory in the bundle


@dataclass(frozen=True)
class Packed:
    """A bundle that was written; ``manifest`` is the SHA-256 of its manifest, in hex."""

    path: Path
    files: int
    bytes: int
    redacted: int
    left_out: tuple[str, ...]
    manifest: str


def pack(run: Stored, out: Path) -> Packed:
    """Write the bundle of a run directory to ``out``."""
    redact = Redactor(_public(run.path))
    texts, left_out = _texts(run.path)
    clean = {name: redact(text) for name, text in texts.items() if name != PAGE}
    if PAGE in texts:
        clean[PAGE] = _page(run.path.name, clean)
    members = {f"{RUN}/{name}": text.encode() for name, text in clean.items()}
    for name in sorted({scenario.procedure for scenario in run.plan}):
        members[f"procedures/{name}.toml"] = redact(_procedure(run, name)).encode()
    members["versions.json"] = (json.dumps(versions.read(run.head.get("image")), indent=1) + "\n").encode()
    members["REPRODUCE.md"] = ("\n".join(reproduce(run)) + "\n").encode()
    about = {"run": run.path.name, "redacted": redact.found}
    digest = archive.write(out, members.items(), about)
    return Packed(out, len(members), out.stat().st_size, redact.found, left_out, digest)


def _page(name: str, texts: Mapping[str, str]) -> str:
    """Return report.html made anew of texts without secrets: it holds them packed, where nobody sees them."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / name
        for file, text in texts.items():
            (copy / file).parent.mkdir(parents=True, exist_ok=True)
            (copy / file).write_text(text)
        return page.document(Stored.read(copy), home=RUN)


def _procedure(run: Stored, name: str) -> str:
    """Return the file of a procedure: the copy that the run has kept, else the bench's own."""
    copy = run.path / PROCEDURES / f"{name}.toml"
    return copy.read_text() if copy.exists() else load.text(name)


def _texts(run: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    texts, left_out = {}, []
    for path in sorted(path for path in run.rglob("*") if path.is_file()):
        name = str(path.relative_to(run))
        if path.suffix in TEXTS:
            texts[name] = path.read_text()
        elif name not in LEFT_OUT:
            left_out.append(name)
    return texts, tuple(left_out)


def _public(run: Path) -> set[str]:
    """Verification patterns and fingerprints of traces, which have the form of keys and are none."""
    found: set[str] = set()
    for path in run.glob("scenarios/*/*.json"):
        found |= set(_named(json.loads(path.read_text())))
    for path in run.glob("scenarios/*/*.txt"):
        for unit in registers(path.read_text().splitlines()):
            found |= {unit.current.pattern, unit.new.pattern}
    return found


def _named(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in {"pattern", "trace"} and isinstance(inner, str) and len(inner) <= PATTERN_DIGITS:
                yield inner
            else:
                yield from _named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner)


def reproduce(run: Stored) -> Iterator[str]:
    """Yield the commands that play the campaign again, and what did not go as documented by itself."""
    shape = run.shape
    size = (
        f"--operational {shape.operational} --recovery {shape.recovery} "
        f"--failover {shape.failover} --keys {shape.keys} --backend {run.head.get('backend', 'auto')}"
    )
    if run.head.get("keystore", SQLITE) != SQLITE:
        size += f" --keystore {run.head['keystore']}"
    if run.head.get("module"):
        size += " --module-profile FILE"
    yield "# To play this campaign again"
    yield ""
    if run.head.get("module"):
        yield f"FILE: the profile of {run.head['module']['name']}, the PKCS#11 module behind the units."
    yield "From a checkout of hsm-hil of the version in versions.json, beside the unpacked bundle:"
    yield ""
    yield "```"
    yield "make packages venv"
    added = {procedure.name for procedure in run.book.added}
    if added:
        for name in sorted(added):
            words = run.head.get("profile", "validate")
            yield f".venv/bin/hil {words} --procedure procedures/{name}.toml {size} --out again"
    else:
        yield f".venv/bin/hil run --plan run/plan.jsonl {size} --out again"
    yield "```"
    odd = [result for result in run.results.values() if not result.as_documented]
    if odd:
        yield ""
        yield "What did not end as documented, one scenario each:"
        yield ""
        yield "```"
        for result in odd:
            name = result.scenario.procedure
            own = f" --procedure procedures/{name}.toml" if name in added else ""
            yield f".venv/bin/hil replay {shlex.quote(result.scenario.id)}{own} {size}"
        yield "```"
