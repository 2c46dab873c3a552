"""The probe of durable files: in which order a process writes, flushes and renames, judged from its events.

A kill does not show a missing flush, because the page cache outlives the process; the order does. Models what
POSIX and SQLite's rollback journal ask for: what a rename puts in place was flushed before, the rename itself
after; a database is written to only behind a flushed journal, and flushed before that journal goes.
"""

from collections.abc import Iterable, Iterator

from hil.model.events import Event
from hil.model.faults import EventClass, When
from hil.targets.hpcs.model.processes import Role

TEMPORARY, JOURNAL, OBJECT = ".tmp", "-journal", ".object"
FLUSHES = frozenset({"fsync", "fdatasync"})
RENAMES = frozenset({"rename", "renameat", "renameat2"})
UNLINKS = frozenset({"unlink", "unlinkat"})
WRITES = frozenset({"write", "pwrite64", "writev", "ftruncate", "openat", "open"})
STATES = ("state.json", "DOMAINS", "CURRENTSIGKEYS", "token")
DATABASE = "keystore.sqlite"


def problems(events: Iterable[Event]) -> tuple[str, ...]:
    """Return what is out of order, each once."""
    by_process: dict[str, list[Event]] = {}
    for event in events:
        if event.boundary in (EventClass.SYSCALL, EventClass.SQL):
            by_process.setdefault(str(event.client), []).append(event)
        elif event.boundary is EventClass.ADMIN and event.when is When.BEFORE:
            by_process.setdefault(str(event.server), []).append(event)
    found = [
        f"{name}: {text}"
        for name, calls in by_process.items()
        for text in (*_unflushed(calls), *_destroyed_early(calls))
    ]
    return tuple(dict.fromkeys(found))


def units(events: Iterable[Event]) -> frozenset[int]:
    """Numbers of the crypto units that have replaced a state file."""
    return frozenset(
        event.client.number
        for event in events
        if event.client.role == Role.UNIT and event.name in RENAMES and event.text.endswith(STATES[0])
    )


def _unflushed(calls: Iterable[Event]) -> Iterator[str]:
    unflushed: set[str] = set()  # files with writes; folders, with a slash behind, with renames
    for call in calls:
        yield from _against(call, unflushed)
        if call.name in FLUSHES:
            unflushed -= {call.text, f"{call.text}/"}
        elif call.name in RENAMES:
            unflushed.discard(call.text + TEMPORARY)
            unflushed.add(f"{call.text.rpartition('/')[0]}/")
        elif call.name in WRITES:
            unflushed.add(call.text)
    yield from (f"{folder} is not flushed after a rename" for folder in unflushed if folder.endswith("/"))


def _against(call: Event, unflushed: set[str]) -> Iterator[str]:
    """Yield what a call must not come before."""
    folder, _, name = call.text.rpartition("/")
    writes = call.name in WRITES
    if call.name in RENAMES and call.text + TEMPORARY in unflushed:
        yield f"{name} is put in place before it is flushed"
    if writes and name in STATES:
        yield f"{name} is written in place"
    if writes and name.removesuffix(TEMPORARY) in STATES and f"{folder}/" in unflushed:
        yield f"{folder}/ is not flushed after a rename"
    if writes and name == DATABASE and call.text + JOURNAL in unflushed:
        yield f"{name} is written before its journal is flushed"
    if call.boundary is EventClass.SQL and call.text.removesuffix(JOURNAL) in unflushed:
        yield f"a transaction ends before {name.removesuffix(JOURNAL)} is flushed"


def _destroyed_early(calls: Iterable[Event]) -> Iterator[str]:
    """Yield key objects that go while the state on disk may still name them.

    A command destroys what it no more names after it has put its state in place and flushed the folder.
    """
    replaced = flushed = False
    for call in calls:
        name = call.text.rpartition("/")[2]
        if call.boundary is EventClass.ADMIN:
            replaced = flushed = False
        elif call.name in RENAMES and name == STATES[0]:
            replaced, flushed = True, False
        elif call.name in FLUSHES and replaced:
            flushed = True
        elif call.name in UNLINKS and name.endswith(OBJECT) and not flushed:
            yield f"a key object is destroyed before {STATES[0]} is put in place without it"
