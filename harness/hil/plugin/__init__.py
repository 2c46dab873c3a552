"""The pytest plugin: a frozen plan as tests, and fixtures for tests of one's own.

pytest loads every plugin that is installed, also for tests that have nothing to do with this bench. So this
module imports pytest alone, and the bench where an option or a fixture asks for it. Without either it does
nothing.

Each process of a session, and so each xdist worker, has a rig of its own. Not supported is ``--dist
loadgroup``: it takes what follows an ``@`` for the name of a group, and ids of scenarios have one.
"""

import argparse
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hil.engine.plan import Origin
    from hil.model.scenario import Scenario
    from hil.plugin.desk import OperatorConsole
    from hil.plugin.evidence import SessionEvidence
    from hil.plugin.ownrig import OwnRig
    from hil.targets.hpcs.model.ledger import Ledger
    from hil.targets.hpcs.model.observation import OracleJudgement
    from hil.targets.hpcs.operator.operator import Operator
    from hil.targets.hpcs.rig.modules.equipment import Equipment, Wanted
    from hil.targets.hpcs.rig.rig import Rig

# Numbers that an instance can have; those of ``hil run``.
SIZES = (
    ("operational", 1, 3, "Operational crypto units."),
    ("recovery", 1, 2, "Recovery crypto units."),
    ("failover", 0, 1, "Failover crypto units."),
    ("keys", 8, 50_000, "Keys in the key store."),
)
# What an instance is made of; the words are those of ``hil run`` as well.
KEYSTORE = (
    "Where keys are stored: a file (sqlite, the default), a PostgreSQL server of each instance, or the "
    "server at the URL."
)
MODULE_PROFILE = "TOML file that puts another PKCS#11 module than SoftHSM behind the crypto units."
_file: "pytest.StashKey[Path]" = pytest.StashKey()
_scenarios: "pytest.StashKey[tuple[Scenario, ...]]" = pytest.StashKey()
_evidence: "pytest.StashKey[SessionEvidence]" = pytest.StashKey()
_origin: "pytest.StashKey[Origin]" = pytest.StashKey()
_own_rig: "pytest.StashKey[OwnRig]" = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("hil", "HSM master-key rotation bench (hsm-hil)")
    group.addoption(
        "--hil-plan",
        type=Path,
        metavar="FILE",
        help="Run the scenarios of a plan that 'hil plan --out FILE' wrote, each as a test.",
    )
    group.addoption(
        "--hil-out",
        type=Path,
        metavar="DIR",
        help="Run directory for the evidence of the plan's scenarios.",
    )
    group.addoption(
        "--hil-backend",
        choices=("auto", "process", "docker"),
        default="auto",
        help="Crypto units as containers or as processes; auto takes containers where an engine answers.",
    )
    group.addoption("--hil-keystore", type=_keystore, metavar="sqlite|postgresql|URL", help=KEYSTORE)
    group.addoption("--hil-module-profile", type=Path, metavar="FILE", help=MODULE_PROFILE)
    for name, least, most, text in SIZES:
        group.addoption(f"--hil-{name}", type=_number(least, most), metavar=f"{least}-{most}", help=text)


def _number(least: int, most: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"'{text}' is no number from {least} to {most}")
        return int(text)

    return convert


