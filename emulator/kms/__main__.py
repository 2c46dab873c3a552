"""Entry point of the service process: ``init`` makes an empty key store, ``serve`` serves until SIGTERM."""

import argparse
import sys
from pathlib import Path
from typing import NoReturn

from emulator.kms import api, config, store
from emulator.kms.config import Config, ConfigError
from emulator.kms.service import Service
from emulator.serve import serve

USAGE = 64


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main(argv: list[str]) -> int:
    """Run one command; 0 done, 64 where the arguments or what they name do not fit."""
    arguments = _PARSER.parse_args(argv)
    try:
        settings = config.read(arguments.config)
        return _init(settings) if arguments.command == "init" else _serve(settings)
    except ConfigError as error:
        print(f"emulator.kms: {error}", file=sys.stderr)
        return USAGE


def _parser() -> _Parser:
    parser = _Parser(prog="emulator.kms", description="Key management service of the emulated instance.")
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


def _serve(settings: Config) -> int:
    try:
        with store.KeyStore(settings.store) as key_store:
            key_store.rotation()
        secret = settings.iam_secret.read_text().strip()
        settings.apikey.read_text()
    except store.StoreError as error:
        raise ConfigError(f"{settings.store}: {error}; make a key store with init first") from error
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}") from error
    service = Service(settings, secret)
    serve(api.application(service), settings.socket, aside=True)
    service.stop()
    return 0


_PARSER = _parser()  # before any fork: a warm parent has it once for all

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
