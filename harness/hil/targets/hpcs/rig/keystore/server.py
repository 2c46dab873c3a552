"""A PostgreSQL server of one rig: the processes of Debian's package, run directly on a folder of the rig.

Nothing of it is made faster by making it less honest: fsync, full_page_writes and synchronous_commit stand as
they are delivered. It is fast because its folder is in memory, as everything of a rig. Not modelled: what a
loss of power takes.

The postmaster's children are each in a session of their own, so that there is no group to kill. A kill stops
the postmaster first, which then starts no more of them, and ends them and it; whoever is left would keep the
shared memory, and the next start would refuse. PostgreSQL does not run as root: there it runs as the user of
the package, and the folders above it are opened for the group of that user alone.
"""

import os
import pwd
import select
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from hil import inherited
from hil.faults.watch import prctl
from hil.targets.hpcs.rig.layout import DATABASE_PORT as PORT
from hil.targets.hpcs.rig.layout import DATABASE_USER
from hil.targets.hpcs.rig.process import interrupts, owner, ready
from hil.targets.hpcs.rig.process.child import NotKilled

PROGRAMS = ("initdb", "postgres")
PACKAGED = Path("/usr/lib/postgresql")
START_SECONDS = 30.0
STOP_SECONDS = 10.0
MAKE_SECONDS = 60.0
NO_SEGMENT = -1  # yet: it is noted after the process id

# Small, quiet, and without background work that would come by chance.
SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "8MB",
    "max_connections": "40",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "dynamic_shared_memory_type": "mmap",  # files in its own folder, where a kill leaves nothing behind
    "recovery_init_sync_method": "syncfs",
    "log_min_error_statement": "panic",  # statements carry rows
}


class ServerBroken(Exception):
    """The database server could not be made or started; the text says where to look."""


def programs() -> Path | None:
    """Return the newest folder that holds the programs of a server; None where there is none."""
    packaged = sorted(PACKAGED.glob("*/bin"), key=lambda folder: float(folder.parent.name), reverse=True)
    found = shutil.which("postgres")
    folders = [*packaged, *([Path(found).resolve().parent] if found else [])]
    return next((folder for folder in folders if all((folder / name).exists() for name in PROGRAMS)), None)


def socket_file(folder: Path) -> Path:
    """Return the socket of a server, or of a relay before one, in ``folder``, by the name of libpq."""
    return folder / f".s.PGSQL.{PORT}"


