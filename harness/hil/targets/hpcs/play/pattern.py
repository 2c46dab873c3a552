"""What can be said of a pattern of scenario ids before there is a plan that it could be tried on.

A plan follows from recordings, which take seconds. Flow, victim and procedure do not depend on them; which
events a rotation has does.
"""

import re
from collections.abc import Collection

from hil.model.faults import BadId, Process
from hil.targets.hpcs.model.flow import Flow
from hil.targets.hpcs.model.processes import Role

_WILD = re.compile(r"[*?\[]")


def hopeless(pattern: str, units: int, procedures: Collection[str]) -> bool:
    """Whether no id of an instance with so many crypto units can match ``pattern``.

    ``procedures`` are the names that ids can end with. False: some may match, or none.
    """
    flow, slash, rest = pattern.partition("/")
    if _WILD.search(flow):
        return False
    if not slash or flow not in tuple(Flow):
        return True
    victim, at, _ = _WILD.split(rest, maxsplit=1)[0].partition("@")
    if at and not _is_there(victim, units):
        return True
    last = rest.rpartition("/")[2]
    return "/" in rest and not _WILD.search(last) and last not in procedures


def _is_there(victim: str, units: int) -> bool:
    try:
        process = Process.parse(victim)
    except BadId:
        return False
    return process.role in tuple(Role) and process.number <= units
