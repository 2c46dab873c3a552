"""A crypto unit in a container, and its warm parent there as the bench sees it.

The container's first process is the warm parent (``rig/zygote/contained.py``). It calls the bench when
it is ready, so that nothing polls for it, and forks the firmware anew where that ends without the container.
Only a kill takes the container down, and everything in it.
"""

import json
import os
import select
import socket
from pathlib import Path

from hil.faults.watch import handover
from hil.faults.watch.supervisor import Supervisor
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.rig.layout import Layout
from hil.targets.hpcs.rig.process import ready
from hil.targets.hpcs.rig.process.child import NotKilled, Watch
from hil.targets.hpcs.rig.process.ready_socket import ReadySocket
from hil.targets.hpcs.rig.units import docker
from hil.targets.hpcs.rig.units.docker import Container
from hil.targets.hpcs.rig.units.labels import Labels

CALL_SECONDS = 30.0
LOOK_SECONDS = 0.2
SOCKET, READY_SOCKET = "bench.sock", "ready.sock"
KILLED = -9
COMMAND = (
    "python3",
    "-P",
    "-m",
    "hil.targets.hpcs.rig.zygote.contained",
    sut.UNIT,
    f"{docker.SOCKET_DIR}/{SOCKET}",
)


class ContainedUnit:
    """The container of a unit, made once and started after a kill; the firmware in it; its log."""

    def __init__(self, layout: Layout, number: int, image: str, labels: Labels) -> None:
        self._log = layout.logs / f"unit-{number}.log"
        self._folder, self._sockets = layout.unit(number), layout.unit_sockets(number)
        self._holder = docker.start_holder(image, labels)
        self._ready_socket = ReadySocket(self._sockets / READY_SOCKET)
        self._container = self._made(image, number, labels)
        self._parent: socket.socket | None = None
        self._paused = False
        self._code: int | None = KILLED
        self.by_order = True  # nothing runs, or was ended by the bench
        self.name = f"unit:{number}"

    def _made(self, image: str, number: int, labels: Labels) -> Container:
        environment = {"NOTIFY_SOCKET": f"{docker.SOCKET_DIR}/{READY_SOCKET}"}
        contained = docker.Contained(COMMAND, environment, self._holder)
        try:
            return docker.create_unit(image, number, self._folder, self._sockets, labels, contained)
        except BaseException:
            docker.remove(self._holder)
            self._ready_socket.close()
            raise

    def run(self) -> None:
        """Have the container running and its warm parent in touch with the bench."""
        if self._parent:
            return
        path = self._sockets / SOCKET
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
            door.bind(str(path))
            door.listen(1)
            self._container.start()
            ready.until(
                lambda: _calls(door) or not self._container.alive(), f"container of {self.name}", CALL_SECONDS
            )
            if not _calls(door):
                raise ready.NotReady(f"container of {self.name} ended: {self._container.logs()[-500:]}")
            self._parent, _ = door.accept()
        self._parent.settimeout(CALL_SECONDS)

    def start(self, watch: Watch | None) -> None:
        """Fork the firmware; ``await_ready`` waits until it serves."""
        self._container.hand_over()
        self._ready_socket.drain()
        self._code = None
        self.by_order = False
        serve = sut.unit_serve(Path(docker.UNIT_DIR), Path(docker.SOCKET_DIR))
        with self._log.open("ab") as output, Path(os.devnull).open("rb") as nothing:
            streams = (nothing.fileno(), output.fileno(), output.fileno())
            if watch is None:
                self._order("start", streams, arguments=serve.arguments)
                return
            mine, its = handover.pair()
            with mine:
                with its:
                    self._order("start", (*streams, its.fileno()), arguments=serve.arguments)
                listener, pid = handover.received(mine, CALL_SECONDS)
        Supervisor(listener, pid, watch.root, watch.ask, {docker.UNIT_DIR: self._folder}, off=watch.off)

    @property
    def exit_code(self) -> int | None:
        """Of the firmware; None while it runs."""
        while self._code is None and self._parent and _calls(self._parent, 0):
            self._hear()
        return self._code

    def await_ready(self, seconds: float) -> None:
        """Wait until the firmware serves, after its start or a power cycle; raises NotReady."""
        self._ready_socket.wait(lambda: self.exit_code, self.name, seconds)

    def hang_up(self) -> None:
        """Power-cycle the firmware, on files that may be new; ``await_ready`` waits until it is through."""
        self._container.hand_over()
        self._ready_socket.drain()
        self._order("hangup")

    def kill(self) -> None:
        """SIGKILL the container and prove it; raises NotKilled."""
        ended = self.exit_code
        if ended is not None:
            raise NotKilled(f"{self.name} had already ended with exit code {ended}")
        self.by_order = True
        self._container.kill()
        self._lose()

    def end(self) -> None:
        """End the firmware, whatever state it is in; the container stays where that is possible."""
        self.by_order = True
        if self._paused:
            self._container.kill()
            self._lose()
        elif self._parent:
            self._order("end")
            while not self._hear():
                pass

    def pause(self) -> None:
        """Freeze the container."""
        self._container.pause()
        self._paused = True

    def resume(self) -> None:
        """Let it go on."""
        self._container.unpause()
        self._paused = False

    def remove(self) -> None:
        """Leave nothing behind."""
        self._lose()
        self._container.remove()
        docker.remove(self._holder)
        self._ready_socket.close()

    def _order(self, order: str, descriptors: tuple[int, ...] = (), **more: object) -> None:
        if self._parent is None:
            raise ready.NotReady(f"the container of {self.name} does not run")
        socket.send_fds(self._parent, [json.dumps({"order": order, **more}).encode()], descriptors)

    def _hear(self) -> bool:
        """Take one message of the warm parent; True where nobody is left beside it, or nobody at all."""
        if self._parent is None:
            return True
        raw = self._parent.recv(4096)
        if not raw:
            self._lose()
            return True
        message = json.loads(raw)
        self._code = message.get("code", self._code)
        return "alone" in message

    def _lose(self) -> None:
        """Take note that the container has died."""
        if self._parent:
            self._parent.close()
        self._parent, self._paused, self._code = None, False, KILLED


def _calls(end: socket.socket, seconds: float = LOOK_SECONDS) -> bool:
    return bool(select.select([end], [], [], seconds)[0])
