"""What can be wrong with a run directory."""


class RunDirBusy(Exception):
    """Another campaign writes to this folder, or a finished one did."""


class BadRunDir(Exception):
    """The folder is no run directory, or a file in it cannot be read; the text names it."""


class LeftRunning(Exception):
    """A command left a process behind, which was ended: what comes next is not known; the text names both."""


class NothingTried(Exception):
    """Nothing would be tried, so neither a pass nor a contradiction could come of it; the text says why."""
