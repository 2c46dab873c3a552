"""A program for the warm parent: opens the token of a crypto unit and prints what its random numbers make."""

from pathlib import Path

from hsm_emulator.unit.module import module_of
from hsm_emulator.unit.state import Folder, read_identity


def main(arguments: list[str]) -> int:
    """Print the verification pattern of a random key, and the public point of an importer key."""
    folder = Folder(Path(arguments[0]))
    token = module_of(folder).open(folder, read_identity(folder), (), exportable=True)
    with token.random_key() as key:
        print(key.pattern)
    print(token.importer().point.hex())
    token.close()
    return 0
