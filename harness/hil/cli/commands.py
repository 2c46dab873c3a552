"""All commands as one, and the exit code for each way in which one can end."""

import errno
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from hil.cli import (
    advise,
    bench,
    bundle,
    byhand,
    campaign,
    completion,
    doctor,
    drill,
    evidence,
    procedure,
    report,
    streams,
    sut,
    validate,
)
from hil.engine.again.merge import NotOneCampaign
from hil.engine.errors import BadRunDir, LeftRunning, NothingTried, RunDirBusy
from hil.engine.space import NoSpace
from hil.faults.watch.filter import CannotWatch
from hil.faults.watch.handover import Unwatched
from hil.model.faults import BadId
from hil.model.verdicts import Exit
from hil.targets.hpcs.operator.load import BadProcedure
from hil.targets.hpcs.play.record import GoldenFailed, NotRepeatable
from hil.targets.hpcs.rig.golden import GoldenError
from hil.targets.hpcs.rig.keystore.server import ServerBroken
from hil.targets.hpcs.rig.keystore.store import StoreNotMade
from hil.targets.hpcs.rig.layout import NoScratch
from hil.targets.hpcs.rig.preflight import NotReadyHere
from hil.targets.hpcs.rig.process.ready import NotReady
from hil.targets.hpcs.rig.units.docker import EngineError
from hil.targets.hpcs.rig.zygote.client import WarmParentGone
from hil.targets.hpcs.tools.advise.reading import BadTranscript
from hil.targets.hpcs.tools.bench.site import Broken
from hil.targets.hpcs.tools.byhand.instance import FolderTaken
from hil.targets.hpcs.tools.byhand.record import NoInstance
from hil.targets.hpcs.tools.byhand.units import UnitsDown
from hil.targets.hpcs.tools.drill.check import NotAnswering
from hil.targets.hpcs.tools.drill.record import NoDrill
from hil.targets.program.command import NotInstalled
from hil.targets.program.ledger import BadAnswer
from hil.targets.program.profile import BadProfile
from hil.targets.program.running import SutBroken
from hil.tools.bundle.archive import BadBundle

# Whose fault an error is decides the exit code.
EXITS: tuple[tuple[tuple[type[Exception], ...], Exit], ...] = (
    ((FolderTaken, NoInstance, RunDirBusy, BadRunDir, NotReadyHere, NoScratch), Exit.USAGE),
    ((BadBundle, BadId, BadProcedure, BadTranscript, NoDrill, NotAnswering, NotOneCampaign), Exit.USAGE),
    ((BadProfile, CannotWatch, NotInstalled, Unwatched), Exit.USAGE),
    ((LeftRunning, NotRepeatable, NothingTried), Exit.INCONCLUSIVE),
    ((BadAnswer, SutBroken), Exit.HARNESS_ERROR),
    ((Broken, EngineError, GoldenError, GoldenFailed, NotReady), Exit.HARNESS_ERROR),
    ((NoSpace, WarmParentGone, ServerBroken, StoreNotMade, UnitsDown), Exit.HARNESS_ERROR),
)
ERRORS = tuple(kind for kinds, _ in EXITS for kind in kinds)
# What the system says of a file, in one line: it is not the bench that has to be mended.
TROUBLE = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG), Exit.USAGE),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EIO), Exit.HARNESS_ERROR),
}

EXIT_CODES = """
\b
Exit codes:
  0   every scenario ended as documented
  1   data lost, stuck, or the documentation contradicted
  2   inconclusive: nothing was tried, a planned fault did not fire, or two plays differ
  64  bad arguments, or something is missing on this machine
  70  the bench itself failed
  130 interrupted
"""


class _BrokenPipe(Exception):
    """What was written to is gone: click would leave with exit code 1, which speaks of lost keys."""


class _Hil(click.Group):
    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 as in click
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _BrokenPipe from error


@click.group(cls=_Hil, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hsm-hil", prog_name="hil")
def hil() -> None:
    """Kill a master-key rotation, follow the documented recovery, prove what is left of the keys."""


_MODULES = (
    campaign,
    validate,
    procedure,
    evidence,
    report,
    bundle,
    advise,
    drill,
    byhand,
    doctor,
    bench,
    completion,
    sut,
)
for _module in _MODULES:
    for _command in _module.COMMANDS:
        hil.add_command(_command)


def run(argv: Sequence[str] | None) -> int:
    """Run one command and return its exit code; an error is one line on stderr."""
    try:
        return _ran(argv)
    finally:
        streams.let_go()


def _ran(argv: Sequence[str] | None) -> int:
    try:
        arguments = list(argv) if argv is not None else None
        code = hil.main(args=arguments, prog_name="hil", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort as interrupt:
        return _complain(str(interrupt) or "interrupted", Exit.INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError:
        return _complain("no command given; see 'hil --help'", Exit.USAGE)
    except click.ClickException as error:
        return _complain(error.format_message(), Exit.USAGE)
    except ERRORS as error:
        return _complain(str(error), next(code for kinds, code in EXITS if isinstance(error, kinds)))
    except (Exception, SystemExit) as error:  # click ends a help that nobody reads by SystemExit
        return _unexpected(error)
    return code if isinstance(code, int) else 0


def _unexpected(error: BaseException) -> int:
    """Return the exit code for what no command has foreseen; never 1, which says that keys are lost."""
    if isinstance(error, _BrokenPipe | BrokenPipeError | SystemExit) and streams.nobody_reads():
        return Exit.INTERRUPTED
    if isinstance(error, OSError) and error.errno in TROUBLE:
        where = error.filename or streams.broken_output()
        return _complain(f"{where}: {error.strerror}" if where else str(error.strerror), TROUBLE[error.errno])
    streams.say("".join(traceback.format_exception(error)).rstrip())
    return _complain(f"the bench itself failed: {type(error).__name__}: {error}", Exit.HARNESS_ERROR)


def _complain(text: str, code: Exit) -> int:
    streams.say(f"hil: {text}")
    return code
