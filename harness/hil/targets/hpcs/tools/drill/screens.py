"""What ``hil drill`` prints."""

import shlex
from collections.abc import Iterator, Sequence

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.model.history import LOOKS
from hil.targets.hpcs.tools.byhand.record import Record
from hil.targets.hpcs.tools.drill.check import DrillCheck, DrillStatus
from hil.targets.hpcs.tools.drill.points import chosen
from hil.targets.hpcs.tools.drill.record import Drill

MISSING_MAX = 3
HARMLESS = LOOKS | {"cryptounit-mk", "help", "login", "mks", "sigkeys"}
ANSWERS = {
    DrillStatus.SURVIVED: "SURVIVED: every key is readable and the rotation is complete",
    DrillStatus.OPEN: "OPEN: no key is lost, and the rotation is not complete",
    DrillStatus.LOST: "LOST: keys are gone for good",
}


def briefing(instance: Record, drill: Drill) -> Iterator[str]:
    """Yield what the operator is told, and the terminal as it was left."""
    shape = instance.shape
    yield (
        f"A master-key rotation was broken off in an instance of {shape.operational} operational, "
        f"{shape.recovery} recovery, {shape.failover} failover crypto units with {shape.keys} keys."
    )
    yield f"What had died runs again. All that its terminal has shown ({drill.transcript}):"
    yield ""
    yield from (f"  | {line}" for line in drill.transcript.read_text().splitlines())
    yield ""
    yield "Complete the rotation with tke. No key may be lost."
    yield f"The password of every signature key is: {sut.PASSWORD}"
    quoted = shlex.quote(str(drill.folder))
    yield f"Then: hil drill --check --dir {quoted}    In the end: hil drill --end --dir {quoted}"


def checked(drill: Drill, seen: DrillCheck, *, tell: bool) -> Iterator[str]:
    """Yield what came of it; how it should have gone only when it is over, or where ``tell`` asks for it."""
    shown = [f"message {number}" for number, seen in enumerate(drill.messages, start=1) if seen]
    yield f"shown to you: {' and '.join(shown) or 'neither message'}"
    yield f"typed by you: {' -> '.join(drill.typed()) or 'nothing yet'}"
    yield f"keys: {seen.keys - seen.lost} of {seen.keys} safe"
    if seen.standing is DrillStatus.OPEN:
        left = [finding.text for finding in seen.missing if finding.check in ("registers", "row ids")]
        yield from (f"still to do: {text}" for text in left[:MISSING_MAX])
    if seen.standing is DrillStatus.LOST:
        yield f"the master key of {seen.lost} keys is in no register any more"
    if tell or seen.standing is not DrillStatus.OPEN:
        yield from _recovery(drill, seen)
    else:
        yield f"How it should go: hil drill --tell --dir {shlex.quote(str(drill.folder))}"
    yield ANSWERS[seen.standing]


def _recovery(drill: Drill, seen: DrillCheck) -> Iterator[str]:
    point, rows = chosen(drill.seed), drill.rows
    yield f"broken off: {point.text} ({point.crash}, seed {drill.seed})"
    yield f"rows then: {rows.current} under CURRENT, {rows.new} under NEW, {rows.unreadable} under neither"
    yield f"rule of the page: {drill.way.rule} ({drill.way.source})"
    yield f"so it should go: {' -> '.join(drill.way.commands) or 'nothing is left to do'}"
    if seen.standing is DrillStatus.SURVIVED and _acts(drill.typed()) != _acts(drill.way.commands):
        yield "you went another way; here it cost nothing, after another death it may"


def _acts(commands: Sequence[str]) -> list[str]:
    """Return the commands that change something, without their arguments."""
    return [word for command in commands if (word := command.partition(" ")[0]) not in HARMLESS]
