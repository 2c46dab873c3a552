"""Faults on a boundary that speaks HTTP: real sockets, a small server, a kill that is written down."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.model.faults import EventClass, Process
from hil.targets.hpcs.boundaries.conductor import Conductor
from hil.targets.hpcs.boundaries.crossing import Passage
from hil.targets.hpcs.boundaries.relay import SPARE
from hil.targets.hpcs.model.processes import KMS, TKE, unit
from hil.targets.hpcs.rig.process import ready

if TYPE_CHECKING:
    from tests.hil.targets.hpcs.boundaries.conftest import Kills, Server

Ask = Callable[[str], bool]
Strike = Callable[..., None]
SECONDS = 20.0


def _events(conductor: Conductor) -> list[str]:
    return [f"{event.name}.{event.ordinal}-{event.when}" for event in conductor.events]


def test_order_of_events(ask: Ask, conductor: Conductor, server: "Server") -> None:
    """Requests and replies are numbered by name, in one order, and without a fault all of them pass."""
    assert all([ask("a"), ask("b"), ask("a")])
    assert server.seen == ["/a", "/b", "/a"]
    assert _events(conductor) == [
        "a.1-before",
        "a.1-after",
        "b.1-before",
        "b.1-after",
        "a.2-before",
        "a.2-after",
    ]
    assert [event.sequence for event in conductor.events] == [1, 2, 3, 4, 5, 6]
    seconds = [event.seconds for event in conductor.events]
    assert seconds == sorted(seconds)


def test_request_in_pieces(relayed: Path, conductor: Conductor, server: "Server") -> None:
    """A request that comes in pieces is one event, from its first line on, and reaches the server whole."""
    with socket.socket(socket.AF_UNIX) as end:
        end.settimeout(SECONDS)
        end.connect(str(relayed))
        for piece in (b"GET /a HT", b"TP/1.1\r\nHost: "):
            end.sendall(piece)
        ready.until(lambda: _events(conductor) == ["a.1-before"], "the event", SECONDS)
        assert server.seen == []
        end.sendall(b"x\r\n\r\n")
        reply = b"".join(iter(lambda: end.recv(4096), b""))
    assert reply.endswith(b'{"answer": "yes"}')
    assert server.seen == ["/a"]
    assert _events(conductor) == ["a.1-before", "a.1-after"]


def test_relay_keeps_few_threads(ask: Ask, relayed: Path) -> None:
    """Eight requests at once are all answered, and then no more than two threads wait for others."""

    def own() -> int:
        return sum(str(relayed) in thread.name for thread in threading.enumerate())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, "abcdefgh"))
    ready.until(lambda: own() <= SPARE, "the threads of the relay", SECONDS)
    assert ask("i")


def test_event_record(ask: Ask, conductor: Conductor) -> None:
    """A line of events.jsonl names boundary, both ends and side in plain words."""
    ask("a")
    record = conductor.events[0].record()
    assert {key: record[key] for key in ("boundary", "client", "server", "when", "stage")} == {
        "boundary": "admin",
        "client": "kms",
        "server": "unit:1",
        "when": "before",
        "stage": 0,
    }


@pytest.mark.parametrize(
    ("fault", "client", "expired"),
    [
        ("unit1@a.1-before+error.401", TKE, 1),
        ("unit1@a.1-after+error.401", TKE, 1),
        ("unit1@a.1-before+error.503", TKE, 0),
        ("unit1@a.1-before+error.401", KMS, 0),
    ],
)
def test_an_expired_token_is_that_of_the_operator(
    fault: str, client: Process, expired: int, strike: Strike, conductor: Conductor, kills: "Kills"
) -> None:
    """With a reply that says so it expires for the commands to come, too; the kms has one of its own."""
    strike(fault)
    conductor.start(client, os.getpid)
    crossing = conductor.before(EventClass.ADMIN, "a", client, unit(1), os.getpid())
    conductor.after(crossing)
    assert conductor.fired == (True,)
    assert kills.expired == expired


@pytest.mark.parametrize(
    "fault",
    [
        "unit1@a.1-before+full",
        "unit1@a.1-before+lost",
        "unit1@a.1-after+hang",
        "unit1@a.1-before+error.57P01",
    ],
)
def test_a_fault_that_would_do_nothing_has_not_fired(
    fault: str, ask: Ask, strike: Strike, conductor: Conductor, kills: "Kills"
) -> None:
    """Where the kind of a fault means nothing at an event, it goes by, and nobody takes it for a strike."""
    strike(fault)
    assert ask("a")
    assert conductor.fired == (False,)
    assert kills.victims == []


def test_before_drops_the_request_of_a_dead_client(
    ask: Ask, strike: Strike, conductor: Conductor, server: "Server", kills: "Kills"
) -> None:
    """A client that dies before an event has never sent it."""
    strike("kms@a.2-before")
    assert [ask("a"), ask("a")] == [True, False]
    assert server.seen == ["/a"]
    assert kills.victims == [KMS]
    assert conductor.fired == (True,)
    assert conductor.events[-1].name == "a"


def test_after_loses_the_reply_to_a_dead_client(
    ask: Ask, strike: Strike, server: "Server", conductor: Conductor
) -> None:
    """A client that dies after an event has had its effect, and hears nothing."""
    strike("kms@a.1-after")
    assert not ask("a")
    assert server.seen == ["/a"]
    assert _events(conductor) == ["a.1-before", "a.1-after"]


def test_after_loses_the_reply_of_a_dead_server(
    ask: Ask, strike: Strike, server: "Server", kills: "Kills"
) -> None:
    """A server that dies after an event has done it, and nobody is told."""
    strike("unit1@a.1-after")
    assert not ask("a")
    assert server.seen == ["/a"]
    assert kills.victims == [unit(1)]


def test_before_leaves_a_dead_server_without_the_request(
    ask: Ask, strike: Strike, server: "Server", kills: "Kills", conductor: Conductor
) -> None:
    """A server that dies before an event does not do it, and its client finds it gone."""
    kills.also = server.close
    strike("unit1@a.1-before")
    assert not ask("a")
    assert conductor.fired == (True,)
    assert "a.1-after" not in _events(conductor)


def test_a_third_party_dies_and_the_reply_goes_through(
    ask: Ask, strike: Strike, server: "Server", kills: "Kills"
) -> None:
    """A victim that is neither end of the event leaves request and reply alone, on both sides."""
    strike("tke@a.1-before", "unit2@b.1-after")
    assert ask("a")
    assert kills.victims == [TKE]
    assert server.seen == ["/a"]


def test_nothing_moves_while_the_victim_dies(
    ask: Ask, strike: Strike, server: "Server", kills: "Kills", conductor: Conductor
) -> None:
    """Requests that come while a victim is being killed are ordered after it is dead."""
    others = [threading.Thread(target=ask, args=("other",)) for _ in range(4)]
    seen_at_death: list[list[str]] = []

    def meanwhile() -> None:
        for thread in others:
            thread.start()
        seen_at_death.append([*server.seen, *(event.name for event in conductor.events)])

    kills.also = meanwhile
    strike("tke@a.1-before")
    assert ask("a")
    for thread in others:
        thread.join()
    assert seen_at_death == [["a"]]
    assert sorted(server.seen) == ["/a", *["/other"] * 4]


def test_a_dead_client_stays_dead_until_it_is_started(
    ask: Ask, strike: Strike, server: "Server", conductor: Conductor
) -> None:
    """What a dead client still sends is neither forwarded nor counted; its successor's requests are."""
    strike("kms@a.1-before")
    assert not any([ask("a"), ask("b")])
    assert conductor.dead == {KMS}
    conductor.start(KMS, os.getpid)
    assert ask("a")
    assert conductor.dead == frozenset()
    assert server.seen == ["/a"]
    assert _events(conductor)[1:] == ["a.2-before", "a.2-after"]


