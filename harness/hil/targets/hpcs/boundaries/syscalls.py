"""Durable system calls as events: what the watch of a process asks the conductor."""

import errno
from collections.abc import Callable

from hil.faults.watch.filter import machine
from hil.faults.watch.supervisor import Answer, CallReply, SystemCall
from hil.model.faults import Process
from hil.targets.hpcs.boundaries.conductor import SQL_COMMIT, Conductor
from hil.targets.hpcs.boundaries.crossing import Passage

Ask = Callable[[SystemCall], Answer]

# What a process tells of itself is not durable state, and comes by chance.
LOGS = "logs/"
# With a rollback journal, a transaction of SQLite is durable when the journal is unlinked.
JOURNAL = "-journal"
_ANSWERS: dict[Passage, Answer] = {
    Passage.FORWARD: CallReply.CONTINUE,
    Passage.DROP: CallReply.GONE,
    Passage.ERROR: errno.ENOSPC,
}


def is_system_call(event: str, *, on_server: bool = False) -> bool:
    """Whether an event of this name is seen only by a watch; ``on_server``: where the key store is."""
    if event == SQL_COMMIT:
        return not on_server
    return event in {call.name for call in machine().calls.values()}


def asker(conductor: Conductor, process: Process) -> Ask:
    """Return what answers each durable system call that ``process`` is about to make."""

    def ask(call: SystemCall) -> Answer:
        if call.path.startswith(LOGS):
            return CallReply.CONTINUE
        commits = call.name.startswith("unlink") and call.path.endswith(JOURNAL)
        name = SQL_COMMIT if commits else call.name
        try:
            return _ANSWERS[conductor.system_call(process, name, call.path)]
        except Exception as error:
            conductor.error = error  # the scenario is void: nobody may take this for a fault that missed
            return CallReply.CONTINUE

    return ask
