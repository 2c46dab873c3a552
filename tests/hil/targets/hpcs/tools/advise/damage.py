"""Damage to transcripts and screens, as windows, mails, scanners and people do it; and what advice does then.

    python -m tests.hil.targets.hpcs.tools.advise.damage [--texts N] [--seed N] [RUN…]

tries texts made of the stored transcripts, or of those of run directories, whose campaign knows which
command would destroy keys, and prints how many were tried, answered, and answered with such a command.
"""

import argparse
import json
import random
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hil.targets.hpcs.tools.advise.advice import Advice, Answer
from hil.targets.hpcs.tools.advise.reading import BadTranscript
from hsm_emulator.instance import Instance, UnitType
from hsm_emulator.registers import RegisterState
from hsm_emulator.tke import screen
from hsm_emulator.tke.unitstate import RegisterStatus, UnitStatus
from tests.hil.targets.hpcs.tools.advise.conftest import Case, advice, cases

CHANGING = ("auto-", "cryptounit-mk-", "cryptounit-rm", "cryptounit-zero", "login")
OTHER_INSTANCE = "11111111-0000-0000-0000-000000000000"
Damage = Callable[[random.Random, str], str]


@dataclass(frozen=True)
class State:
    """An instance at a crash: rows by register, and each unit's CURRENT and NEW as (state, pattern)."""

    current: int
    new: int
    units: tuple[tuple[str, str, str, str], ...]  # type, CURRENT, state of NEW, NEW

    @property
    def destroying(self) -> frozenset[str]:
        """Commands after which the master key of some row would be in no register."""
        pending = {new for _, _, state, new in self.units if state != "Empty"}
        currents = {current for _, current, _, _ in self.units if current}
        promoted = {new if state != "Empty" else current for _, current, state, new in self.units}
        under = {self.units[0][1]} if self.current else set()
        under |= pending if self.new else set()
        found = {"cryptounit-zeroize", "cryptounit-mk-clrcur"}
        if pending and under - currents:
            found |= {"auto-mk-rotate", "cryptounit-mk-clrnew"}
        if pending and under - promoted:
            found.add("cryptounit-mk-setimm")
        return frozenset(found)

    @classmethod
    def of(cls, recorded: Mapping[str, object]) -> "State":
        """Read ``state_at_crash`` of campaign.json."""
        rows, units = recorded["rows"], recorded["units"]
        assert isinstance(rows, dict)
        assert isinstance(units, list)
        told = ((one["type"], one["current"] or "", one["new_state"], one["new"] or "") for one in units)
        return cls(rows["current"], rows["new"], tuple(told))


@dataclass(frozen=True)
class Subject:
    """A screen at a prompt, and the instance behind it."""

    name: str
    screen: str
    state: State

    @property
    def forbidden(self) -> frozenset[str]:
        """What would destroy keys here, and what would where key storage has just begun to be rewrapped."""
        history = advice(self.screen).history
        begun = history.begun and not history.done
        more = {"auto-mk-rotate", "cryptounit-mk-clrnew"} if begun else set()
        return self.state.destroying | more


def _subjects(case: Case, state: State) -> Iterator[Subject]:
    """Yield the prompts of a case until something is changed."""
    for moment in case.moments():
        yield Subject(case.id, moment.screen, state)
        if moment.typed and moment.typed[0].startswith(CHANGING):
            return


def stored() -> tuple[Subject, ...]:
    """Of the stored transcripts."""
    return tuple(one for case in cases() for one in _subjects(case, State.of(case.state)))


def played(run: Path) -> tuple[Subject, ...]:
    """Of a run directory: every scenario at its first crash."""
    states = {one["id"]: one for one in json.loads((run / "campaign.json").read_text())["scenarios"]}
    found: list[Subject] = []
    for folder in sorted((run / "scenarios").iterdir()):
        told = states[json.loads((folder / "scenario.json").read_text())["id"]]
        if told["recovery"] and told["state_at_crash"]["units"]:
            case = Case(told["id"], (folder / "transcript.txt").read_text(), tuple(told["recovery"]))
            found += _subjects(case, State.of(told["state_at_crash"]))
    return tuple(found)


