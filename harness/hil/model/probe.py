"""The result of a probe."""

from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Probe:
    """One thing that was asked of an instance; ``problems``: in which ways it did not hold, mostly none.

    ``untried``: why it could not be asked, mostly empty. That is a failure of the bench or of the machine,
    and says nothing against the instance.
    """

    name: str
    title: str
    problems: tuple[str, ...] = ()
    untried: str = ""

    @property
    def tried(self) -> bool:
        """Whether it could be asked."""
        return not self.untried

    @property
    def passed(self) -> bool:
        """Whether it held in every way that was tried."""
        return self.tried and not self.problems

    @property
    def detail(self) -> str:
        """What did not hold, or why it could not be asked, or what held."""
        return "; ".join(self.problems) or self.untried or self.title

    def record(self) -> dict[str, Any]:
        """Return the entry of campaign.json."""
        tried = {} if self.tried else {"tried": False}
        return {"name": self.name, "passed": self.passed, "detail": self.detail} | tried

    @classmethod
    def from_record(cls, value: dict[str, Any]) -> Self:
        """Read what ``record`` returned; raises KeyError."""
        name, detail = value["name"], value["detail"]
        if not value.get("tried", True):
            return cls(name, detail, untried=detail)
        return cls(name, detail, () if value["passed"] else (detail,))
