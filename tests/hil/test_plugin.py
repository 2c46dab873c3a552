"""The pytest plugin in sessions of its own, on real rigs."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import click
import pytest

from hil import plugin
from hil.cli.campaign import run
from hil.engine.plan import write_plan
from hil.engine.rundir import RunDir
from hil.model.scenario import Scenario
from hil.model.verdicts import Exit, Verdict
from hil.targets.hpcs.rig.layout import scratch
from hil.targets.hpcs.rig.process import ready

pytest_plugins = "pytester"

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("--hil-backend", "process", "--hil-operational", "1", "--hil-recovery", "1", "--hil-keys", "8")
XDIST = ("-n", "2", "--dist", "worksteal")
SECONDS = 100.0
RECOVERS = "auto/kms@C_WrapKey.6-after/documented"
WITHOUT_FAULT = "auto/none/documented"
LOSES = "auto/kms@C_WrapKey.6-after/rerun-after-message-1"
UNFIT = """
[module]
name = "none"
library = "/usr/lib/softhsm/libsofthsm2.so"
[token]
make = [["false"]]
"""
MISSES = "auto/tke@setimm.99-after/documented"
IDS = {RECOVERS: "RECOVERED", LOSES: "DATA_LOST", MISSES: "RECOVERED"}


class Place:
    """Sessions of pytest in a folder of their own; ``scratch`` is what the bench has to remove."""

    def __init__(self, pytester: pytest.Pytester, folder: Path) -> None:
        self.pytester = pytester
        self.scratch = folder

    def plan(self, scenarios: dict[str, str], name: str = "plan.jsonl") -> Path:
        """Write a plan of these ids and the verdicts that they are expected to have."""
        file = self.pytester.path / name
        write_plan(file, [Scenario.parse(text, Verdict(verdict)) for text, verdict in scenarios.items()])
        return file

    def run(self, *options: str) -> pytest.RunResult:
        """Run a session to its end; its warnings are errors."""
        return self.pytester.runpytest_subprocess("-W", "error", *options, timeout=SECONDS)

    def start(self, *options: str) -> "subprocess.Popen[str]":
        """Start a session in a group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", "-v", *options],
            cwd=self.pytester.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def nothing_left(self) -> None:
        """Wait until neither a process nor a file is left of what the bench made."""
        ready.until(lambda: not any(map(self._ours, Path("/proc").glob("[0-9]*"))), "the end of all", 30)
        ready.until(lambda: not any(self.scratch.iterdir()), "the removal of its folders", 30)

    def _ours(self, process: Path) -> bool:
        try:
            environment = (process / "environ").read_bytes()
        except OSError:  # it has ended meanwhile
            return False
        return process.name != str(os.getpid()) and str(self.scratch).encode() in environment


