"""Sows changes into modules as a process imports them; Python loads this file before any module of the bench.

A run that sows has an interpreter of its own, a venv whose .pth file imports this one: so the emulator and
the bench hold nothing of it, and every interpreter that they start is the same. SEED in the folder of that
venv names the folder of the proofs, and changes, each of one text in the source of a module into another.
Every text has to occur exactly once, so that a refactoring cannot turn a change into nothing. And a process
leaves a proof when it runs the function that was changed (or imports the module, where no function was): a
defect that was never alive is not one that nobody saw.

Rejected: replacing functions at run time. A change in the middle of a function would need a copy of it, which
goes stale silently.
"""

import ast
import json
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

SEED = "seed.json"

_file = Path(sys.prefix) / SEED
_seed: dict[str, Any] = json.loads(_file.read_text()) if _file.exists() else {"changes": []}
_proven: set[tuple[int, int]] = set()


class NotSown(ImportError):
    """The text that a change replaces is not there exactly once."""


def sown(source: str, changes: Sequence[tuple[int, dict[str, str]]]) -> ast.Module:
    """Return a module with all its changes made and a proof at each of them; raises NotSown."""
    places: dict[int, int] = {}
    for number, change in changes:
        source, at, shift = _changed(source, change)
        places = {other: place + shift * (place > at) for other, place in places.items()}
        places[number] = at + len(change["new"]) - len(change["new"].lstrip())
    tree = ast.parse(source)
    for number, place in places.items():
        proof = ast.parse(f"__import__({__name__!r}).reached({number})").body
        function = _around(tree, source.count("\n", 0, place) + 1)
        if function is None:
            tree.body += proof
        else:
            function.body[:0] = proof
    return ast.fix_missing_locations(tree)


def _changed(source: str, change: dict[str, str]) -> tuple[str, int, int]:
    """Return the source with a change made, where that is, and by how much what follows has moved."""
    found = source.count(change["old"])
    if found != 1:
        raise NotSown(f"{change['module']}: {found} places in place of one hold {change['old']!r}")
    at = source.index(change["old"])
    return source.replace(change["old"], change["new"]), at, len(change["new"]) - len(change["old"])


def reached(number: int) -> None:
    """Leave the proof that this process runs change ``number``; once a process."""
    if (os.getpid(), number) not in _proven:
        _proven.add((os.getpid(), number))
        with (Path(_seed["proofs"]) / str(number)).open("a") as proofs:
            proofs.write(f"{os.getpid()}\n")


def _around(tree: ast.Module, line: int) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Return the innermost function that holds a line; None where the line is the module's own."""
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body[0].lineno <= line <= (node.end_lineno or 0)
    ]
    return max(around, key=lambda node: node.lineno, default=None)


class _Loader(SourceFileLoader):
    """Compiles the changed source, past every cache."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        changes = [(at, each) for at, each in enumerate(_seed["changes"]) if each["module"] == fullname]
        return compile(sown(self.get_data(path).decode(), changes), path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    """Finds the modules that are to be changed, and leaves all others to those that come after."""

    def __init__(self, modules: frozenset[str]) -> None:
        self._modules = modules

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._modules:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is None or spec.origin is None:
            raise NotSown(f"{fullname} is no module")
        spec.loader = _Loader(fullname, spec.origin)
        return spec


if _seed["changes"]:
    sys.meta_path.insert(0, _Finder(frozenset(change["module"] for change in _seed["changes"])))
