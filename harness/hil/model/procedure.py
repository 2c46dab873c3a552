"""What every procedure has, whatever the target: why it is run."""

from enum import StrEnum


class ProcedureKind(StrEnum):
    """Why a procedure is run."""

    DOCUMENTED = "documented"  # what the documents say to do
    FORBIDDEN = "forbidden"  # what the documents say never to do
    MISREAD = "misread"  # what the documents can be taken to say
    STATE_BASED = "state-based"  # what the state alone would tell


# One wrong step, tried once; what follows it is the documented rule.
CONTROLS = frozenset({ProcedureKind.FORBIDDEN, ProcedureKind.MISREAD})
