"""The filter's program, run here for both machines on an interpreter of its few instructions."""

import os
import struct

import pytest

from hil.faults.watch.filter import ALLOW, CLONES, KILL_PROCESS, MACHINES, NOTIFY, TRAPPED, program

READ = {"x86_64": 0, "aarch64": 63}
STEP = struct.Struct("=HBBI")


def verdict(name: str, number: int, *arguments: int, audit: int | None = None, wide: bool = False) -> int:
    """Return what the filter of a machine says to a call."""
    machine = MACHINES[name]
    padded = (*arguments, *(0,) * (6 - len(arguments)))
    data = struct.pack("=iIQ6Q", number, machine.audit if audit is None else audit, 0, *padded)
    steps = list(STEP.iter_unpack(program(machine, wide=wide)))
    accumulator, at = 0, 0
    while True:
        code, if_so, if_not, value = steps[at]
        at += 1
        if code == 0x06:
            return int(value)
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        else:
            holds = {0x15: accumulator == value, 0x25: accumulator > value, 0x45: accumulator & value}[code]
            at += if_so if holds else if_not


@pytest.mark.parametrize("name", MACHINES)
def test_trapped_and_other_calls(name: str) -> None:
    """Each call of the table is trapped, with arguments by which it changes something; reading is not."""
    for number, call in MACHINES[name].calls.items():
        changing = [os.O_CREAT | os.O_RDWR] * 3
        if call.only is CLONES:
            changing[call.only.argument] = call.only.value
        assert verdict(name, number, *changing, wide=True) == NOTIFY, number
        assert verdict(name, number, *changing) == (ALLOW if call.wide else NOTIFY), number
    assert verdict(name, READ[name], 3, wide=True) == ALLOW


@pytest.mark.parametrize("name", MACHINES)
def test_opening_counts_where_it_changes_something(name: str) -> None:
    """Opening is trapped when it may make or empty a file, whatever stands in its other arguments."""
    (number,) = (number for number, call in MACHINES[name].calls.items() if call.name == "openat")
    for flags, expected in (
        (os.O_RDONLY | os.O_CLOEXEC, ALLOW),
        (os.O_RDWR | os.O_APPEND, ALLOW),
        (os.O_RDWR | os.O_CREAT, NOTIFY),
        (os.O_WRONLY | os.O_TRUNC, NOTIFY),
    ):
        assert verdict(name, number, 2**32 - 100, 2**48 - 1, flags, 2**32 - 1) == expected


@pytest.mark.parametrize("name", MACHINES)
def test_standard_streams_are_no_files(name: str) -> None:
    """Only of any program is writing to a standard stream trapped; changing its file in another way is."""
    numbers = {call.name: number for number, call in MACHINES[name].calls.items()}
    for call in ("write", "writev"):
        assert [verdict(name, numbers[call], stream) for stream in range(4)] == [ALLOW] * 3 + [NOTIFY]
        assert [verdict(name, numbers[call], stream, wide=True) for stream in range(4)] == [NOTIFY] * 4
    for other in (0x5401, 0):  # TCGETS, which terminals are asked
        assert verdict(name, numbers["ioctl"], 1, other, wide=True) == ALLOW
    assert verdict(name, numbers["ftruncate"], 1) == NOTIFY


def test_another_architecture_ends_the_process() -> None:
    """Calls in a foreign numbering would pass unseen."""
    for name in MACHINES:
        foreign = {machine.audit for other, machine in MACHINES.items() if other != name}
        assert {verdict(name, READ[name], audit=audit) for audit in foreign} == {KILL_PROCESS}


def test_table_is_sound() -> None:
    """No name or number stands twice, and every call exists on some machine."""
    assert len({call.name for call in TRAPPED}) == len(TRAPPED)
    for name, machine in MACHINES.items():
        numbered = [call for call in TRAPPED if getattr(call, name) is not None]
        assert len(machine.calls) == len(numbered)
    assert all(call.x86_64 is not None for call in TRAPPED)
