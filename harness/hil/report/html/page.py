"""report.html of a run directory."""

from functools import partial

from hil.engine.stored import Stored
from hil.report.html import whole
from hil.report.html.detail import detail
from hil.report.html.doubts import doubts
from hil.targets.hpcs.report.answers import answers
from hil.targets.hpcs.report.rotation import RotationView


def document(stored: Stored, against: Stored | None = None, home: str = "") -> str:
    """Return report.html of a run directory, compared with an earlier one where that is given.

    ``home``: what the commands in it call the run directory.
    """
    campaign = RotationView.of(stored, home)
    sections = (*doubts(campaign), *answers(campaign))
    earlier = RotationView.of(against) if against else None
    return whole.write(campaign, partial(detail, campaign), sections, earlier)
