"""Killing a crypto unit at every durable system call of every command.

One run of a command under strace lists its durable calls. Then, for each of them, a unit in the same state
gets the same command and a SIGKILL at the entry of that call, comes back in a fresh process, and has to be
what it was before the command or what it is after it. Over the calls in their order the outcome turns from
one to the other at most once: there is a single instant at which a command takes effect. strace without
--seccomp-bpf, which drops injected signals. Loss of power is not modelled: what was written stays written.
"""

import base64
import copy
import os
import re
import select
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from hsm_emulator.instance import UnitType
from hsm_emulator.unit.command import Command
from hsm_emulator.unit.keypart import wrap_part
from hsm_emulator.wire.client import UnitModule
from hsm_emulator.wire.unixhttp import Unreachable
from tests.hsm_emulator.unit.unit import Unit, in_memory, make_unit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hsm_emulator.unit.admin import Admin
    from tests.hsm_emulator.unit.parent import Zygote

DURABLE = (
    "openat,write,pwrite64,writev,ftruncate,rename,renameat,renameat2,"
    "unlink,unlinkat,fsync,fdatasync,mkdir,mkdirat,link,linkat"
)
CALL = re.compile(r"^\d+ +(?P<name>\w+)\((?P<arguments>.*)")
SECONDS = 10.0

CASES: list[tuple[str, Command]] = [
    ("factory", Command.ADMIN_ADD),
    ("factory", Command.ZEROIZE),
    ("administrator", Command.THRESHOLD_SET),
    ("administrator", Command.ADMIN_RM),
    ("empty", Command.GENERATE),
    ("empty", Command.ADMIN_RM),
    ("valid", Command.GENERATE),
    ("valid", Command.IMPORTER),
    ("valid", Command.EXPORT),
    ("valid", Command.IMPORT),
    ("valid", Command.LOAD),
    ("uncommitted", Command.COMMIT),
    ("uncommitted", Command.CLRNEW),
    ("committed", Command.SETIMM),
    ("committed", Command.CLRCUR),
    ("committed", Command.ZEROIZE),
]


@dataclass(frozen=True)
class Point:
    """The ``ordinal``-th call of ``name`` after the command was sent."""

    name: str
    ordinal: int


@dataclass(frozen=True)
class Bench:
    """A recovery unit, its snapshots by name, and its administrators."""

    unit: Unit
    snapshots: "Path"
    admins: "list[Admin]"

    def at(self, name: str) -> None:
        """Start the unit in the state of a snapshot."""
        self.unit.kill()
        shutil.rmtree(self.unit.root)
        shutil.copytree(self.snapshots / name, self.unit.root)
        self.unit.start()

    def save(self, name: str) -> None:
        """Keep the state of the unit as a snapshot."""
        self.unit.kill()
        shutil.copytree(self.unit.root, self.snapshots / name)
        self.unit.start()


@pytest.fixture(scope="module")
def bench(zygote: "Zygote", admins: "list[Admin]") -> "Iterator[Bench]":
    """A unit with a snapshot in every state that a command starts from."""
    with in_memory() as folder:
        unit = make_unit(zygote, folder, UnitType.RECOVERY, 1)
        bench = Bench(unit, folder / "snapshots", admins)
        one = admins[:1]
        unit.start()
        bench.save("factory")
        for admin in admins[:2]:
            unit.do("admin-add", admin.entry)
        bench.save("administrator")
        unit.do("threshold-set", {"signature": 1, "revocation": 1}, one)
        bench.save("empty")
        unit.do("generate", signers=one)
        bench.save("valid")
        unit.do("generate", signers=one)
        bench.save("uncommitted")
        unit.do("commit", {"pattern": unit.register("new")[1]}, one)
        bench.save("committed")
        yield bench
        unit.kill()


def prepared(bench: Bench, state: str, command: Command) -> tuple[dict[str, Any], dict[str, Any]]:
    """Start the unit in a state; return how it shows itself then, and the body of the command."""
    bench.at(state)
    unit, one = bench.unit, bench.admins[:1]
    parameters: dict[str, Any] = {}
    if command is Command.ADMIN_ADD:
        parameters = bench.admins[2].entry
    elif command is Command.ADMIN_RM:
        parameters = {"ski": bench.admins[1].ski}
    elif command is Command.THRESHOLD_SET:
        parameters = {"signature": 1, "revocation": 1}
    elif command in {Command.COMMIT, Command.SETIMM}:
        parameters = {"pattern": unit.register("new")[1]}
    elif command in {Command.EXPORT, Command.IMPORT, Command.LOAD}:
        parameters = transport(command, unit.do("importer", signers=one))
    return unit.query(), unit.body(command, parameters, one)