def _keystore(text: str) -> str:
    from hil.targets.hpcs.rig.modules.equipment import keystore

    try:
        return keystore(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def pytest_configure(config: pytest.Config) -> None:
    """Read the plan and collect it; with it alone on the command line, it is all that is collected."""
    given: Path | None = config.getoption("hil_plan")
    if config.getoption("hil_module_profile"):
        _read_module(config)
    if given is None:
        if config.getoption("hil_out"):
            raise pytest.UsageError("--hil-out keeps the evidence of a plan; add --hil-plan FILE")
        return
    from hil.plugin.companions import refused

    timeouts = config.pluginmanager.hasplugin("timeout")
    method = timeouts and (config.getoption("timeout_method", None) or config.getini("timeout_method"))
    if why := refused(config.getoption("dist", "no"), config.getoption("forked", default=False), method):
        raise pytest.UsageError(why)
    file = (config.invocation_params.dir / given).resolve()
    scenarios = _read(file)
    config.stash[_file] = file
    config.stash[_scenarios] = scenarios
    config.stash[_origin] = _origin_of(config, file)
    if not hasattr(config, "workerinput"):  # of xdist: its reports come to the process that began it
        from hil.plugin.plan import Tried

        config.pluginmanager.register(Tried())
    _keep_evidence(config, scenarios)
    paths = config.args if config.args_source is pytest.Config.ArgsSource.ARGS else []
    named = any(_is(config.invocation_params.dir / path.partition("::")[0], file) for path in paths)
    config.args[:] = paths if named else [*paths, str(file)]


def _read(file: Path) -> "tuple[Scenario, ...]":
    from hil.engine.errors import BadRunDir
    from hil.engine.plan import read_plan
    from hil.targets.hpcs.operator import load

    try:
        scenarios = read_plan(file)
        for scenario in scenarios:
            load.builtin(scenario.procedure)
    except (BadRunDir, load.BadProcedure) as error:
        raise pytest.UsageError(f"--hil-plan: {error}") from error
    return scenarios


def _origin_of(config: pytest.Config, file: Path | None = None) -> "Origin":
    """Return what the plan was made for, or what the options ask for; they may not differ from a plan."""
    from dataclasses import replace

    from hil.engine.plan import Origin, read_origin
    from hil.targets.hpcs.play.profiles import PROFILES

    made = read_origin(file) if file else None
    origin = made or Origin("default", PROFILES["default"].shape)
    given = {name: config.getoption(f"hil_{name}") for name, *_ in SIZES}
    shape = replace(origin.shape, **{name: value for name, value in given.items() if value is not None})
    if made and shape != made.shape:
        raise pytest.UsageError(f"--hil-plan: {file} was made for {made}; leave units and keys out")
    return replace(origin, shape=shape)


def _wanted(config: pytest.Config) -> "Wanted":
    """Return what the options say that instances are made of."""
    from hil.targets.hpcs.rig.modules.equipment import Wanted

    profile: Path | None = config.getoption("hil_module_profile")
    file = config.invocation_params.dir / profile if profile else None
    return Wanted(config.getoption("hil_backend"), config.getoption("hil_keystore"), file)


def _read_module(config: pytest.Config) -> None:
    """Complain of a profile; its module is tried when the first test needs an instance."""
    from hil.targets.hpcs.rig.modules.profile import BadModule

    try:
        _wanted(config).read()
    except BadModule as error:
        raise pytest.UsageError(f"--hil-module-profile: {error}") from error


def _equipment(config: pytest.Config) -> "Equipment":
    """Return what the instances of a plan are made of; complain at once of what cannot be had here."""
    from hil.targets.hpcs.rig.layout import NoScratch
    from hil.targets.hpcs.rig.modules.equipment import Equipment
    from hil.targets.hpcs.rig.preflight import NotReadyHere

    wanted = _wanted(config)
    if wanted.keystore is None and wanted.module is None:
        return Equipment()
    try:
        return wanted.chosen()
    except (NotReadyHere, NoScratch) as error:
        raise pytest.UsageError(str(error)) from error


def _keep_evidence(config: pytest.Config, scenarios: "tuple[Scenario, ...]") -> None:
    """Open the run directory where one is asked for; under xdist the workers find it made and locked."""
    given: Path | None = config.getoption("hil_out")
    if config.getoption("collectonly"):
        return
    worker = hasattr(config, "workerinput")
    equipment = None if worker else _equipment(config)
    if given is None:
        return
    from hil.plugin.evidence import CannotKeep, SessionEvidence

    folder = config.invocation_params.dir / given
    try:
        made = equipment and SessionEvidence.make(folder, scenarios, config.stash[_origin], equipment)
    except CannotKeep as error:
        raise pytest.UsageError(f"--hil-out: {error}") from error
    config.stash[_evidence] = made or SessionEvidence(folder)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "pytest.Collector | None":
    """Collect the plan, and no other file."""
    file = parent.config.stash.get(_file, None)
    if file is None or not _is(file_path, file):
        return None
    from hil.plugin.plan import PlanFile

    config = parent.config
    keep = config.stash.get(_evidence, None)
    # The id of a file outside of the root folder would be empty.
    inside = file_path.is_relative_to(config.rootpath)
    collector: PlanFile = PlanFile.from_parent(
        parent,
        path=file_path,
        nodeid=file_path.relative_to(config.rootpath).as_posix() if inside else file_path.name,
        scenarios=config.stash[_scenarios],
        own_rig=_rig_of(config),
        evidence=keep,
    )
    return collector


def _is(path: Path, file: Path) -> bool:
    return path.name == file.name and path.resolve() == file


def _rig_of(config: pytest.Config) -> "OwnRig":
    """Return what makes this process' rig when it is needed."""
    from hil.plugin.ownrig import OwnRig
    from hil.targets.hpcs.boundaries.syscalls import is_system_call

    if _own_rig not in config.stash:
        origin = config.stash.get(_origin, None) or _origin_of(config)
        worker = getattr(config, "workerinput", {})  # xdist's
        run = f"pytest-{worker.get('testrunuid', uuid.uuid4().hex)[:8]}"
        name = worker.get("workerid", "main")
        faults = [fault for scenario in config.stash.get(_scenarios, ()) for fault in scenario.faults]
        watched = any(is_system_call(fault.event) for fault in faults)
        config.stash[_own_rig] = OwnRig(run, name, origin.shape, _wanted(config), watched=watched)
    return config.stash[_own_rig]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the rig and remove what it made, also after an interrupt."""
    own_rig = session.config.stash.get(_own_rig, None)
    if own_rig:
        own_rig.close()


@pytest.fixture
def _hil_desk(request: pytest.FixtureRequest) -> "Iterator[OperatorConsole]":
    from hil.plugin.desk import OperatorConsole
    from hil.targets.hpcs.rig.layout import NoScratch
    from hil.targets.hpcs.rig.preflight import NotReadyHere

    try:
        rig, golden = _rig_of(request.config).made()
    except (NotReadyHere, NoScratch) as error:
        pytest.fail(f"no rig: {error}", pytrace=False)
    desk = OperatorConsole(rig, golden)
    yield desk
    request.node.add_report_section("teardown", "hil transcript", "\n".join(desk.lines()))


@pytest.fixture
def hil_rig(_hil_desk: "OperatorConsole") -> "Rig":
    """An instance with relays on every boundary, in its golden state and running."""
    return _hil_desk.rig


@pytest.fixture
def hil_ledger(_hil_desk: "OperatorConsole") -> "Ledger":
    """What every key of the instance must give back."""
    return _hil_desk.golden.ledger


@pytest.fixture
def hil_operator(_hil_desk: "OperatorConsole") -> "Callable[..., Operator]":
    """``hil_operator(flow="auto", procedure="documented", crash="none")``: an operator at the instance.

    ``crash`` as in the id of a scenario: ``kms@C_WrapKey.6-after``, a ``~`` before what strikes the recovery.
    When a command has failed, what a crash has killed is started again before the next one is typed.
    """
    return _hil_desk.operator


@pytest.fixture
def hil_judge(_hil_desk: "OperatorConsole") -> "Callable[[], OracleJudgement]":
    """``hil_judge()``: what is left of the keys, by the oracle; NOT_FIRED where a crash did not happen."""
    return _hil_desk.judge
