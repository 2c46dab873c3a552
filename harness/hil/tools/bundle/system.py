"""What a bundle has of a campaign on another system under test."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from hil.engine.stored import SUT
from hil.targets.program import page
from hil.targets.program.report import again
from hil.targets.program.stored import SutRun
from hil.tools.bundle.pack import RUN, Contents


def contents(run: SutRun) -> Contents:
    """Return what goes into the bundle beside the run directory, which has the profile and its procedures."""
    return Contents(
        path=run.path,
        page=lambda copy: page.document(SutRun.read(copy), home=RUN),
        members={},
        reproduce="\n".join(reproduce(run)) + "\n",
        environment=run.environment,
        versions={"system under test": run.head.get("sut", {}).get("version")},
    )


def reproduce(run: SutRun) -> Iterator[str]:
    """Yield the commands that play the campaign again, and what did not go as documented by itself."""
    profile = Path(RUN, SUT, run.profile.path.name)
    yield "# To play this campaign again"
    yield ""
    yield "With hsm-hil of the version in versions.json, in the folder of the unpacked bundle:"
    yield ""
    yield "```"
    if run.profile.install:
        yield run.profile.install.replace("{here}", str(profile.parent))
    yield shlex.join(["hil", "sut", "run", str(profile), "--out", "again"])
    yield "```"
    odd = [record for record in run.records.values() if not record["as_documented"]]
    if odd:
        yield ""
        yield "What did not end as documented, one scenario each:"
        yield ""
        yield "```"
        yield from (again(profile, record) for record in odd)
        yield "```"