def transport(command: Command, importer: dict[str, Any]) -> dict[str, Any]:
    """Return parameters that carry known key material to or from the unit's own importer key."""
    if command is Command.EXPORT:
        return {"register": "current", "public_key": importer["public_key"]}
    parts = []
    for part in (b"\x11" * 32, b"\x2f" * 32):
        point, wrapped = wrap_part(base64.b64decode(importer["public_key"]), part)
        encoded = (base64.b64encode(value).decode() for value in (point, wrapped))
        parts.append(dict(zip(("public_key", "wrapped"), encoded, strict=True)))
    rest = parts[0] if command is Command.IMPORT else {"parts": parts}
    return {"importer_id": importer["importer_id"], **rest}


@contextmanager
def traced(pid: int, trace: "Path", *expressions: str) -> "Iterator[None]":
    """Attach strace to a unit for the length of the block, or until the unit is dead."""
    options = [argument for expression in expressions for argument in ("-e", expression)]
    tracer = subprocess.Popen(
        ["strace", "-f", "-o", str(trace), *options, "-p", str(pid)], stderr=subprocess.PIPE
    )
    assert tracer.stderr is not None
    try:
        ready, _, _ = select.select([tracer.stderr], [], [], SECONDS)
        first = os.read(tracer.stderr.fileno(), 4096)
        assert ready
        assert b"attached" in first, first
        yield
    finally:
        tracer.terminate()
        tracer.wait(timeout=SECONDS)
        tracer.stderr.close()


def durable_points(trace: str) -> list[Point]:
    """Return the durable calls of a trace; of openat those that may create."""
    seen: Counter[str] = Counter()
    points = []
    for line in trace.splitlines():
        if match := CALL.match(line):
            seen[match["name"]] += 1
            if match["name"] != "openat" or "O_CREAT" in match["arguments"]:
                points.append(Point(match["name"], seen[match["name"]]))
    return points


def died_in(trace: str) -> Point | None:
    """Return the call that never returned because the process was killed in it."""
    calls = [line for line in trace.splitlines() if CALL.match(line)]
    return durable_points(trace)[-1] if calls[-1].endswith("= ?") else None


def normal(shown: dict[str, Any], command: Command) -> dict[str, Any]:
    """Return how a unit shows itself without what differs from run to run: ids, and what generate draws."""
    result = copy.deepcopy(shown)
    filled = "new" if shown["registers"]["new"]["state"] != "Empty" else "current"
    for name, register in result["registers"].items():
        del register["key_id"]
        if command is Command.GENERATE and name == filled:
            del register["pattern"]
    return result


def check_token(unit: Unit) -> None:
    """The token holds exactly the keys of the registers, by id and verification pattern, and still works."""
    registers = [each for each in unit.query()["registers"].values() if each["key_id"]]
    assert len(unit.objects) == len(registers)
    with UnitModule(unit.sockets / "p11.sock") as module:
        session = module.open_session("unit1", (unit.root / "pin").read_text())
        for register in registers:
            session.master_key(bytes.fromhex(register["key_id"]), bytes.fromhex(register["pattern"]))


@pytest.mark.slow
@pytest.mark.parametrize(("state", "command"), CASES)
def test_killed_at_every_durable_call(bench: Bench, tmp_path: "Path", state: str, command: Command) -> None:
    """Wherever a command is killed, the unit comes back before it or after it, with a token that works."""
    unit, trace = bench.unit, tmp_path / "trace"
    before, body = prepared(bench, state, command)
    with traced(unit.pid, trace, f"trace={DURABLE}"):
        assert unit.post(command, body).ok
    after = unit.query()
    points = durable_points(trace.read_text())
    assert {"rename", "fsync"} <= {point.name for point in points}

    outcomes = []
    for point in points:
        _, body = prepared(bench, state, command)
        killer = f"inject={point.name}:signal=SIGKILL:when={point.ordinal}"
        with traced(unit.pid, trace, f"trace={DURABLE}", killer), pytest.raises(Unreachable):
            unit.post(command, body)
        assert unit.ended() == -9, point
        assert died_in(trace.read_text()) == point
        unit.start()
        shown = normal(unit.query(), command)
        assert shown in (normal(before, command), normal(after, command)), point
        outcomes.append(shown == normal(after, command))
        check_token(unit)
        check_operation(bench)
    assert outcomes == sorted(outcomes), list(zip(points, outcomes, strict=True))
    assert not outcomes[0]


