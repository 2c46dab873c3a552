"""``hil advise``: which recovery now, from scroll-back."""

import json
from typing import BinaryIO

import click

from hil.cli import options
from hil.model.verdicts import Exit
from hil.targets.hpcs.operator import load
from hil.targets.hpcs.tools.advise import advice, lines, reading
from hil.targets.hpcs.tools.advise.advice import Answer
from hil.targets.hpcs.tools.advise.words import Lang

FLOWS = {"auto": "auto", "parts": "parts", "guess": ""}


@click.command(
    epilog=options.examples(
        "hil advise transcript.txt",
        "tke cryptounit-mk > registers.txt; hil advise transcript.txt --registers registers.txt",
        "hil advise - --lang ja < transcript.txt",
    )
)
@click.argument("transcript", metavar="[FILE|-]", type=click.File("rb"), default="-")
@click.option(
    "--registers",
    type=click.File("rb"),
    help="What 'tke cryptounit-mk' printed, and 'tke rotation-status' where there is one.",
)
@click.option(
    "--lang",
    type=click.Choice([lang.value for lang in Lang]),
    default="en",
    show_default=True,
    help="Language.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the advice as JSON.")
@click.option(
    "--flow",
    type=click.Choice(list(FLOWS)),
    default="guess",
    show_default=True,
    help="Rotation by recovery units or by key parts, where the transcript does not tell.",
)
def advise(transcript: BinaryIO, registers: BinaryIO | None, *, lang: str, as_json: bool, flow: str) -> int:
    """Say which recovery to run by a terminal's text, and what never; exit code 2 where it does not tell."""
    language = Lang(lang)
    seen = reading.scrollback(_read(transcript), _name(transcript), FLOWS[flow])
    sight = seen.history.sight
    if registers:
        sight = reading.sight(_read(registers), _name(registers), seen.history.instance)
    told = advice.advise(seen.history, sight, load.builtin("documented"), load.builtin("state-based"))
    if as_json:
        print(json.dumps(lines.record(told, language, seen.program), indent=2, ensure_ascii=False))
    else:
        print("\n".join(lines.lines(told, language, seen.program)))
    return Exit.AS_DOCUMENTED if told.answer in (Answer.RUN, Answer.DONE) else Exit.INCONCLUSIVE


def _read(stream: BinaryIO) -> bytes:
    try:
        return stream.read()
    except OSError as error:
        raise reading.BadTranscript(f"{_name(stream)} cannot be read: {error.strerror}") from error


def _name(stream: BinaryIO) -> str:
    name = getattr(stream, "name", "<stdin>")
    return name if isinstance(name, str) and name != "<stdin>" else "standard input"


COMMANDS = (advise,)