def test_stale_connection_is_not_its_successors(
    relayed: Path, conductor: Conductor, server: "Server"
) -> None:
    """A request on a connection that a former process opened is not taken for the living one's."""
    program = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX, fileno=int(sys.argv[1])); "
        "s.connect(sys.argv[2]); s.detach()"
    )
    with socket.socket(socket.AF_UNIX) as end:
        end.settimeout(20)
        descriptor = end.fileno()
        former = [sys.executable, "-c", program, str(descriptor), str(relayed)]
        subprocess.run(former, pass_fds=[descriptor], check=True, timeout=60)
        end.sendall(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
        assert end.recv(1) == b""
    assert server.seen == []
    assert conductor.events == []


def test_stages(ask: Ask, strike: Strike, conductor: Conductor, kills: "Kills") -> None:
    """A second fault waits for the second stage, in which ordinals count from one again."""
    strike("tke@a.1-after", "unit2@a.2-before")
    assert all(ask("a") for _ in range(3))
    assert conductor.fired == (True, False)
    assert (conductor.struck(0), conductor.struck(1)) == (True, False)
    conductor.next_stage()
    assert all(ask("a") for _ in range(2))
    assert conductor.fired == (True, True)
    assert kills.victims == [TKE, unit(2)]
    assert [event.stage for event in conductor.events[-4:]] == [1, 1, 1, 1]


def test_aside(ask: Ask, strike: Strike, conductor: Conductor, kills: "Kills") -> None:
    """What goes on while the bench looks gets through, is no event, strikes nothing, takes no ordinal."""
    strike("kms@a.1-before")
    with conductor.aside():
        assert ask("a")
        assert conductor.system_call(KMS, "openat", "keystore.sqlite-journal") is Passage.FORWARD
    assert (conductor.events, kills.victims, conductor.fired) == ([], [], (False,))
    assert not ask("a")
    assert (kills.victims, conductor.fired) == ([KMS], (True,))


def test_a_point_that_is_not_reached_does_not_fire(ask: Ask, strike: Strike, conductor: Conductor) -> None:
    """An ordinal that no run has, a name that no event has, and the other side leave the victim alone."""
    for missed in ("kms@a.4-before", "kms@nothing.1-before", "kms@A.1-before"):
        strike(missed)
        assert ask("a")
        assert conductor.fired == (False,)


def test_a_second_stage_without_a_strike_fires_nothing(
    ask: Ask, strike: Strike, conductor: Conductor
) -> None:
    """A first fault that was missed in its stage is not struck in a later one."""
    strike("kms@a.1-before")
    conductor.next_stage()
    assert ask("a")
    assert conductor.fired == (False,)


def test_a_kill_that_failed_is_no_strike(
    ask: Ask, strike: Strike, conductor: Conductor, kills: "Kills"
) -> None:
    """Where the victim could not be killed the fault has not fired, and the reason is kept."""

    def fails() -> None:
        raise ProcessLookupError("gone already")

    kills.also = fails
    strike("kms@a.1-before")
    assert ask("a")
    assert conductor.fired == (False,)
    assert conductor.dead == frozenset()
    assert str(conductor.error) == "gone already"


def test_a_new_scenario_forgets_the_last(ask: Ask, strike: Strike, conductor: Conductor) -> None:
    """Events, counts, deaths and errors of one scenario are not those of the next."""
    strike("kms@a.1-before")
    ask("a")
    conductor.begin(())
    assert ask("a")
    assert _events(conductor) == ["a.1-before", "a.1-after"]
    assert (conductor.fired, conductor.dead, conductor.error) == ((), frozenset(), None)


def test_what_a_server_has_not_answered(
    ask: Ask, strike: Strike, conductor: Conductor, server: "Server"
) -> None:
    """A request that reached a server is under way until the reply has passed, or the server has gone."""
    strike("unit1@a.2-before+hang")
    seen: list[bool] = []
    server.meanwhile = lambda: seen.extend(map(conductor.has_answered, (unit(1), unit(2), KMS)))
    assert [ask("a"), ask("a")] == [True, True]
    assert seen == [False, True, True] * 2
    assert (conductor.fired, conductor.has_answered(unit(1))) == ((True,), True)
    server.meanwhile = server.hang_up
    assert not ask("a")
    ready.until(lambda: conductor.has_answered(unit(1)), "the end of the exchange", 10)


def test_server_that_is_absent(ask: Ask, server: "Server", conductor: Conductor) -> None:
    """A caller whose server does not run sees a server that is gone, at once."""
    server.close()
    assert not ask("a")
    assert _events(conductor) == []


def test_unknown_process_is_no_client(relayed: Path, conductor: Conductor, server: "Server") -> None:
    """Until the kms is started, nobody's request is the kms's."""
    conductor.start(KMS, lambda: 1)
    with socket.socket(socket.AF_UNIX) as end:
        end.settimeout(20)
        end.connect(str(relayed))
        end.sendall(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
        assert end.recv(1) == b""
    assert server.seen == []


def test_processes_have_readable_names() -> None:
    """A process is written as the contract of campaign.json says."""
    assert [str(process) for process in (TKE, KMS, unit(3))] == ["tke", "kms", "unit:3"]
    assert isinstance(unit(3), Process)
