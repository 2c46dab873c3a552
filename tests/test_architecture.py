"""The architecture as facts: who imports whom, and how long modules and functions are."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"hsm_emulator": "emulator", "hil": "harness"}  # import package: top-level folder
MODULE_LINES_MAX = 300
FUNCTION_LINES_MAX = 50
LONG_MODULES: dict[str, int] = {}

# Third-party modules that are behind one door each.
ONE_DOOR = {
    "pkcs11": {"emulator/hsm_emulator/unit/token.py"},
    "docker": {"harness/hil/targets/hpcs/rig/units/docker.py"},
    "pydantic": {
        "harness/hil/engine/plan.py",
        "harness/hil/forms/form.py",
        "harness/hil/forms/reading.py",
        "harness/hil/targets/program/form.py",
        "harness/hil/targets/program/ledger.py",
        "harness/hil/targets/hpcs/rig/modules/form.py",
        "harness/hil/targets/hpcs/operator/schema.py",
    },
    "pydantic_core": {"harness/hil/forms/form.py", "harness/hil/forms/reading.py"},
    "psycopg": {
        "emulator/hsm_emulator/kms/store/postgresql.py",
        "harness/hil/targets/hpcs/rig/keystore/database.py",
    },
    "requests": {
        "harness/hil/targets/hpcs/rig/units/docker.py"
    },  # the transport of docker, whose errors it lets through
    "pytest": {"harness/hil/plugin/__init__.py", "harness/hil/plugin/plan.py"},
    "tenacity": {"harness/hil/targets/hpcs/rig/process/ready.py", "emulator/hsm_emulator/wire/connection.py"},
}
# What the bench may know of the system under test beside its sockets and files.
KNOWN_TO_THE_BENCH = ("hsm_emulator.wire.", "hsm_emulator.durable")


@cache
def _trees() -> dict[str, ast.Module]:
    """Every module of the project by its path."""
    paths = [path for folder in PACKAGES.values() for path in (ROOT / folder).rglob("*.py")]
    return {str(path.relative_to(ROOT)): ast.parse(path.read_bytes()) for path in paths}


def _imports(path: str) -> Iterator[str]:
    """Full names of what a module imports; ``from a import b`` counts as a.b, which may be a module."""
    for node in ast.walk(_trees()[path]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are written in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _below(folder: str) -> list[str]:
    return [path for path in _trees() if path.startswith(folder + "/")]


def test_there_is_something_to_look_at() -> None:
    """Both packages are found, so the other facts are not about nothing."""
    assert all(len(_below(folder)) > 20 for folder in PACKAGES.values())


def test_the_pure_core() -> None:
    """hil.model imports itself and the standard library, nothing else."""
    for path in _below("harness/hil/model"):
        for name in _imports(path):
            own = name.startswith("hil.model.")
            assert own or name.partition(".")[0] in sys.stdlib_module_names, f"{path} imports {name}"


def test_the_system_under_test_does_not_know_its_bench() -> None:
    """Nothing below emulator imports harness, or tests."""
    for path in _below("emulator"):
        tops = {name.partition(".")[0] for name in _imports(path)}
        assert not tops & {"hil", "tests"}, path


def test_the_bench_knows_the_wire_and_the_disk_only() -> None:
    """Of emulator, harness imports the wire protocols and the durable files alone."""
    for path in _below("harness"):
        for name in _imports(path):
            if name.partition(".")[0] == "hsm_emulator":
                assert f"{name}.".startswith(KNOWN_TO_THE_BENCH), f"{path} imports {name}"


@pytest.mark.parametrize("module", ONE_DOOR)
def test_one_door(module: str) -> None:
    """A third-party library that must not spread is imported exactly where it was let in."""
    seen = {path for path in _trees() if module in {name.partition(".")[0] for name in _imports(path)}}
    assert seen == ONE_DOOR[module]


def test_nothing_third_party_is_imported_on_the_quiet() -> None:
    """What the two packages import is known: anywhere, or behind its one door."""
    everywhere = {"click", "cryptography", "h11", "jwt"}
    known = {*everywhere, *ONE_DOOR, *PACKAGES, *sys.stdlib_module_names}
    for path in _trees():
        assert {name.partition(".")[0] for name in _imports(path)} <= known, path


def test_length_of_modules() -> None:
    """A module fits into one reading."""
    for path in _trees():
        lines = len((ROOT / path).read_text().splitlines())
        assert lines <= LONG_MODULES.get(path, MODULE_LINES_MAX), f"{path} has {lines} lines"


def test_length_of_functions() -> None:
    """A function fits on one screen."""
    for path, tree in _trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                lines = node.end_lineno - node.lineno + 1
                assert lines <= FUNCTION_LINES_MAX, f"{path}: {node.name} has {lines} lines"


# The rooms of the bench, from the top down: a module imports from its own room and from those below it.
FLOORS = (
    ("__main__",),
    ("cli", "plugin"),
    ("tools",),
    ("targets", "targets.hpcs", "targets.program"),
    ("report",),
    ("engine",),
    ("faults",),
    ("entry", "forms", "inherited"),
    ("model",),
)
# How often a module of one room imports one of a room that is not below it. This list gets shorter only.
CLIMBING: dict[tuple[str, str], int] = {
    ("engine", "targets.hpcs"): 16,
    ("report", "targets.hpcs"): 32,
    ("targets.program", "targets.hpcs"): 1,
}


@cache
def _modules() -> dict[str, str]:
    """Paths of all modules by their full names."""
    names = {path: path.partition("/")[2].removesuffix(".py").replace("/", ".") for path in _trees()}
    return {name.removesuffix(".__init__"): path for path, name in names.items()}


@cache
def _graph() -> dict[str, set[str]]:
    """Which of our modules each of them imports, wherever in it the import stands."""
    return {
        name: {known for imported in _imports(path) if (known := _known(imported))} - {name}
        for name, path in _modules().items()
    }


def _known(name: str) -> str:
    """Return the module of ours that an imported name is, or is in; an empty text for others."""
    while name and name not in _modules():
        name = name.rpartition(".")[0]
    return name


def _room(module: str) -> str:
    """Return the room of a module of the bench; each target is one of its own."""
    _, room, *rest = module.split(".")
    return f"{room}.{rest[0]}" if room == "targets" and rest else room


def _climbing() -> dict[tuple[str, str], list[str]]:
    """Return the imports that climb, by the rooms from which and to which they lead."""
    height = {room: -floor for floor, rooms in enumerate(FLOORS) for room in rooms}
    seen: dict[tuple[str, str], list[str]] = {}
    for module, imports in _graph().items():
        for imported in imports:
            if module.startswith("hil.") and imported.startswith("hil."):
                ends = (_room(module), _room(imported))
                if ends[0] != ends[1] and height[ends[1]] >= height[ends[0]]:
                    seen.setdefault(ends, []).append(f"{module} -> {imported}")
    return seen


def test_every_room_has_a_floor() -> None:
    """No room of the bench stands outside the order, and the order names none that is not there."""
    rooms = {_room(module) for module in _modules() if module.startswith("hil.")}
    assert rooms == {room for rooms in FLOORS for room in rooms}


def test_no_import_climbs() -> None:
    """Imports lead down; what still climbs is counted, and the count is exact, so that it can only shrink."""
    seen = _climbing()
    changed = [
        line
        for ends, lines in sorted(seen.items())
        if len(lines) != CLIMBING.get(ends, 0)
        for line in sorted(lines)
    ]
    table = "".join(f"    {ends}: {len(lines)},\n" for ends, lines in sorted(seen.items()))
    now = "\n".join(["imports that climb and are not as counted:", *changed, "the list as it is now:", table])
    assert {ends: len(lines) for ends, lines in seen.items()} == CLIMBING, now


def test_no_circle() -> None:
    """No module imports itself by way of others, in the bench or in the emulator."""
    TopologicalSorter(_graph()).prepare()


def test_a_class_name_stands_once() -> None:
    """No two classes of the packages have one name, so a name says which is meant."""
    owners: dict[str, list[str]] = {}
    for path, tree in _trees().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                owners.setdefault(node.name, []).append(path)
    assert not {name: paths for name, paths in owners.items() if len(paths) > 1}
