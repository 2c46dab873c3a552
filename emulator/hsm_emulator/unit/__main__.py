"""Command line of a crypto unit: init, serve, mechanisms, trial.

Exit codes: 0 done, 1 failed, 64 usage; a failure is one line on stderr.
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from subprocess import SubprocessError
from typing import NoReturn

from hsm_emulator import serve as http
from hsm_emulator.instance import UnitType
from hsm_emulator.unit import factory, trial
from hsm_emulator.unit.api import application
from hsm_emulator.unit.factory import UsageError
from hsm_emulator.unit.p11server import P11ServerError
from hsm_emulator.unit.power import Power
from hsm_emulator.unit.state import Folder
from hsm_emulator.unit.sweep import KeyLostError
from hsm_emulator.unit.token import TokenError

EX_FAILED = 1
EX_USAGE = 64
_FAILURES = (
    OSError,
    KeyError,
    TypeError,
    ValueError,
    SubprocessError,
    KeyLostError,
    P11ServerError,
    TokenError,
)


def main(argv: list[str]) -> int:
    """Run one command and return its exit code."""
    os.umask(0o077)
    try:
        options = _PARSER.parse_args(argv)
        options.run(options)
    except UsageError as error:
        return _fail(str(error), EX_USAGE)
    except _FAILURES as error:
        return _fail(f"{type(error).__name__}: {error}", EX_FAILED)
    return 0


def _init(options: argparse.Namespace) -> None:
    factory.make(
        options.dir, options.number, options.type, options.location, options.iam_secret, options.module
    )


def _serve(options: argparse.Namespace) -> None:
    """Open the token, then the PKCS#11 door, then the admin door; SIGTERM ends all three.

    So does the end of the PKCS#11 door: nothing here starts it again. SIGHUP is a power cycle; one that comes
    before all are open is kept until then.
    """
    folder = Folder(options.dir)
    if len(os.fsencode(options.sockets / "admin.sock")) > http.SUN_PATH_MAX:
        raise UsageError(f"{options.sockets} is too long for sockets; choose a shorter --sockets")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    power = Power(folder, options.sockets)

    def child_changed() -> None:
        if power.failure:
            signal.raise_signal(signal.SIGTERM)

    power.on()
    try:
        signals = {signal.SIGHUP: power.cycle, signal.SIGCHLD: child_changed}
        http.serve(application(power), options.sockets / "admin.sock", signals)
        if power.failure:
            raise power.failure
    finally:
        power.off()


def _mechanisms(options: argparse.Namespace) -> None:
    print(json.dumps(trial.mechanisms(options.dir, options.module)))


def _trial(options: argparse.Namespace) -> None:
    print(json.dumps(trial.trial(options.dir)))


class _UnitParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _UnitParser(
        prog="python -m hsm_emulator.unit", description="One crypto unit.", allow_abbrev=False
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    init = _command(commands, "init", "make a unit in its factory state")
    init.set_defaults(run=_init)
    init.add_argument("--number", type=int, required=True)
    init.add_argument("--type", type=UnitType, required=True, help=" | ".join(UnitType))
    init.add_argument("--location", required=True, help="[region].[host].[module].[domain]")
    init.add_argument("--iam-secret", type=_path, required=True)
    init.add_argument("--module", type=_path, help="module.json of another PKCS#11 module than SoftHSM")
    serve = _command(commands, "serve", "serve until SIGTERM")
    serve.set_defaults(run=_serve)
    serve.add_argument("--sockets", type=_path, required=True, help="folder of admin.sock and p11.sock")
    mechanisms = _command(commands, "mechanisms", "print what a PKCS#11 module has, as JSON")
    mechanisms.set_defaults(run=_mechanisms)
    mechanisms.add_argument("--module", type=_path, required=True, help="its module.json")
    tried = _command(commands, "trial", "try what a unit does with its token, on a stopped unit without keys")
    tried.set_defaults(run=_trial)
    return parser


def _path(text: str) -> Path:
    """Return a path that stays right where the current folder changes, see softhsm.py."""
    return Path(text).absolute()


def _command(
    commands: "argparse._SubParsersAction[_UnitParser]", name: str, purpose: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=purpose, description=purpose, allow_abbrev=False)
    command.add_argument("--dir", type=_path, required=True, help="folder of the unit")
    return command


def _fail(message: str, code: int) -> int:
    print(f"hsm_emulator.unit: {message}", file=sys.stderr, flush=True)
    return code


_PARSER = _parser()  # before any fork: 3 ms that a warm parent has once for all

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
