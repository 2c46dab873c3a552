"""A rig: one instance with relays on every boundary, restored from a snapshot before each scenario."""

import shutil
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from functools import partial
from pathlib import Path

from hil.model.faults import EventClass, FaultKind, Process
from hil.model.machine import death
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.boundaries import http, pkcs11
from hil.targets.hpcs.boundaries.conductor import Conductor
from hil.targets.hpcs.boundaries.relay import Relay
from hil.targets.hpcs.boundaries.syscalls import asker
from hil.targets.hpcs.boundaries.terminal import Answers, EndedCommand, Terminal
from hil.targets.hpcs.model.processes import DB, KMS, SERVER, TKE, Role, unit
from hil.targets.hpcs.rig import accesstoken
from hil.targets.hpcs.rig.keystore import keystores
from hil.targets.hpcs.rig.keystore.mirror import mirror
from hil.targets.hpcs.rig.keystore.server import ServerBroken
from hil.targets.hpcs.rig.layout import Layout
from hil.targets.hpcs.rig.process import ready
from hil.targets.hpcs.rig.process.child import Child, NotKilled, Watch
from hil.targets.hpcs.rig.process.ready_socket import ReadySocket
from hil.targets.hpcs.rig.rest import Rest
from hil.targets.hpcs.rig.units.hosts import START_SECONDS, UnitHost

COMMAND_SECONDS = 60.0
SETTLE_SECONDS = 30.0
STILL_SECONDS = 5.0  # until a kms has ended what it has under way


class NotBack(Exception):
    """A process that a fault has killed does not serve again: the instance is broken, not the bench."""


