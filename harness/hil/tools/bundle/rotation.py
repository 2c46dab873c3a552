"""What a bundle has of a campaign on the rotation that this bench is made for."""

import json
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from hil.engine.rundir import MODULE, PROCEDURES
from hil.engine.stored import Stored
from hil.model.redaction import PATTERN_DIGITS
from hil.report.html import page
from hil.targets.hpcs.model.screens import registers
from hil.targets.hpcs.operator import load
from hil.targets.hpcs.rig.keystore.keystores import SQLITE
from hil.tools.bundle.pack import RUN, Contents


def contents(run: Stored) -> Contents:
    """Return what goes into the bundle beside the run directory: procedures, and the commands of this run."""
    names = sorted({scenario.procedure for scenario in run.plan})
    return Contents(
        path=run.path,
        page=lambda copy: page.document(Stored.read(copy), home=RUN),
        members={f"procedures/{name}.toml": _procedure(run, name) for name in names},
        reproduce="\n".join(reproduce(run)) + "\n",
        environment=run.environment,
        versions={"unit image": run.head.get("image")},
        public=frozenset(_public(run.path)),
    )


def _procedure(run: Stored, name: str) -> str:
    """Return the file of a procedure: the copy that the run has kept, else the bench's own."""
    copy = run.path / PROCEDURES / f"{name}.toml"
    return copy.read_text() if copy.exists() else load.text(name)


def _public(run: Path) -> set[str]:
    """Verification patterns and fingerprints of traces, which have the form of keys and are none.

    A file that is damaged has none, and so loses its patterns in the bundle rather than keep a key.
    """
    found: set[str] = set()
    for path in run.glob("scenarios/*/*.json"):
        with suppress(ValueError):
            found |= set(_named(json.loads(path.read_text())))
    for path in run.glob("scenarios/*/*.txt"):
        for unit in registers(path.read_text(errors="replace").splitlines()):
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
        f"--failover {shape.failover} --keys {shape.keys} --backend {run.backend}"
    )
    if run.head.get("keystore", SQLITE) != SQLITE:
        size += f" --keystore {run.head['keystore']}"
    if run.module:
        size += f" --module-profile {RUN}/{MODULE}"
    yield "# To play this campaign again"
    yield ""
    if run.module:
        yield f"{RUN}/{MODULE} names the library of a PKCS#11 module, which has to be installed there."
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