@pytest.mark.parametrize("ordinal", [1, 2, 3, 4])
def test_killed_in_the_sweep(bench: Bench, tmp_path: "Path", ordinal: int) -> None:
    """A start that is killed between the leftovers of an earlier kill is finished by the next start."""
    bench.at("valid")
    unit, trace, before = bench.unit, tmp_path / "trace", bench.unit.query()
    unit.kill()
    (key,) = unit.root.glob(f"tokens/*/{unit.objects[0]}")
    for stem in ("one", "two"):
        key.with_name(f"{stem}.object").write_bytes(key.read_bytes()[:-1])
        key.with_name(f"{stem}.lock").touch()
    killer = f"inject=unlink:signal=SIGKILL:when={ordinal}"
    serve = [sys.executable, "-m", "hsm_emulator.unit", "serve", "--dir", str(unit.root)]
    command = ["strace", "-f", "-o", str(trace), "-e", "trace=unlink", "-e", killer, *serve]
    ended = subprocess.run([*command, "--sockets", str(unit.sockets)], timeout=30, check=False)
    assert ended.returncode == -9
    assert died_in(trace.read_text()) == Point("unlink", ordinal)
    unit.start()
    assert unit.query() == before
    check_token(unit)


@pytest.mark.slow
@pytest.mark.parametrize(("state", "command"), [("valid", Command.GENERATE), ("committed", Command.SETIMM)])
def test_disk_full_at_every_durable_call(
    bench: Bench, tmp_path: "Path", state: str, command: Command
) -> None:
    """Where a durable call fails the unit answers, shows what holds, and is the same after a restart.

    A command that is answered with 200 took effect. One that is answered with 500 did not, unless what failed
    was the flush after the rename of its state: so the answer sends the caller to look, and the query tells.
    """
    unit, trace = bench.unit, tmp_path / "trace"
    before, body = prepared(bench, state, command)
    with traced(unit.pid, trace, f"trace={DURABLE}"):
        assert unit.post(command, body).ok
    after = unit.query()

    for point in durable_points(trace.read_text()):
        _, body = prepared(bench, state, command)
        fault = f"inject={point.name}:error=ENOSPC:when={point.ordinal}"
        with traced(unit.pid, trace, f"trace={DURABLE}", fault):
            reply = unit.post(command, body)
        assert "(INJECTED)" in trace.read_text(), point
        shown = unit.query()
        assert reply.status in {200, 500}, (point, reply)
        allowed = [after] if reply.ok else [before, after]
        assert normal(shown, command) in [normal(each, command) for each in allowed], (point, reply)
        unit.kill()
        unit.start()
        assert unit.query() == shown, point
        check_token(unit)
        check_operation(bench)


def check_operation(bench: Bench) -> None:
    """A unit that left imprint mode clears NEW and generates another key."""
    unit, one = bench.unit, bench.admins[:1]
    if unit.query()["imprint"]:
        unit.do("zeroize")
        return
    unit.do("clrnew", signers=one)
    unit.do("generate", signers=one)
    check_token(unit)


def test_points_of_a_trace() -> None:
    """Calls count by name, reads do not, and of openat those that may create."""
    trace = (
        '12 openat(AT_FDCWD, "a", O_RDONLY|O_CLOEXEC) = 3\n'
        '12 openat(AT_FDCWD, "b", O_RDWR|O_CREAT, 0600) = 3\n'
        "12 write(3, ..., 9) = 9\n12 fsync(3) = 0\n12 write(3, ..., 9) = 9\n12 +++ exited with 0 +++\n"
    )
    assert durable_points(trace) == [
        Point("openat", 2),
        Point("write", 1),
        Point("fsync", 1),
        Point("write", 2),
    ]
