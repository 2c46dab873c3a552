"""The rig of one pytest process: made when the first test needs it, gone when the session ends."""

import shutil
from contextlib import ExitStack

from harness import sut
from harness.campaign import janitor, worker
from harness.campaign.worker import Bench
from harness.rig import preflight
from harness.rig.golden import Golden
from harness.rig.layout import scratch
from harness.rig.rig import Rig


class OwnRig:
    """A rig that no other process plays on, and the golden state that it is restored to.

    ``run`` and ``name`` label its containers: one run for all workers of a session, a name for each.
    """

    def __init__(self, run: str, name: str, shape: sut.Shape, backend: str) -> None:
        self.shape = shape
        self._run = run
        self._name = name
        self._backend = backend
        self._made: tuple[Rig, Golden] | None = None
        self._failure: Exception | None = None
        self._undo = ExitStack()

    def made(self) -> tuple[Rig, Golden]:
        """Return rig and golden state, made by the first call; where that failed, every call raises."""
        if self._failure:
            raise self._failure
        if self._made is None:
            try:
                self._made = self._make()
            except Exception as error:
                self._failure = error
                raise
        return self._made

    def _make(self) -> tuple[Rig, Golden]:
        image = preflight.choose_image(self._backend)
        root = scratch("hil-")
        bench = Bench(self._run, root, self.shape, image, root)
        self._undo.enter_context(janitor.post(root, bench.label))
        self._undo.callback(shutil.rmtree, root, ignore_errors=True)
        golden, _ = worker.prepare(bench, recorded=False)
        rig = bench.rig(self._name)
        self._undo.callback(rig.close)
        return rig, golden

    def close(self) -> None:
        """Stop everything and remove it."""
        self._undo.close()
