"""The bench's side of the warm parent of the units, which is zygote.py."""

import json
import select
import subprocess
import sys
from pathlib import Path

from hsm_emulator.wire.unixhttp import Json

START_SECONDS = 10.0


class Zygote:
    """The warm parent of the units; see zygote.py."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("zygote.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def _ask(self, order: Json) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
        assert ready, "the parent of the units does not answer"
        return int(self._process.stdout.readline())

    def start(self, argv: list[str], log: Path) -> int:
        """Start a unit and return its pid."""
        return self._ask({"argv": argv, "log": str(log)})

    def wait(self, pid: int) -> int:
        """Wait for the end of a unit; return its exit code, negative for a signal."""
        return self._ask({"wait": pid})

    def close(self) -> None:
        """End the parent."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=START_SECONDS)
        self._process.stdout.close()