# What was typed where: prompts of shells, for ``$ ``.
SHELLS: Sequence[tuple[str, str]] = (
    ("$ ", "tke "),
    ("me@host:~/keys$ ", "ibmcloud tke "),
    ("root@host:/# ", "tke "),
    ("# ", "tke "),
    ("bash-5.1$ ", "tke "),
    ("me@mac ~ % ", "ibmcloud tke "),
    ("\u279c  ~ ", "ibmcloud tke "),
    ("\u279c  keys git:(main) \u2717 ", "ibmcloud tke "),
    ("\n~/keys via \U0001f40d v3.11.7 \n\u276f ", "ibmcloud tke "),
    ("\u256d\u2500 ~/keys \u2714\n\u2570\u2500\u276f ", "tke "),
    ("\u250c\u2500\u2500(me\u327fhost)-[~/keys]\n\u2514\u2500$ ", "tke "),
    ("me@host ~/keys> ", "ibmcloud tke "),
    ("PS C:\\Users\\me> ", "ibmcloud tke "),
    ("C:\\Users\\me>", "ibmcloud tke "),
    ("[12:03:44] me@host:~$ ", "tke "),
)


def dressed(rng: random.Random, text: str) -> str:
    """The transcript at another shell."""
    prompt, program = rng.choice(SHELLS)
    return re.sub(r"^\$ (?=(\w?))", lambda at: prompt + (program if at[1] else ""), text, flags=re.MULTILINE)


def _each(text: str, change: Callable[[str], str]) -> str:
    return "\n".join(map(change, text.split("\n")))


def _cut(rng: random.Random, text: str) -> str:
    width, mark = rng.randint(24, 110), rng.choice(["", "", ">", "\u2026", "..."])
    return _each(text, lambda line: line if len(line) <= width else line[: width - len(mark)] + mark)


def _cut_left(rng: random.Random, text: str) -> str:
    columns = rng.randint(1, 30)
    return _each(text, lambda line: line[columns:] if rng.random() < 0.9 else line)


def _wrap(rng: random.Random, text: str) -> str:
    width, end, start = (
        rng.randint(12, 100),
        *rng.choice(
            [
                ("", ""),
                ("\\", ""),
                ("\u21b5", ""),
                ("", "> "),
                ("", "\u21aa "),
                (">", ""),
                ("-", ""),
                ("", "    "),
            ]
        ),
    )
    joint = f"{end}\n{start}"
    return _each(
        text, lambda line: joint.join(line[at : at + width] for at in range(0, len(line) or 1, width))
    )


def _mail(rng: random.Random, text: str) -> str:
    mark, width = rng.choice(["> ", ">> ", "| ", ">"]), rng.randint(50, 78)
    lines = [part for line in text.split("\n") for part in (textwrap.wrap(line, width) or [""])]
    return rng.choice(["", "Me wrote:\n"]) + "\n".join(mark + line for line in lines)


_CONFUSED = (
    "l1",
    "1l",
    "O0",
    "0O",
    "ec",
    "ce",
    "uv",
    "vu",
    "ao",
    "S5",
    "5S",
    "B8",
    "il",
    "nh",
    "gq",
    "tf",
    ",.",
)


def _ocr(rng: random.Random, text: str) -> str:
    share = rng.choice([0.003, 0.01, 0.03, 0.08])
    table = {pair[0]: pair[1:] for pair in rng.sample(_CONFUSED, 8)}
    read = "".join(table.get(sign, sign) if rng.random() < share * 6 else sign for sign in text)
    return read.replace("rn", "m") if rng.random() < 0.2 else read


def _sprinkle(signs: Sequence[str]) -> Damage:
    def damage(rng: random.Random, text: str) -> str:
        share = rng.choice([0.002, 0.01, 0.05])
        return "".join(rng.choice(signs) + sign if rng.random() < share else sign for sign in text)

    return damage


def _blanks(rng: random.Random, text: str) -> str:
    return "".join(
        rng.choice("\u00a0\u2009\u3000\t ") if sign == " " and rng.random() < 0.3 else sign for sign in text
    )


