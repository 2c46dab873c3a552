"""The rig of one pytest process: made when the first test needs it, gone when the session ends."""

from contextlib import ExitStack
from dataclasses import replace

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.play import benches, setup
from hil.targets.hpcs.rig.golden import Golden
from hil.targets.hpcs.rig.modules.equipment import AUTO, Wanted
from hil.targets.hpcs.rig.rig import Rig


class OwnRig:
    """A rig that no other process plays on, and the golden state that it is restored to.

    ``run`` and ``name`` label its containers: one run for all workers of a session, a name for each.
    ``watched``: faults wait for system calls.
    """

    def __init__(
        self, run: str, name: str, shape: sut.Shape, wanted: Wanted, *, watched: bool = False
    ) -> None:
        self.shape = shape
        self.wanted = wanted
        self._run = run
        self._name = name
        self._watched = watched
        self._made: tuple[Rig, Golden] | None = None
        self._failure: Exception | None = None
        self._undo = ExitStack()

    @property
    def again(self) -> tuple[str, ...]:
        """The options of ``hil replay`` for the same key store and module."""
        return replace(self.wanted, backend=AUTO).argv

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
        equipment = self.wanted.chosen(watched=self._watched)
        bench = self._undo.enter_context(benches.bench(equipment, self.shape, run=self._run))
        golden, _ = setup.prepare(bench, recorded=False)
        rig = bench.rig(self._name)
        self._undo.callback(rig.close)
        return rig, golden

    def close(self) -> None:
        """Stop everything and remove it."""
        self._undo.close()