class Rig:
    """An instance that can be restored, run, struck, repaired and looked at."""

    def __init__(self, layout: Layout, shape: sut.Shape, host: UnitHost, times: sut.TkeTimes) -> None:
        self.layout = layout
        self.shape = shape
        self._host = host
        self._patience = self._usual = sut.Patience(times)
        self._kms: Child | None = None
        self.watched = False
        self.conductor = Conductor(self)
        self.terminal = Terminal(self.conductor)
        layout.make(shape)
        self._access: tuple[bytes, Rest] | None = None
        self._ready_socket = ReadySocket(layout.ready_socket("k"))
        self.store = keystores.host(layout)
        self._calls: dict[int, Relay] = {}
        self._relays = self._open_relays()

    def _open_relays(self) -> list[Relay]:
        layout, conductor = self.layout, self.conductor
        relays = [
            Relay(
                layout.rest(relayed=True),
                layout.rest(),
                http.exchange(conductor, EventClass.REST, TKE, KMS, sut.rest_event),
            )
        ]
        for number in self.shape.numbers:
            admin = http.exchange(conductor, EventClass.ADMIN, TKE, unit(number), sut.admin_event)
            relays.append(Relay(layout.admin(number, relayed=True), layout.admin(number), admin))
        for number in self.shape.operational_numbers:
            calls = pkcs11.exchange(conductor, KMS, unit(number))
            self._calls[number] = Relay(layout.p11(number, relayed=True), layout.p11(number), calls)
        return [*relays, *self._calls.values(), *self.store.relays(conductor)]

    @property
    def on_server(self) -> bool:
        """Whether the key store is on a database server."""
        return bool(self.layout.server)

    def watch(self, *, on: bool) -> None:
        """Make durable system calls events, or no more; whoever runs is stopped where that changes."""
        if on is self.watched:
            return
        self.stop()
        self.watched = on
        self._host.watch((lambda number: self._watch_of(unit(number))) if on else None)
        self.terminal.watch = self._watch_of(TKE).over if on else None

    def hurry(self, *, on: bool) -> None:
        """Have clients give up soon, from the next restore on: for scenarios in which one hangs."""
        self._patience = sut.SHORT if on else self._usual

    def _watch_of(self, process: Process) -> Watch:
        conductor = self.conductor
        return Watch(self.layout.files, asker(conductor, process), lambda: conductor.adjourned)

    def restore(self, snapshot: Path) -> None:
        """Put the files of ``snapshot`` in place and have everything run on them.

        Units that answer are power-cycled; the others are ended and started. Nothing reads or writes the
        files while they change: clients are gone, the kms is still, and a unit does one thing at a time, so
        one that answers has done everything that it was sent before.

        The operator's access token is a new one: that of the snapshot is as old as the campaign.
        """
        hangs = KMS in self.conductor.paused
        self.conductor.begin(())  # a fault that did not strike is not to strike now
        self._still_clients(hangs=hangs)
        numbers = set(self.shape.numbers)
        running = {number for number in numbers if ready.unit_answers(self.layout.unit_sockets(number))}
        self._host.stop(numbers - running)
        mirror(snapshot, self.layout.files)
        self.layout.write_directory(self.shape, relayed=True, unit_seconds=self._patience.unit)
        self.store.start()
        self.store.load()
        self._host.cycle(sorted(running))
        self._host.start(sorted(numbers - running))
        if self._kms:
            self._kms.hang_up()
            self._kms.ready(START_SECONDS)
        else:
            self._start_kms()
        accesstoken.renew(self.layout.access_token, self.rest().token)

    def snapshot(self, folder: Path) -> None:
        """Stop everything and copy the files to ``folder``."""
        self.store.save()
        self.stop()
        shutil.copytree(self.layout.files, folder)

    def copy(self, folder: Path) -> None:
        """Copy the files of an instance at rest to ``folder``, in place of what is there."""
        folder.mkdir(exist_ok=True)
        self.store.save()
        mirror(self.layout.files, folder)

    def start(self) -> None:
        """Start all units and the kms on the files as they are."""
        self._host.start(self.shape.numbers)
        self._start_kms()

    def stop(self) -> None:
        """Stop everything that runs."""
        self._stop_clients()
        self._host.stop()

    def _still_clients(self, *, hangs: bool) -> None:
        """Have the kms, where it runs, end what it has under way and drop all connections; else stop it."""
        for relay in self._relays:
            relay.hang_up()
        if self._kms and self._kms.exit_code is None and not hangs:
            self._kms.hang_up()
            with suppress(ready.NotReady):
                self._kms.ready(STILL_SECONDS)
                return
        self._stop_clients()

    def _stop_clients(self) -> None:
        for relay in self._relays:
            relay.hang_up()
        if self._kms:
            self._kms.stop()
            self._kms = None

    def close(self, *, keep: bool = False) -> None:
        """Stop everything for good; ``keep`` what a database on somebody else's server holds."""
        for relay in self._relays:
            relay.close()
        self.stop()
        self._host.close()
        self.store.close(keep=keep)
        self._ready_socket.close()

    def tke(self, command: str, answers: Answers = ()) -> EndedCommand:
        """Run one command of the operator at the terminal, through the relays."""
        environment = sut.tke_environment(self.layout.instance, self.layout.workstation, self._patience.tke)
        return self.terminal.run(sut.tke(command.split()), environment, answers, COMMAND_SECONDS)

    def kill(self, victim: Process) -> None:
        """SIGKILL a process of the instance; returns when that is proven, raises otherwise."""
        if victim.role == Role.TKE:
            code = self.terminal.kill()
            if code != -9:  # SIGKILL
                raise NotKilled(f"tke ended with exit code {code}, not by SIGKILL")
        elif victim.role == Role.KMS:
            if self._kms is None:
                raise NotKilled("kms does not run")
            self._kms.kill()
        elif victim.role in SERVER:
            self.store.kill(victim)
        else:
            self._host.kill(victim.number)

    def pause(self, victim: Process) -> None:
        """Stop a process of the instance from answering, and prove it."""
        if victim.role == Role.UNIT:
            self._host.pause(victim.number)
        elif victim.role == Role.KMS and self._kms:
            self._kms.pause()
        elif victim == DB:
            self.store.pause()
        else:
            raise NotKilled(f"{victim} cannot be paused")

    def pids(self) -> Iterator[tuple[Process, int]]:
        """Yield the processes of the instance that have an id on this machine; any thread may ask."""
        if kms := self._kms:
            yield KMS, kms.pid
        yield from ((unit(number), pid) for number, pid in self._host.pids().items())
        if pid := self.terminal.pid:
            yield TKE, pid

    def casualties(self) -> tuple[str, ...]:
        """Return in words which processes were ended by a signal that the bench did not send."""
        dead = self.conductor.dead
        codes = {unit(number): code for number, code in self._host.codes().items()}
        codes |= {KMS: self._kms.last_word} if self._kms else {}
        ended = (death(f"{process}", code) for process, code in codes.items() if process not in dead)
        return (*filter(None, ended), *self.terminal.casualties)

    def blind(self, kind: FaultKind) -> None:
        """Take away from the operator what the running command has printed."""
        self.terminal.blind(kind)

    def expire(self) -> None:
        """Let the operator's access token expire: commands to come find one that did long ago."""
        accesstoken.expire(self.layout.access_token, self.layout.secret.read_text())

    def repair(self) -> None:
        """Start again whatever a fault has killed, as the service's own supervisor would; raises NotBack."""
        hung = self.conductor.paused
        for process in hung:
            if process.role == Role.UNIT:
                self._host.resume(process.number)
            elif process == DB:
                self.store.resume()
            elif self._kms:
                self._kms.resume()
            self.conductor.resumed(process)
        dead = self.conductor.dead
        units = sorted(process.number for process in dead if process.role == Role.UNIT)
        for number in units:
            # Without a relay the kms would have seen its connection go with the unit, not at the next call.
            if number in self._calls:
                self._calls[number].hang_up()
            # Before it starts: a process that counts as dead gets no answer to its first system call.
            self.conductor.revive(unit(number))
        self._bring_back(units, kms=KMS in dead, servers=dead)
        for process in hung:
            # What it was sent while it hung it does now, though nobody waits for the reply any more.
            done = partial(self.conductor.has_answered, process)
            ready.until(done, f"the reply of {process}, which hung,", SETTLE_SECONDS)

    def _bring_back(self, units: Sequence[int], servers: AbstractSet[Process], *, kms: bool) -> None:
        try:
            if units:
                self._host.start(units)
            self._repair_database(servers)
            if kms:
                self._start_kms()
        except (ready.NotReady, ServerBroken) as error:
            raise NotBack(str(error)) from error

    def _repair_database(self, dead: AbstractSet[Process]) -> None:
        for process in dead:
            if process.role in SERVER:
                self.store.start()
                self.conductor.revive(process)

    def settle(self) -> None:
        """Wait until no rewrap runs, so that a look at the rows is a look at something that rests."""
        rest = self.rest()
        try:
            ready.until(
                lambda: rest.call("GET", "/api/v2/rotation/rewrap?wait=5")["job"]["state"] != "running",
                "the end of the rewrap",
                SETTLE_SECONDS,
            )
        except ready.NotReady as error:
            raise NotBack(str(error)) from error

    def rest(self) -> Rest:
        """Return the bench's own access."""
        secret = self.layout.secret.read_bytes()
        if self._access is None or self._access[0] != secret:
            self._access = secret, Rest.login(self.layout)
        return self._access[1]

    def _spawn_kms(self) -> int:
        program = sut.kms("serve", self.layout.kms_config, on_server=self.on_server)
        watch = self._watch_of(KMS) if self.watched else None
        self._kms = Child("kms", program, self.layout.logs / "kms.log", watch, self._ready_socket)
        return self._kms.pid

    def _start_kms(self) -> None:
        self.conductor.start(KMS, self._spawn_kms)
        kms = self._kms
        if kms is None:
            raise AssertionError
        kms.ready(START_SECONDS)
