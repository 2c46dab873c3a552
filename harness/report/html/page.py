"""report.html of a run directory."""

from functools import partial

from harness.campaign.stored import Stored
from harness.report.html import whole
from harness.report.html.answers import answers
from harness.report.html.detail import detail
from harness.report.html.doubts import doubts
from harness.report.html.rotation import Rotation


def document(stored: Stored, against: Stored | None = None, home: str = "") -> str:
    """Return report.html of a run directory, compared with an earlier one where that is given.

    ``home``: what the commands in it call the run directory.
    """
    campaign = Rotation.of(stored, home)
    sections = (*doubts(campaign), *answers(campaign))
    earlier = Rotation.of(against) if against else None
    return whole.write(campaign, partial(detail, campaign), sections, earlier)