class DatabaseServer:
    """A server on ``folder`` that listens in ``sockets``; ``answers`` looks whether it takes connections.

    ``below``: the nearest folder above both that is not the bench's.
    """

    def __init__(
        self, folder: Path, sockets: Path, log: Path, below: Path, answers: Callable[[], bool]
    ) -> None:
        self._folder = folder
        self._sockets = sockets
        self._log = log
        self._below = below
        self._answers = answers
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Make an empty cluster."""
        self._hand_over(self._folder)
        command = ("--no-sync", "--auth=trust", "--no-locale", "--encoding=UTF8", "--wal-segsize=1")
        made = subprocess.run(
            [
                *self._as_user(),
                self._program("initdb"),
                *command,
                f"--username={DATABASE_USER}",
                "-D",
                self._folder,
            ],
            cwd="/",
            env=inherited.environment(),
            capture_output=True,
            text=True,
            timeout=MAKE_SECONDS,
        )
        if made.returncode != 0:
            raise ServerBroken(f"initdb failed: {made.stderr.strip().splitlines()[-1:]}")
        listed = str(self._sockets).replace('"', '""')
        settings = SETTINGS | {"unix_socket_directories": f'"{listed}"', "port": str(PORT)}
        with (self._folder / "postgresql.conf").open("a") as stream:
            stream.writelines(f"{name} = {_quoted(value)}\n" for name, value in settings.items())

    @property
    def runs(self) -> bool:
        """Whether the postmaster runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, *, outlives: bool = False) -> int:
        """Start it, after a kill with its crash recovery; return its process id when it takes connections.

        It ends with the thread that has started it, unless it ``outlives`` that.
        """
        self._hand_over(self._sockets)
        ready.until(lambda: not self._lingers(), "the end of the database server before", STOP_SECONDS)
        bound = () if outlives else ("--pdeathsig", "QUIT")
        with self._log.open("ab") as log, interrupts.held():
            self._process = process = subprocess.Popen(
                [*self._as_user(*bound), self._program("postgres"), "-D", self._folder],
                cwd="/",
                env=inherited.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        ready.until(lambda: process.poll() is not None or self._answers(), "database server", START_SECONDS)
        if process.poll() is not None:
            raise ServerBroken(f"the database server ended with exit code {process.poll()}, see its log")
        return process.pid

    def kill(self) -> None:
        """SIGKILL the postmaster and all of its children, and prove that it died of that."""
        process = self._running()
        process.send_signal(signal.SIGSTOP)
        pids = _children(process.pid)
        children = _opened(pids)
        try:
            for child in children:
                signal.pidfd_send_signal(child, signal.SIGKILL)
            _await_ends(children)
        finally:
            _close(children)
        with prctl.adopting():  # a stopped postmaster has reaped nobody
            process.kill()
            code = process.wait(STOP_SECONDS)
        prctl.reap(pids)
        if code != -signal.SIGKILL:
            raise NotKilled(f"the database server ended with exit code {code}, not by SIGKILL")

    def kill_backend(self, pid: int) -> None:
        """SIGKILL the one process that serves a connection, and return when the server is back.

        The postmaster then ends all others, recovers and begins anew. That is waited for, because whether a
        next request falls into the gap would be chance.
        """
        process = self._running()
        if pid not in _children(process.pid):
            raise NotKilled(f"the database server has no process {pid}")
        children = _opened(_children(process.pid))
        try:
            os.kill(pid, signal.SIGKILL)
            _await_ends(children)
        finally:
            _close(children)
        ready.until(self._answers, "database server", START_SECONDS)

    def pause(self) -> None:
        """Stop all of its processes, the postmaster first, so that there are no more."""
        process = self._running()
        process.send_signal(signal.SIGSTOP)
        for pid in _children(process.pid):
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let all of its processes go on."""
        process = self._running()
        for pid in (*_children(process.pid), process.pid):
            os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it at once, whatever state it is in; it takes its shared memory along."""
        process, self._process = self._process, None
        if process and process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGQUIT)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_SECONDS)
        self.free_memory()

    def free_memory(self) -> None:
        """Remove the segment by which a server that was killed tells the next one that it is still there."""
        if killed := self._killed():
            _, segment = killed
            command, own = ["ipcrm", "-m", str(segment)], inherited.environment()
            subprocess.run(command, env=own, capture_output=True, timeout=STOP_SECONDS, check=False)

    def _lingers(self) -> bool:
        """Whether the next one would refuse: for one that is dead and not reaped, or for its children."""
        if not (killed := self._killed()):
            return False
        pid, segment = killed
        return owner.state(pid) in owner.DEAD or segment in _attached()

    def _killed(self) -> tuple[int, int] | None:
        """Return process id and segment of a server that has not ended in peace, if there was one."""
        try:
            lines = (self._folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        return int(lines[0]), int(lines[6].split()[1]) if lines[6:] else NO_SEGMENT

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            raise NotKilled("the database server does not run")
        return self._process

    def _program(self, name: str) -> Path:
        folder = programs()
        if folder is None:
            raise ServerBroken("there is no PostgreSQL server on this machine; run 'make postgresql'")
        return folder / name

    def _as_user(self, *options: str) -> Sequence[str]:
        if os.geteuid() == 0:
            user = _user()
            ids = ("--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups")
            return ("setpriv", *ids, *options)
        return ("setpriv", *options) if options else ()

    def _hand_over(self, folder: Path) -> None:
        """Make a folder of the user that the server runs as, and open the way to it for that one's group."""
        if folder.exists():
            return
        folder.mkdir(parents=True, mode=0o700)
        if os.geteuid() != 0:
            return
        user = _user()
        os.chown(folder, user.pw_uid, user.pw_gid)
        for parent in folder.parents:
            if parent == self._below:
                return
            if not parent.stat().st_mode & 0o001:
                os.chown(parent, -1, user.pw_gid)
                parent.chmod(parent.stat().st_mode | 0o010)


def _quoted(value: str) -> str:
    """Return a value as postgresql.conf has it."""
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def closed(place: Path) -> Path | None:
    """Return the folder on the way to ``place`` that only root may enter, where that matters; mostly None."""
    if os.geteuid() != 0:
        return None
    return next((folder for folder in (place, *place.parents) if not folder.stat().st_mode & 0o001), None)


def _user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _attached() -> set[int]:
    """Return the segments of shared memory that some process is attached to, see proc(5)."""
    rows = (line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:])
    return {int(identifier) for _, identifier, _, _, _, _, attached, *_ in rows if attached != "0"}


def _children(pid: int) -> tuple[int, ...]:
    return tuple(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def _opened(pids: Iterable[int]) -> list[int]:
    return [os.pidfd_open(pid) for pid in pids]


def _await_ends(pidfds: Iterable[int]) -> None:
    for pidfd in pidfds:
        ended = select.poll()
        ended.register(pidfd, select.POLLIN)
        if not ended.poll(STOP_SECONDS * 1000):
            raise NotKilled("a process of the database server lives on")


def _close(pidfds: Iterable[int]) -> None:
    for pidfd in pidfds:
        os.close(pidfd)
