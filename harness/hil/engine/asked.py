"""probes.json: what the probes of a campaign found, kept when they were asked; campaign.json repeats it."""

import json
from collections.abc import Iterable
from pathlib import Path

from hil.engine import space
from hil.engine.errors import BadRunDir
from hil.engine.rundir import Record
from hil.model.probe import Probe
from hsm_emulator import durable

FILE = "probes.json"


def keep(folder: Path, probes: Iterable[Probe]) -> None:
    """Write the file anew into a run directory."""
    with space.raising_no_space(folder, "choose another --out"):
        durable.replace_json(folder / FILE, [probe.record() for probe in probes], 0o644)


def kept(folder: Path) -> list[Record] | None:
    """Return what was kept, None where nothing was; raises BadRunDir."""
    file = folder / FILE
    try:
        return [dict(probe) for probe in json.loads(file.read_text())]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadRunDir(f"{file}: {error.strerror}") from error
    except (TypeError, ValueError) as error:
        raise BadRunDir(f"{file} is damaged: {error}") from error
