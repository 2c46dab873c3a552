"""Other plugins of pytest that do not go together with a plan; any order and any import mode does."""


def refused(dist: str, forked: object, timeout_method: object) -> str:
    """Return why a plan is not played, and what to give instead; empty where it is.

    ``dist`` of pytest-xdist, ``forked`` of pytest-forked, ``timeout_method`` of pytest-timeout.
    """
    if dist == "loadgroup":
        return "--hil-plan and --dist loadgroup do not go together; use --dist worksteal"
    if forked:
        return (
            "--hil-plan and --forked do not go together, each test would make an instance; leave --forked out"
        )
    if timeout_method == "thread":
        return (
            "--hil-plan and timeouts by thread do not go together, the first one ends the session and its"
            " reports; use --timeout-method signal"
        )
    return ""
