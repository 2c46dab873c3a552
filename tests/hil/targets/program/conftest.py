"""A system under test in a few lines: a tool that rewrites files, in one way or another, and its profile."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from hil.targets.program import campaign
from hil.targets.program.profile import ProgramProfile, load
from hil.targets.program.stored import begin

# What it rotates from and to is the first word of each file.
TOOL = """
import json, os, pathlib, subprocess, sys
names = ("a", "b")
def careless(name, text):
    pathlib.Path(name).write_text(text)
def careful(name, text):
    with open(name + ".new", "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(name + ".new", name)
def by_child(name, text):
    subprocess.run([sys.executable, __file__, "write", name, text], check=True)
def half_done(name, text):
    if name == "a":
        careful(name, text)
def state(name):
    try:
        word, content = pathlib.Path(name).read_text().split()
    except (OSError, ValueError):
        return "gone"
    return word if content == "secret-" + name else "gone"
task = sys.argv[1]
if task == "make":
    for name in names:
        careful(name, "old secret-" + name)
elif task == "write":
    careless(*sys.argv[2:])
elif task == "check":
    print(json.dumps({"keys": {name: state(name) for name in names}}))
else:
    for name in names:
        if state(name) == "gone":
            sys.exit("cannot read " + name)
        globals()[task](name, "new secret-" + name)
    print("rotated")
"""
PROFILE = """
name = "toy"
flow = "rotate"
victim = "tool"
setup = [["{{python}}", "{{here}}/tool.py", "make"]]
check = ["{{python}}", "{{here}}/tool.py", "check"]
rotate = "rotate"
[commands]
rotate = ["{{python}}", "{{here}}/tool.py", "{way}"]
[messages]
rotated = "^rotated"
[[procedures]]
name = "rerun"
rules = [
    {{ ended = ["ok"], shows = ["rotated"] }},
    {{ ended = ["killed"], run = "rotate" }},
]
"""


def make(folder: Path, way: str) -> ProgramProfile:
    """Write the tool that writes in a given way and its profile."""
    (folder / "tool.py").write_text(TOOL)
    (folder / "toy.toml").write_text(PROFILE.format(way=way))
    return load(folder / "toy.toml")


@pytest.fixture
def toy(tmp_path: Path) -> Callable[[str], ProgramProfile]:
    """Return what makes the profile of the tool that writes in a given way."""
    return lambda way: make(tmp_path, way)


@dataclass(frozen=True)
class Done:
    """A campaign that has come to its end, and its run directory."""

    campaign: campaign.ProgramCampaign
    folder: Path


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Done]:
    """Return what gives the campaign on the tool that writes in a given way; each is run once."""

    @cache
    def run(way: str) -> Done:
        folder = tmp_path_factory.mktemp(way)
        profile = make(folder, way)
        rundir = begin(folder / "run", profile)
        # One job: two that reach equal crash states at the same moment both play on, and nothing is merged.
        ran = campaign.run(profile, rundir, folder / "scratch", 1, lambda *_: None, lambda every: every)
        return Done(ran, rundir.path)

    return run
