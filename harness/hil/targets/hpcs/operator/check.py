"""What is doubtful in a procedure file that can be used, each doubt with its line.

Such a file can be played, and a campaign shows what comes of it: a doubt says beforehand where to look.
"""

from collections.abc import Callable, Iterator
from operator import attrgetter

from hil.forms.places import line_of, places
from hil.forms.reading import FormFault
from hil.model.procedure import CONTROLS
from hil.targets.hpcs.model.rules import Procedure
from hil.targets.hpcs.operator import gaps
from hil.targets.hpcs.operator.load import parse

SHOWN_MAX = 4

Line = Callable[[str], int]


def doubts(content: str) -> tuple[FormFault, ...]:
    """Return what is doubtful, by line; raises BadProcedure where the file is wrong."""
    procedure = parse(content, "the file")
    rules = [rule.name for rule in procedure.rules]
    lines = places(content)

    def line(name: str) -> int:
        return line_of(lines, ("rule", rules.index(name)))

    found = [*_of_rules(procedure, line), *_of_pairs(procedure, line)]
    if procedure.kind not in CONTROLS:  # a control is one step, and says where it may be taken
        found += _of_gaps(procedure, line_of(lines, ("rule",)))
    return tuple(sorted(found, key=attrgetter("line")))


def _of_rules(procedure: Procedure, line: Line) -> Iterator[FormFault]:
    for name, what, command in gaps.unseen(procedure):
        yield FormFault(
            line(name), f"rule '{name}' goes by {what}, which no look shows: add '{command}' to look"
        )
    for name in gaps.unlooked(procedure):
        yield FormFault(
            line(name), f"rule '{name}' means units that only a look shows: ask for promotion as well"
        )
    for name, others in gaps.overshadowed(procedure):
        rest = " or ".join(f"'{other}' (line {line(other)})" for other in others)
        yield FormFault(line(name), f"rule '{name}' never decides: wherever it matches, {rest} does too")

    if procedure.kind not in CONTROLS:
        for name, clears in gaps.heedless(procedure):
            yield FormFault(
                line(name), f"rule '{name}' types {clears}, which clears registers: say after which command"
            )


def _of_pairs(procedure: Procedure, line: Line) -> Iterator[FormFault]:
    hidden = {name for name, _ in gaps.overshadowed(procedure)}
    for first, second, where in gaps.claimed_twice(procedure):
        if not hidden & {first, second}:
            place = f"'{first}' (line {line(first)})"
            yield FormFault(
                line(second), f"ambiguous: rule '{second}' and {place} both match: {_some(where)}"
            )


def _of_gaps(procedure: Procedure, line: int) -> Iterator[FormFault]:
    silent = gaps.silent(procedure)
    for words in silent[:SHOWN_MAX]:
        yield FormFault(line, f"silent: no rule for {words}")
    if len(silent) > SHOWN_MAX:
        yield FormFault(line, f"silent: and no rule for {len(silent) - SHOWN_MAX} more")


def _some(words: tuple[str, ...]) -> str:
    more = f"; and {len(words) - SHOWN_MAX} more" if len(words) > SHOWN_MAX else ""
    return "; ".join(words[:SHOWN_MAX]) + more
