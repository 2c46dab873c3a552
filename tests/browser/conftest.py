"""report.html of a real campaign in a real Chromium, which must not complain and must not ask the network."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from hil.engine.plan import write_plan
from hil.engine.stored import Stored
from hil.model.scenario import Scenario
from hil.model.verdicts import Verdict
from hil.report.html import page as whole
from hil.targets.hpcs.rig.layout import scratch

RECOVERED = "auto/tke@setimm.1-after/documented"
LOST = "auto/kms@C_WrapKey.7-after/rerun-after-message-1"
PARTS = "parts/tke@commit.1-after/documented"
PLAN = {RECOVERED: "RECOVERED", LOST: "DATA_LOST", PARTS: "RECOVERED"}
SIZE = ("--operational", "1", "--recovery", "1", "--keys", "8")
SECONDS = 100
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

Written = Callable[[Path], Path]


@pytest.fixture(scope="session")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of a small real campaign, played once for all processes of this test run."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    folder = shared / "browser-campaign"
    with (shared / "browser-campaign.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _play(folder.with_suffix(".playing"))
            folder.with_suffix(".playing").rename(folder)
    return folder


def _play(folder: Path) -> None:
    plan = folder.with_suffix(".jsonl")
    write_plan(plan, [Scenario.parse(name, Verdict(verdict)) for name, verdict in PLAN.items()])
    hil = Path(sys.executable).with_name("hil")
    place = scratch("test-")
    argv = (hil, "run", "--backend", "process", *SIZE, "--plan", plan, "--out", folder)
    try:
        done = subprocess.run(
            argv, env={**os.environ, "HIL_TMP": str(place)}, capture_output=True, text=True, timeout=SECONDS
        )
    finally:
        shutil.rmtree(place)
    assert (folder / "campaign.json").exists(), done.stdout + done.stderr


@pytest.fixture
def copy(campaign: Path, tmp_path: Path) -> Path:
    """A copy of the campaign's run directory, for tests that change it."""
    return Path(shutil.copytree(campaign, tmp_path / "run", symlinks=True))


@pytest.fixture
def written() -> Written:
    """Write report.html of a run directory anew and return it."""

    def write(folder: Path) -> Path:
        report = folder / "report.html"
        report.write_text(whole.document(Stored.read(folder)), encoding="utf-8")
        return report

    return write


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium of the distribution; CHROMIUM names another one."""
    names = (os.environ["CHROMIUM"],) if "CHROMIUM" in os.environ else PROGRAMS
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.fail("no Chromium on this machine; run: make browser", pytrace=False)
    # Its sandbox cannot be had by root in a container, and needs user namespaces.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that at the end must not have complained, nor asked for anything but files."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, color_scheme="light")
    context.set_default_timeout(20_000)
    opened = context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    yield opened
    context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith("file://") or not url.endswith("/report.html")] == []
