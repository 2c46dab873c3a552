"""Entry point of the service process: ``init`` makes an empty key store, ``serve`` serves until SIGTERM."""

import argparse
import signal
import sys
from pathlib import Path
from typing import NoReturn

from hsm_emulator.kms import config, store
from hsm_emulator.kms.config import Config, ConfigError
from hsm_emulator.kms.running import RunningService, StillBusy
from hsm_emulator.serve import serve

FAILED = 1
USAGE = 64


class _ServiceParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main(argv: list[str]) -> int:
    """Run one command; 0 done, 1 failed, 64 where the arguments or what they name do not fit."""
    arguments = _PARSER.parse_args(argv)
    try:
        if arguments.command == "init":
            return _init(config.read(arguments.config))
        return _serve(RunningService(arguments.config))
    except (ConfigError, StillBusy) as error:
        print(f"hsm_emulator.kms: {error}", file=sys.stderr)
        return USAGE if isinstance(error, ConfigError) else FAILED


def _parser() -> _ServiceParser:
    parser = _ServiceParser(
        prog="hsm_emulator.kms", description="Key management service of the emulated instance."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, summary in (("init", "make an empty key store"), ("serve", "serve REST until SIGTERM")):
        command = commands.add_parser(name, help=summary)
        command.add_argument("--config", type=Path, required=True, help="kms.json of the instance")
    return parser


def _init(settings: Config) -> int:
    try:
        store.create(settings.store)
    except store.StoreExists as error:
        raise ConfigError(f"{settings.store} exists already; remove it first to lose its keys") from error
    except OSError as error:
        raise ConfigError(f"{settings.store}: {error.strerror}") from error
    return 0


def _serve(running: RunningService) -> int:
    serve(running.answer, running.socket, {signal.SIGHUP: running.again}, aside=True)
    if running.failure:
        raise running.failure
    running.stop()
    return 0


_PARSER = _parser()  # before any fork: a warm parent has it once for all

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