@pytest.fixture
def place(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Empty folders; the scratch one is short enough for sockets."""
    folder = scratch("test-")
    monkeypatch.setenv("HIL_TMP", str(folder))
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"):
        monkeypatch.delenv(name, raising=False)
    yield Place(pytester, folder)
    shutil.rmtree(folder)


def test_nothing_without_options(place: Place) -> None:
    """In a project that has nothing to do with it the plugin is loaded, and nothing else of the bench."""
    place.pytester.makepyfile("""
        import sys

        def test_what_is_imported():
            ours = ("hil", "hsm_emulator", "docker", "click")
            assert {name for name in sys.modules if name.startswith(ours)} == {"hil", "hil.plugin"}
    """)
    place.run().assert_outcomes(passed=1)


def test_plan_on_two_workers(place: Place) -> None:
    """A scenario that ends as expected passes, a fault that did not strike fails; evidence, and no rest."""
    plan = place.plan(IDS)
    options = ("--hil-plan", str(plan), "--hil-out", "out", *SMALL, *XDIST, "--junitxml", "junit.xml")
    result = place.run(*options)
    assert result.ret == 1
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*NOT_FIRED, expected RECOVERED",
            "did not strike: tke@setimm.99-after",
            "*Master key rotation successful.",
            f"again: hil replay {MISSES} --operational 1 --recovery 1 --keys 8",
            f"FAILED plan.jsonl::{MISSES} - Failed: NOT_FIRED, expected RECOVERED",
        ]
    )
    place.nothing_left()

    report = ET.parse(place.pytester.path / "junit.xml")  # noqa: S314 - written just now by pytest
    told = {
        str(case.get("name")): {
            str(one.get("name")): one.get("value") for one in case.findall("properties/property")
        }
        for case in report.findall(".//testcase")
    }
    verdicts = {**IDS, MISSES: "NOT_FIRED"}
    assert told == {name: {"verdict": verdicts[name], "expected": IDS[name], "faults": "1"} for name in IDS}

    evidence = RunDir(place.pytester.path / "out")
    assert [scenario.id for scenario in evidence.plan() or ()] == list(IDS)
    assert {one["id"]: one["verdict"] for one in evidence.results().values()} == verdicts
    folder = evidence.path / "scenarios" / "2"
    assert json.loads((folder / "verdict.json").read_text())["id"] == LOSES
    assert (folder / "events.jsonl").exists()
    assert not (evidence.path / "campaign.json").exists()


@pytest.mark.long
@pytest.mark.parametrize(
    ("ids", "options"),
    [
        ({}, ()),
        ({WITHOUT_FAULT: "RECOVERED", RECOVERS: "RECOVERED"}, (*XDIST, "-k", "none")),
        ({RECOVERS: "RECOVERED"}, ("-k", "nobody")),
    ],
    ids=["empty plan", "no fault after a filter", "nothing after a filter"],
)
def test_a_session_that_tries_nothing(place: Place, ids: dict[str, str], options: tuple[str, ...]) -> None:
    """A session without a single fault is no success, on workers either, and says why in a line."""
    result = place.run("--hil-plan", str(place.plan(ids)), *SMALL, *options)
    assert result.ret == Exit.INCONCLUSIVE
    result.stdout.fnmatch_lines(["hil: inconclusive: no scenario of --hil-plan that has a fault was played"])


def test_verdict_that_was_not_expected(place: Place) -> None:
    """Keys that are lost against the prediction fail the test, with what the oracle found."""
    result = place.run("--hil-plan", str(place.plan({LOSES: "RECOVERED"})), *SMALL)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*DATA_LOST, expected RECOVERED", "readable: key * version 1 *", "again: *"])
    place.nothing_left()


def test_bench_that_fails(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there can be no rig every scenario fails with the word for it, and none is skipped."""
    monkeypatch.setenv("HIL_TMP", "/nowhere")
    result = place.run("--hil-plan", str(place.plan(IDS)), *SMALL)
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(["*HARNESS_ERROR, no rig: NoScratch: /nowhere is no folder*"] * 3)


def test_stop_at_the_first_failure(place: Place) -> None:
    """A session that stops early removes what it made."""
    plan = place.plan(dict.fromkeys((MISSES, RECOVERS, LOSES), "RECOVERED"))
    result = place.run("--hil-plan", str(plan), *SMALL, "-x")
    result.assert_outcomes(failed=1)
    place.nothing_left()


@pytest.mark.parametrize("processes", [(), XDIST], ids=["one-process", "two-workers"])
def test_interrupt(place: Place, processes: tuple[str, ...]) -> None:
    """An interrupt from the keyboard in the middle of a plan leaves neither processes nor files."""
    points = [f"{side}@C_WrapKey.{call}-after" for side in ("kms", "tke") for call in range(1, 13)]
    plan = place.plan({f"auto/{point}/documented": "RECOVERED" for point in points})
    with place.start("--hil-plan", str(plan), *SMALL, *processes) as session:
        assert session.stdout
        assert next(line for line in session.stdout if "PASSED" in line)
        os.killpg(session.pid, signal.SIGINT)
        rest = session.stdout.read()
        assert session.wait(SECONDS) == pytest.ExitCode.INTERRUPTED, rest
    place.nothing_left()


def _collected(place: Place, *options: str) -> list[str]:
    result = place.run("--collect-only", "-q", *options)
    return [line for line in result.outlines if "::" in line]


def test_node_ids(place: Place) -> None:
    """A test is named by file and scenario, in the order of the plan; paths add tests, an id picks one."""
    place.pytester.makepyfile(test_own="def test_own(): pass")
    plan = place.plan(IDS)
    all_of_plan = [f"plan.jsonl::{scenario}" for scenario in IDS]
    assert _collected(place, "--hil-plan", str(plan)) == all_of_plan
    assert _collected(place, "--hil-plan", "plan.jsonl", "test_own.py") == [
        "test_own.py::test_own",
        *all_of_plan,
    ]
    assert _collected(place, "--hil-plan", "plan.jsonl", f"plan.jsonl::{LOSES}") == [f"plan.jsonl::{LOSES}"]
    assert _collected(place, "--hil-plan", "plan.jsonl", "-k", "rerun") == [f"plan.jsonl::{LOSES}"]
    place.pytester.mkdir("root").joinpath("pytest.ini").write_text("[pytest]")
    assert _collected(place, "--hil-plan", "plan.jsonl", "--rootdir", "root") == all_of_plan


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--hil-plan", "absent.jsonl"), "--hil-plan: *absent.jsonl: No such file or directory"),
        (("--hil-plan", "bad.jsonl"), "--hil-plan: *bad.jsonl:1: no line of a plan: the key *"),
        (("--hil-plan", "unknown.jsonl"), "--hil-plan: there is no procedure 'prayer'*"),
        (("--hil-plan", "plan.jsonl", "-n", "1", "--dist", "loadgroup"), "*use --dist worksteal"),
        (("--hil-plan", "plan.jsonl", "--timeout-method", "thread"), "*use --timeout-method signal"),
        (("--hil-plan", "plan.jsonl", "--forked"), "*leave --forked out"),
        (("--hil-plan", "plan.jsonl", "--hil-out", "two\nlines"), "--hil-out: *another control character*"),
        (("--hil-plan", "plan.jsonl", "--hil-keys", "7"), "*'7' is no number from 8 to 50000"),
        (("--hil-plan", "plan.jsonl", "--hil-out", "other"), "--hil-out: * belongs to another plan*"),
        (("--hil-plan", "plan.jsonl", "--hil-out", "plan.jsonl"), "--hil-out: *plan.jsonl cannot be made*"),
        (("--hil-out", "out"), "--hil-out keeps the evidence of a plan; add --hil-plan FILE"),
        (("--hil-keystore", "oracle"), "*'oracle' is neither sqlite nor postgresql nor *"),
        (("--hil-keystore", "postgresql://kms:sesame@db/"), "*put it into PGPASSWORD"),
        (("--hil-module-profile", "absent.toml"), "--hil-module-profile: *absent.toml: No such file*"),
        (("--hil-module-profile", "bad.jsonl"), "--hil-module-profile: *bad.jsonl:1: no TOML: *"),
        (("--hil-module-profile", "hil.toml", "--hil-backend", "docker"), "*use --backend process"),
        (
            ("--hil-plan", "plan.jsonl", "--hil-keystore", "postgresql://kms@/?host=/nowhere"),
            "no database server: *",
        ),
        (("--hil-plan", "plan.jsonl", "--hil-module-profile", "hil.toml"), "none * cannot stand behind a *"),
        (
            ("--hil-plan", "plan.jsonl", "--hil-module-profile", "hil.toml", "--hil-out", "new"),
            "none * cannot *",
        ),
    ],
)
def test_bad_options(place: Place, options: tuple[str, ...], text: str) -> None:
    """What is wrong is said in one line, before anything is made."""
    place.plan(IDS)
    place.plan({"auto/none/prayer": "RECOVERED"}, "unknown.jsonl")
    (place.pytester.path / "bad.jsonl").write_text("{}\n")
    place.pytester.makefile(".toml", hil=UNFIT)
    place.pytester.makeconftest(
        "def pytest_addoption(parser):\n    parser.addoption('--forked', action='store_true')"
    )
    place.pytester.mkdir("other")
    place.plan({LOSES: "DATA_LOST"}, "other/plan.jsonl")
    (place.pytester.path / "other" / "results.jsonl").touch()  # without it the folder is no campaign's
    result = place.run(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{text}"])
    assert "Traceback" not in result.stderr.str()
    assert "sesame" not in result.stderr.str() + result.stdout.str()
    assert not any(place.scratch.iterdir())
    assert not (place.pytester.path / "new").exists()


@pytest.mark.parametrize("mode", ["prepend", "append", "importlib"])
def test_import_modes(place: Place, mode: str) -> None:
    """A plan is collected whatever way tests are imported."""
    place.plan(IDS)
    place.pytester.makepyfile(test_own="def test_own(): pass")
    result = place.run(
        "--collect-only", "-q", f"--import-mode={mode}", "--hil-plan", "plan.jsonl", "test_own.py"
    )
    assert result.ret == 0
    result.stdout.fnmatch_lines(["test_own.py::test_own", *(f"plan.jsonl::{name}" for name in IDS)])


def test_sizes_are_those_of_the_command() -> None:
    """An instance can have the same numbers of units and keys here and in ``hil run``."""
    ranges = {option.name: option.type for option in run.params if isinstance(option.type, click.IntRange)}
    for name, least, most, text in plugin.SIZES:
        known = ranges[name]
        assert (known.min, known.max) == (least, most), text


def test_words_are_those_of_the_command() -> None:
    """What an instance is made of is asked for in the same words here and in ``hil run``."""
    helps = {option.name: option.help for option in run.params if isinstance(option, click.Option)}
    assert helps["keystore"] == plugin.KEYSTORE
    assert helps["module_profile"] == plugin.MODULE_PROFILE


OWN = """
    import pytest

    from hil.model.verdicts import Verdict

    @pytest.fixture(scope="session")
    def seen():
        return []

    @pytest.mark.parametrize("crash", [
        "tke@fsync.1-before",
        "kms@C_WrapKey.6-after~kms@C_WrapKey.1-after",
        "unit1@setimm.1-before",
    ])
    def test_recovers(crash, hil_operator, hil_judge):
        operator = hil_operator(crash=crash)
        ended = operator.rotate()
        assert ended.exit_code != 0
        recovery = operator.recover(ended)
        assert recovery.commands and not recovery.stuck
        judgement = hil_judge()
        assert judgement.verdict is Verdict.RECOVERED, judgement.findings

    def test_loses(hil_operator, hil_judge):
        operator = hil_operator("auto", "rerun-after-message-1", "kms@C_WrapKey.6-after")
        operator.recover(operator.rotate())
        assert hil_judge().verdict is Verdict.DATA_LOST

    def test_misses(hil_operator, hil_judge):
        assert hil_operator("parts", crash="tke@setimm.99-after").rotate().exit_code == 0
        assert hil_judge().verdict is Verdict.NOT_FIRED

    @pytest.mark.parametrize("time", [1, 2])
    def test_is_restored(hil_rig, hil_ledger, hil_operator, seen, time):
        assert len(hil_ledger.key_ids) == 8
        seen.append([unit.current.pattern for unit in hil_rig.rest().registers(hil_rig.shape)])
        assert seen[0] == seen[-1]
        assert hil_operator().rotate().exit_code == 0

    def test_shows_its_transcript(hil_operator):
        assert hil_operator().rotate().exit_code != 0
"""


def test_tests_of_ones_own(place: Place) -> None:
    """The fixtures play, recover and judge; each test finds the golden state, and shows its terminal."""
    place.pytester.makepyfile(OWN)
    result = place.run(*SMALL)
    result.assert_outcomes(passed=7, failed=1)
    result.stdout.fnmatch_lines(["*hil transcript*", "$ auto-mk-rotate", "Master key rotation successful."])
    place.nothing_left()


def test_example_of_the_readme(place: Place) -> None:
    """The example in README is short, and runs as it stands."""
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    (example,) = (block for block in blocks if "hil_operator" in block)
    assert len(example.splitlines()) < 20
    place.pytester.makepyfile(example)
    result = place.run(*SMALL)
    assert result.ret == 0
    assert result.parseoutcomes()["passed"] >= 1
    place.nothing_left()


@pytest.fixture
def brought(place: Place) -> tuple[str, ...]:
    """The options for NSS softokn and a server that may enter the folders of the bench."""
    if shutil.which("certutil") is None or not Path("/usr/lib/x86_64-linux-gnu/libsoftokn3.so").exists():
        pytest.skip("NSS is not installed; run 'make nss'")
    place.scratch.chmod(0o711)
    return "--hil-module-profile", str(ROOT / "examples" / "hil-nss.toml"), "--hil-keystore", "postgresql"


@pytest.mark.long
@pytest.mark.postgresql
@pytest.mark.slow
def test_a_plan_on_what_somebody_brings(place: Place, brought: tuple[str, ...]) -> None:
    """A plan is played on another module and a database server, and is replayed on the same."""
    plan = place.plan(
        {LOSES: "DATA_LOST", "auto/db@sql-commit.2-after/documented": "RECOVERED", MISSES: "RECOVERED"}
    )
    result = place.run("--hil-plan", str(plan), "--hil-out", "out", *SMALL, *brought)
    result.assert_outcomes(passed=2, failed=1)
    again = f"--keys 8 --keystore postgresql --module-profile {brought[1]}"
    result.stdout.fnmatch_lines([f"again: hil replay {MISSES} * {again}"])
    place.nothing_left()

    command = [str(Path(sys.executable).with_name("hil")), "replay", LOSES, "--run", "out"]
    replayed = subprocess.run(
        command, cwd=place.pytester.path, capture_output=True, text=True, timeout=SECONDS
    )
    assert replayed.returncode == 0, replayed
    assert "(processes with NSS softokn, key store in PostgreSQL), 8 keys" in replayed.stdout.splitlines()[0]
    assert "stored verdict: the same" in replayed.stdout

    other = place.run("--hil-plan", str(plan), "--hil-out", "out", *SMALL)
    assert other.ret == pytest.ExitCode.USAGE_ERROR
    other.stderr.fnmatch_lines(["*--hil-out: *out was begun on another key store; choose another --out"])
    place.nothing_left()


@pytest.mark.postgresql
@pytest.mark.slow
def test_tests_of_ones_own_on_what_somebody_brings(place: Place, brought: tuple[str, ...]) -> None:
    """The fixtures give an instance on another module and a database server, restored before each test."""
    place.pytester.makepyfile(OWN)
    result = place.run(*SMALL, *brought, "-k", "recovers or loses or restored")
    result.assert_outcomes(passed=6, deselected=2)
    place.nothing_left()


def test_a_module_that_does_not_do(place: Place) -> None:
    """Where no instance can be made a test of one's own fails with the reason, and others are not touched."""
    place.pytester.makefile(".toml", hil=UNFIT)
    place.pytester.makepyfile("""
        def test_with(hil_rig): pass
        def test_without(): pass
    """)
    result = place.run(*SMALL, "--hil-module-profile", "hil.toml")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["no rig: none (*) cannot stand behind a crypto unit:", "  TokenError: no token: *"]
    )
    place.nothing_left()
