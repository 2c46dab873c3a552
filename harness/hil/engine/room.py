"""Whether there is room for a campaign, and whether a full disk is why something went wrong in it."""

from pathlib import Path

from hil.engine import space

SCENARIO_BYTES = 30 * 1024  # of evidence: 41 MiB of the 1453 scenarios of the default profile
SCRATCH = "set HIL_TMP to a folder with more room, or take fewer --jobs"
EVIDENCE = "make room there, or choose another --out"


class Room:
    """Room for rigs like that of the golden state, and for evidence."""

    def __init__(self, scratch: Path, evidence: Path, golden: Path, snapshot: Path) -> None:
        """``golden``: place of the golden state, below ``scratch``; ``snapshot``: the copy of its files."""
        self._scratch = scratch
        self._evidence = evidence
        self._copy = space.used(snapshot)
        self._rig = space.used(golden)

    def for_rigs(self, jobs: int) -> None:
        """Raise NoSpace where ``jobs`` rigs, each with a copy of its files, are more than scratch holds."""
        wanted = jobs * (self._rig + self._copy)
        space.require(self._scratch, wanted, f"for {jobs} rigs", SCRATCH)

    def left(self, scenarios: int) -> None:
        """Raise NoSpace where that may be why a scenario, of which so many are left, went wrong."""
        space.require(self._scratch, self._copy, "by each rig", SCRATCH)
        space.require(self._evidence, space.LEAST_BYTES, self.purpose(scenarios), EVIDENCE)

    @staticmethod
    def purpose(scenarios: int) -> str:
        """Say what evidence is needed for."""
        return f"at once, {space.megabytes(scenarios * SCENARIO_BYTES)} for the {scenarios} scenarios left"
