"""What the page says, read from page.toml, and the predicates by which claims select results."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from hil.model.outcome import Outcome
from hil.model.procedure import ProcedureKind
from hil.report.case import Case
from hil.targets.hpcs.model.registers import Promotion

CLEARING = frozenset({"cryptounit-zeroize", "cryptounit-mk-clrcur", "cryptounit-mk-clrnew"})
ROTATE, SET_IMMEDIATE, AUTO = "cryptounit-mk-rotate", "cryptounit-mk-setimm", "auto-mk-rotate"
FOLLOWED = frozenset({ProcedureKind.DOCUMENTED, ProcedureKind.STATE_BASED})

Predicate = Callable[[Case], bool]


@dataclass(frozen=True)
class Branch:
    """One branch of the page; ``claims`` are numbers of claims that put it in doubt."""

    seen: str
    action: str
    claims: tuple[int, ...]


@dataclass(frozen=True)
class Exhibit:
    """Results of one sort, and what each of them shows."""

    shows: str
    of: Predicate


@dataclass(frozen=True)
class Claim:
    """One thing that the page says, and the results that speak against it, bear it out, or belong beside."""

    number: int
    says: str
    against: Exhibit
    bears_out: Exhibit
    beside: tuple[Exhibit, ...]


@cache
def page() -> tuple[tuple[Branch, ...], tuple[Claim, ...]]:
    """Return the branches of the page and the claims in it."""
    text = resources.files("hil.targets.hpcs.report").joinpath("page.toml").read_text()
    content = tomllib.loads(text)
    return tuple(map(_branch, content["branch"])), tuple(map(_claim, content["claim"]))


def _branch(entry: Mapping[str, Any]) -> Branch:
    return Branch(entry["seen"], entry["action"], tuple(entry["claims"]))


def _claim(entry: Mapping[str, Any]) -> Claim:
    beside = tuple(map(_exhibit, entry.get("beside", ())))
    sides = _exhibit(entry["against"]), _exhibit(entry["bears_out"])
    return Claim(entry["number"], entry["says"], *sides, beside)


def _exhibit(entry: Mapping[str, str]) -> Exhibit:
    return Exhibit(entry["shows"], PREDICATES[entry["of"]])


def _deselected(case: Case) -> bool:
    return case.documented and "cryptounit-rm" in case.typed


def _misread(case: Case) -> bool:
    return case.kind == ProcedureKind.MISREAD


def _reruns_over(case: Case) -> bool:
    """Whether the page's rule led to a rerun while something was in NEW; whole transcripts only."""
    filled = any(unit.new for unit in case.at.units)
    return case.documented and not case.blind and filled and AUTO in case.typed


def _message_1(case: Case) -> bool:
    return case.crash.flow == "auto" and case.seen == (1,) and not case.blind and case.kind in FOLLOWED


def _refused(case: Case, command: str) -> bool:
    return case.result == Outcome.REFUSED and case.act == command


def _some(case: Case) -> bool:
    return case.promotion is Promotion.SOME


def _token_first(case: Case) -> bool:
    return case.procedure == "token-first" and case.crash.ended == "token"


def _uncommitted(case: Case) -> bool:
    return any(unit.new and not unit.committed for unit in case.at.units)


PREDICATES: Mapping[str, Predicate] = {
    "deselected, back": lambda c: _deselected(c) and c.back,
    "deselected, not back": lambda c: _deselected(c) and not c.back,
    "cleared": lambda c: _misread(c) and bool(CLEARING & {*c.typed}),
    "promoted from committed": lambda c: c.kind in FOLLOWED and SET_IMMEDIATE in c.typed and c.back,
    "new valid": lambda c: c.new_valid,
    "waited for valid": lambda c: _misread(c) and "valid" in c.procedure,
    "mks failed": lambda c: "cryptounit-mks ended" in c.record["stuck"],
    "mks worked": lambda c: "cryptounit-mks" in c.typed and c.back,
    "rerun over NEW, back": lambda c: _reruns_over(c) and c.back,
    "rerun over NEW, not back": lambda c: _reruns_over(c) and not c.back,
    "message 1, not begun": lambda c: _message_1(c) and not c.rewrapped and not c.at.target,
    "message 1, begun": lambda c: _message_1(c) and bool(c.at.target),
    "message 1, rewrapped": lambda c: _message_1(c) and not c.left and c.back,
    "message 1, to rewrap": lambda c: _message_1(c) and bool(c.left) and c.back,
    "blind, lost": lambda c: c.documented and c.blind and c.lost,
    "blind, back": lambda c: c.documented and c.blind and c.back,
    "blind, state-based": lambda c: c.kind == ProcedureKind.STATE_BASED and c.blind,
    "rerun over NEW not in order": lambda c: _reruns_over(c) and not c.new_ready and c.back,
    "auto refused over NEW": lambda c: c.crash.ended == "precheck" and c.crash.command == AUTO,
    "rotate refused over NEW": lambda c: _refused(c, ROTATE) and not c.new_ready,
    "rotate refused, some promoted": lambda c: _refused(c, ROTATE) and _some(c),
    "setimm refused, some promoted": lambda c: _refused(c, SET_IMMEDIATE) and _some(c),
    "token in the middle": lambda c: c.crash.ended == "token" and not c.untouched,
    "token at the start": lambda c: c.crash.ended == "token" and c.untouched,
    "token first, lost": lambda c: _token_first(c) and c.lost,
    "token first, kept": lambda c: _token_first(c) and not c.lost,
    "messages first": lambda c: c.documented and c.crash.ended == "token" and c.rewrapped > 0 and c.back,
    "rewrapped, committed before": lambda c: bool(c.rewrapped) and c.new_ready,
    "rewrapped, not committed": lambda c: bool(c.rewrapped) and _uncommitted(c),
}
