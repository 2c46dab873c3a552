"""The result of a probe."""

from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Probe:
    """One thing that was asked of an instance; ``problems``: in which ways it did not hold, mostly none."""

    name: str
    title: str
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether it held in every way that was tried."""
        return not self.problems

    def record(self) -> dict[str, Any]:
        """Return the entry of campaign.json."""
        return {"name": self.name, "passed": self.passed, "detail": "; ".join(self.problems) or self.title}

    @classmethod
    def from_record(cls, value: dict[str, Any]) -> Self:
        """Read what ``record`` returned; raises KeyError."""
        return cls(value["name"], value["detail"], () if value["passed"] else (value["detail"],))