_ALIKE = {
    "a": "\u0430",
    "e": "\u0435",
    "o": "\u043e",
    "c": "\u0441",
    "p": "\u0440",
    "K": "\u041a",
    "-": "\u2011",
}


def _alike(rng: random.Random, text: str) -> str:
    return "".join(_ALIKE.get(sign, sign) if rng.random() < 0.2 else sign for sign in text)


def _typography(_: random.Random, text: str) -> str:
    return text.replace("...", "\u2026").replace("'", "\u2019").replace("-", "\u2013").replace('"', "\u201d")


_WORDS = (
    "FEHLGESCHLAGEN",
    "\u5931\u6557",
    "ECHEC",
    "FALHA",
    "\uc2e4\ud328",
    "\u5931\u8d25",
    "B\u0142\u0105d",
)


def _translated(rng: random.Random, text: str) -> str:
    return text.replace("FAILED", rng.choice(_WORDS))


def _translated_messages(rng: random.Random, text: str) -> str:
    first = rng.choice(
        [
            "30 Sekunden Pause, damit der Server die neuen Werte findet",
            "30 \u79d2\u9593\u5f85\u6a5f\u3057\u3066\u3044\u307e\u3059",
        ]
    )
    text = re.sub(r"Delaying 30 seconds.*", first, text)
    return re.sub(r"KMS CRK rewrap successful.*", "CRK-Rewrap der KMS erfolgreich", text)


def _lost_start(rng: random.Random, text: str) -> str:
    return text[rng.randint(0, len(text)) :]


def _lost_end(rng: random.Random, text: str) -> str:
    return text[: rng.randint(0, len(text))]


