"""What ``hil up`` writes down, so that ``hil status`` and ``hil down`` find it again.

The ledger stands here too. It holds key bytes, which is why the instance's own processes never see this
folder's top level: their files are below ``files/``.
"""

import base64
import json
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.model.ledger import Known, Ledger
from hil.targets.hpcs.rig.layout import Layout
from hsm_emulator import durable

FILE = "hil.json"


class NoInstance(Exception):
    """The folder holds no instance that ``hil up`` has made."""


@dataclass(frozen=True)
class Record:
    """One instance by hand; ``owners`` maps process names to identities, ``image`` is empty for processes.

    ``server`` as in Layout; ``module``: name of the one behind the crypto units, empty for SoftHSM.
    """

    folder: Path
    sockets: Path
    run: str
    shape: sut.Shape
    image: str
    ledger: Ledger
    owners: dict[str, str]
    server: str = ""
    module: str = ""

    @property
    def layout(self) -> Layout:
        """Paths of the instance; its crypto units know by themselves what module they are on."""
        return Layout(self.folder / "files", self.sockets, self.server, name=self.run)

    def write(self) -> None:
        """Keep this record in the folder."""
        durable.replace_json(
            self.folder / FILE,
            {
                "sockets": str(self.sockets),
                "run": self.run,
                "shape": asdict(self.shape),
                "image": self.image,
                "server": self.server,
                "module": self.module,
                "ledger": _ledger_out(self.ledger),
                "owners": self.owners,
            },
        )

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the record of a folder; raises NoInstance."""
        try:
            value = json.loads((folder / FILE).read_text())
            return cls(
                folder,
                Path(value["sockets"]),
                value["run"],
                sut.Shape(**value["shape"]),
                value["image"],
                _ledger_in(value["ledger"]),
                value["owners"],
                value["server"],
                value["module"],
            )
        except (FileNotFoundError, NotADirectoryError) as error:
            told = f"no instance in {folder}; start one: hil up --dir {shlex.quote(str(folder))}"
            raise NoInstance(told) from error
        except (KeyError, TypeError, ValueError) as error:
            raise NoInstance(f"{folder / FILE} is damaged ({error}); remove {folder}") from error


def _ledger_out(ledger: Ledger) -> dict[str, Any]:
    rows = [
        asdict(row) | {"secret": _text(row.secret), "ciphertext": row.ciphertext and _text(row.ciphertext)}
        for row in ledger.rows
    ]
    return {"rows": rows, "master_key": _text(ledger.master_key), "destroyed": ledger.destroyed}


def _ledger_in(value: dict[str, Any]) -> Ledger:
    rows = tuple(
        Known(
            **row
            | {
                "secret": base64.b64decode(row["secret"]),
                "ciphertext": row["ciphertext"] and base64.b64decode(row["ciphertext"]),
            }
        )
        for row in value["rows"]
    )
    return Ledger(rows, base64.b64decode(value["master_key"]), value["destroyed"])


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
