"""Faults on the PKCS#11 wire: the project's client, a relay, and the unmodified server on a real token."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.targets.hpcs.boundaries import pkcs11
from hil.targets.hpcs.boundaries.relay import Relay
from hil.targets.hpcs.model.processes import KMS, unit
from hsm_emulator.wire.call import Call
from hsm_emulator.wire.client import Session, UnitModule
from hsm_emulator.wire.constants import Attribute, ObjectClass, P11KeyType
from hsm_emulator.wire.errors import UnitLost
from tests.hsm_emulator.wire.drawn import drawing, drawn

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.targets.hpcs.boundaries.conductor import Conductor

LIBRARY = "/usr/lib/softhsm/libsofthsm2.so"
LABEL, PIN, SECONDS = "unit1", "a-pin-of-the-test", 30.0
MARK: dict[Attribute, bool | int | bytes] = {Attribute.LABEL: b"of the test"}
OBJECT: dict[Attribute, bool | int | bytes] = {
    **MARK,
    Attribute.CLASS: ObjectClass.SECRET_KEY,
    Attribute.KEY_TYPE: P11KeyType.AES,
    Attribute.TOKEN: True,
    Attribute.VALUE: b"k" * 16,
}


@pytest.fixture
def unrelayed(folder: Path) -> Iterator[Path]:
    """Socket of a p11-kit server with a token."""
    (folder / "tokens").mkdir()
    configuration = f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
    (folder / "softhsm2.conf").write_text(configuration)
    environment = {**os.environ, "SOFTHSM2_CONF": str(folder / "softhsm2.conf")}
    make = ["softhsm2-util", "--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", "5678"]
    subprocess.run(make, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=60)
    path = folder / "p11"
    serve = ["p11-kit", "server", "-f", "-n", str(path), "--provider", LIBRARY, "pkcs11:"]
    server = subprocess.Popen(serve, env=environment, start_new_session=True, stdout=subprocess.PIPE)
    assert server.stdout
    assert b"P11_KIT_SERVER_ADDRESS" in server.stdout.readline()
    yield path
    os.killpg(server.pid, signal.SIGKILL)
    server.communicate(timeout=SECONDS)


@pytest.fixture
def session(folder: Path, unrelayed: Path, conductor: "Conductor", closing: ExitStack) -> Session:
    """A session through a relay; this process is the kms."""
    relay = Relay(folder / "relayed", unrelayed, pkcs11.exchange(conductor, KMS, unit(1)))
    closing.callback(relay.close)
    module = closing.enter_context(UnitModule(folder / "relayed", seconds=SECONDS))
    return module.open_session(LABEL, PIN, rw=True)


def _objects(socket: Path) -> int:
    """Count what the token holds, past the relay."""
    with UnitModule(socket, seconds=SECONDS) as module, module.open_session(LABEL, PIN) as session:
        return len(session.find(MARK))


def _calls(conductor: "Conductor", name: str) -> list[tuple[int, str]]:
    return [(event.ordinal, str(event.when)) for event in conductor.events if event.name == name]


def test_calls_sent_ahead_are_taken_one_by_one(session: Session, conductor: "Conductor") -> None:
    """Each pipelined call is an event under its name, and the next one waits for its reply."""
    conductor.begin(())
    made = session.run([drawing(size) for size in range(1, 101)])
    assert [len(one) for one in made] == list(range(1, 101))
    alternating = [(ordinal, when) for ordinal in range(1, 101) for when in ("before", "after")]
    assert _calls(conductor, "C_GenerateRandom") == alternating
    assert {(str(event.client), str(event.server)) for event in conductor.events} == {("kms", "unit:1")}


def test_adjourned_calls_are_no_events(session: Session, conductor: "Conductor") -> None:
    """Once the conductor has adjourned calls pass as they come, those sent ahead too, and nothing counts."""
    conductor.begin(())
    drawn(session, 8)
    seen = len(conductor.events)
    conductor.adjourn()
    made = session.run([drawing(size) for size in range(1, 101)])
    assert [len(one) for one in made] == list(range(1, 101))
    for _ in range(5):  # short replies, which come in pieces: cut in other places each time
        session.run([Call.destroy(made) for made in session.run([Call.create(OBJECT)] * 100)])
    session.destroy(session.create(OBJECT))
    assert len(conductor.events) == seen == 2


def test_calls_are_counted_by_name(session: Session, conductor: "Conductor") -> None:
    """Other calls in between do not move the ordinal of a call."""
    conductor.begin(())
    first, second = session.run([Call.create(OBJECT), drawing(8)])[0], session.create(OBJECT)
    session.destroy(first)
    session.destroy(second)
    assert _calls(conductor, "C_CreateObject") == [(1, "before"), (1, "after"), (2, "before"), (2, "after")]
    assert _calls(conductor, "C_DestroyObject")[-1] == (2, "after")


@pytest.mark.parametrize(
    ("fault", "left"),
    [
        ("kms@C_CreateObject.3-before", 2),
        ("kms@C_CreateObject.3-after", 3),
        ("unit1@C_CreateObject.3-after", 3),
    ],
)
def test_exactly_the_calls_up_to_the_crash_point_took_effect(
    session: Session,
    strike: "Callable[..., None]",
    conductor: "Conductor",
    unrelayed: Path,
    fault: str,
    left: int,
) -> None:
    """Of ten calls sent ahead the token has done those up to the crash point, and the client lost it."""
    strike(fault)
    with pytest.raises(UnitLost):
        session.run([Call.create(OBJECT)] * 10)
    assert conductor.fired == (True,)
    assert _objects(unrelayed) == left


def test_a_third_party_dies_between_two_calls(
    session: Session, strike: "Callable[..., None]", conductor: "Conductor"
) -> None:
    """Where neither end of the call dies, every call sent ahead is done and answered."""
    strike("tke@C_CreateObject.3-before")
    assert len(set(session.run([Call.create(OBJECT)] * 10))) == 10
    assert conductor.fired == (True,)