def _lost_line(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    del lines[rng.randrange(len(lines))]
    return "\n".join(lines)


def _doubled(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    at, count = rng.randrange(len(lines)), rng.choice([1, 1, 2, 6])
    return "\n".join([*lines[: at + count], *lines[at : at + count], *lines[at + count :]])


_LOGS = (
    "Nov 28 16:51:02 host kernel: [ 812.1] usb 1-1: new device",
    "[INFO] 2026-11-28 reconnecting to us-south",
    "# cron: session opened for user root",
    "$ ",
    "% done",
    "Broadcast message from root@host: reboot in 5 minutes",
    "client_loop: send disconnect: Broken pipe",
    "[1]+  Stopped                 vi notes",
)


def _logs(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    for _ in range(rng.choice([1, 2, 5])):
        lines.insert(rng.randint(0, len(lines)), rng.choice(_LOGS))
    return "\n".join(lines)


def _marked(rng: random.Random, text: str) -> str:
    """Some lines with a sign before them, as people point at what matters; it may look like a prompt."""
    mark, share = (
        rng.choice(["\u2192 ", "\u279c ", "# ", "% ", "$ ", "\u276f ", "[0] ", "+ ", "* "]),
        rng.random(),
    )
    return _each(text, lambda line: mark + line if line.strip() and rng.random() < share else line)


def _stamped(rng: random.Random, text: str) -> str:
    """Lines with a time or a number before them, as logs and editors put it there."""
    lines = text.split("\n")
    stamp = rng.choice(["2026-11-28T20:01:{:02} ", "[20:01:{:02}] ", "{:4}: ", "{} ", "{:6}  "])
    return "\n".join(stamp.format(number) + line for number, line in enumerate(lines, start=1))


def _logs_inside(rng: random.Random, text: str) -> str:
    at = rng.randint(0, len(text))
    return f"{text[:at]}\n{rng.choice(_LOGS)}\n{text[at:]}"


def _swapped(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    at = rng.randrange(max(1, len(lines) - 1))
    return "\n".join([*lines[:at], *reversed(lines[at : at + 2]), *lines[at + 2 :]])


def _joined(rng: random.Random, text: str) -> str:
    return "".join(rng.choice([" ", ""]) if sign == "\n" and rng.random() < 0.15 else sign for sign in text)


def _squeezed(_: random.Random, text: str) -> str:
    return re.sub(r"[ \t]+", " ", text)


def _indented(rng: random.Random, text: str) -> str:
    return textwrap.indent(text, " " * rng.randint(1, 8))


def _cased(rng: random.Random, text: str) -> str:
    return text.upper() if rng.random() < 0.5 else text.lower()


def _another_instance(rng: random.Random, text: str) -> str:
    """Another rotation, of another service instance, above."""
    other = re.sub(
        r"(?<=service instance )\S+", OTHER_INSTANCE, rng.choice(stored()).screen, flags=re.IGNORECASE
    )
    other = re.sub(r"(?<=SERVICE INSTANCE: )\S+", OTHER_INSTANCE, other)
    return other.removesuffix("$ ") + text


def _left(rng: random.Random, text: str) -> str:
    return text + rng.choice(
        ["exit\n", "\nexit\n", "logout\nConnection to host closed.\n", "exit\nScript done on x\n"]
    )


def _recorded(rng: random.Random, text: str) -> str:
    version = rng.choice([2, 3])
    events = (json.dumps([0.1, "o", f"{line}\r\n"]) for line in text.split("\n"))
    return "\n".join([json.dumps({"version": version, "width": 80, "height": 24}), *events])


DAMAGES: Mapping[str, Damage] = {
    "cut at the right": _cut,
    "cut at the left": _cut_left,
    "wrapped": _wrap,
    "mail": _mail,
    "OCR": _ocr,
    "escape codes": _sprinkle(["\x1b[31m", "\x1b[0m", "\x1b[K", "\x1b[?25l", "a\x08"]),
    "unseen signs": _sprinkle(["\u200b", "\u200d", "\u00ad", "\ufeff", "\u2060"]),
    "blanks": _blanks,
    "look-alikes": _alike,
    "typography": _typography,
    "translated": _translated,
    "translated messages": _translated_messages,
    "lost start": _lost_start,
    "lost end": _lost_end,
    "lost line": _lost_line,
    "doubled": _doubled,
    "log lines": _logs,
    "log lines inside": _logs_inside,
    "marked": _marked,
    "stamped": _stamped,
    "swapped": _swapped,
    "joined": _joined,
    "squeezed": _squeezed,
    "indented": _indented,
    "cased": _cased,
    "another instance": _another_instance,
    "left shell": _left,
    "recorded": _recorded,
}


def _lost_run(rng: random.Random, text: str) -> str:
    """Lose lines right above a prompt, whole: nothing in the text that is left can tell."""
    ends = [match.start() for match in re.finditer(r"^\$ ", text, re.MULTILINE)][1:]
    end = rng.choice(ends)
    above = text[:end].split("\n")
    return "\n".join(above[: -1 - rng.randint(1, 6)]) + "\n" + text[end:]


def _screens(rng: random.Random, subject: Subject) -> str:
    """The screens of the instance, sometimes with another one's, sometimes damaged."""
    named = re.search(r"service instance (\S+)", subject.screen)
    kinds = [(named[1] if named else "x", subject.state)]
    if rng.random() < 0.5:
        idle = State(1, 0, (("OPERATIONAL", "cc" * 4, "Empty", ""), ("RECOVERY", "cc" * 4, "Empty", "")))
        kinds.insert(rng.randint(0, 1), (OTHER_INSTANCE, rng.choice([idle, rng.choice(stored()).state])))
    tables: list[list[str]] = [[], [], []]
    first = 1
    for name, state in kinds:
        instance = Instance(name, "", "", "", "", "", ())
        units = list(_units(state, first))
        first += len(units)
        rows = {
            state.units[0][1]: state.current,
            next((one[3] for one in state.units if one[3]), "d" * 8): state.new,
        }
        halves = {f"{pattern * 4}"[:32]: count for pattern, count in rows.items() if count}
        for table, lines in zip(
            tables,
            (
                screen.new_registers(instance, units),
                screen.current_registers(instance, units),
                screen.key_storage(instance, halves),
            ),
            strict=True,
        ):
            table.extend([*(lines[1:] if table else lines), ""])
    if rng.random() < 0.4:
        tables.pop()
    shown = "\n".join(line for table in tables for line in table)
    return _damaged(rng, shown)[1] if rng.random() < 0.5 else shown


def _units(state: State, first: int) -> Iterator[UnitStatus]:
    for number, (kind, current, new_state, new) in enumerate(state.units, start=first):
        registers = (
            RegisterStatus(RegisterState.VALID if current else RegisterState.EMPTY, (current or "0" * 8) * 8),
            RegisterStatus(RegisterState(new_state), (new or "0" * 8) * 8),
        )
        yield UnitStatus(number, UnitType(kind), "", 1, False, 2, 2, 0, (), *registers)


def _damaged(rng: random.Random, text: str) -> tuple[str, str]:
    names = rng.sample(sorted(DAMAGES), rng.choice([1, 1, 1, 2, 3]))
    if "another instance" in names:
        names = ["another instance"]  # with more, nothing may be left of the instance in question
    for name in names:
        text = DAMAGES[name](rng, text)
    return " + ".join(names), text


@dataclass
class Tally:
    """What came of the texts: how many were tried, answered, right; those that would destroy keys."""

    tried: int = 0
    answered: int = 0
    by_damage: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    destroying: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(
        self, subject: Subject, forbidden: frozenset[str], damage: str, text: str, registers: str
    ) -> None:
        """Ask for advice on a text."""
        self.tried += 1
        self.by_damage[damage] += 1
        told = _told(text, registers)
        if told is None or told.answer not in (Answer.RUN, Answer.DONE):
            return
        self.answered += 1
        self.kept[damage] += 1
        if forbidden & {order.command for order in told.orders}:
            self.destroying.append((subject.name, damage, text, registers))

    def __str__(self) -> str:
        share = 100 * self.answered / max(1, self.tried)
        return (
            f"texts tried {self.tried}, answered {self.answered} ({share:.0f} %), "
            f"destroying {len(self.destroying)}"
        )


def _told(text: str, registers: str) -> Advice | None:
    try:
        return advice(text, registers)
    except BadTranscript:
        return None


def whole(subjects: Sequence[Subject]) -> Tally:
    """Try the texts as they are."""
    told = Tally()
    for subject in subjects:
        told.add(subject, subject.forbidden, "none", subject.screen, "")
    return told


def tally(subjects: Sequence[Subject], texts: int, seed: int) -> Tally:
    """Try ``texts`` damaged texts; the same for the same seed."""
    rng, told = random.Random(seed), Tally()  # noqa: S311 - a repeatable draw
    forbidden = [subject.forbidden for subject in subjects]
    for number in range(texts):
        at = number % len(subjects)
        subject = subjects[at]
        damage, text = _damaged(rng, subject.screen)
        text = dressed(rng, text) if rng.random() < 0.5 else text
        told.add(subject, forbidden[at], damage, text, _screens(rng, subject) if rng.random() < 0.3 else "")
    return told


def lost_runs(subjects: Sequence[Subject], texts: int, seed: int) -> Tally:
    """Try texts from which whole lines were taken right above a prompt; no reader could tell."""
    rng, told = random.Random(seed), Tally()  # noqa: S311 - a repeatable draw
    for number in range(texts):
        subject = subjects[number % len(subjects)]
        told.add(subject, subject.state.destroying, "lost run", _lost_run(rng, subject.screen), "")
    return told


def main() -> None:
    """Print the numbers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="print the texts that would destroy keys")
    parser.add_argument("runs", metavar="RUN", nargs="*", type=Path)
    given = parser.parse_args()
    subjects = tuple(one for run in given.runs for one in played(run)) or stored()
    told = tally(subjects, given.texts, given.seed)
    print(f"{len(subjects)} screens, whole: {whole(subjects)}")
    print(f"damaged: {told}")
    single = {name for name in told.by_damage if name in DAMAGES}
    for name in sorted(single):
        print(f"  {name:22} {told.kept[name]:6} of {told.by_damage[name]:6} answered")
    for name, damage, text, registers in told.destroying[:20] if given.show else ():
        print(f"=== {name}: {damage}\n{text}\n--- screens\n{registers}")
    runs = lost_runs(subjects, max(1, given.texts // 10), given.seed)
    print(f"whole lines lost right above a prompt, which no text can tell: {runs}")


if __name__ == "__main__":
    main()
