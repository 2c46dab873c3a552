"""Identities of processes."""

import subprocess
import sys
from dataclasses import replace

import pytest

from hil.targets.hpcs.rig.process import owner


def test_this_process_lives() -> None:
    """A process knows itself, also after its identity went through a label."""
    assert owner.parse(str(owner.current())).may_live()


def test_ended_process_is_dead() -> None:
    """The identity that a process printed is dead when it has ended."""
    program = "from hil.targets.hpcs.rig.process import owner; print(owner.current())"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert not owner.parse(done.stdout).may_live()


def test_process_id_given_again_is_dead() -> None:
    """The same id with another start time, or on an earlier boot, is another process."""
    me = owner.current()
    assert not replace(me, started=me.started - 1).may_live()
    assert not replace(me, boot="earlier").may_live()


def test_other_id_space_may_live() -> None:
    """A process that cannot be seen from here is never called dead."""
    assert replace(owner.current(), space="pid:[1]", pid=999_999_999).may_live()


def test_label_of_someone_else_is_an_error() -> None:
    """What is no identity is not guessed at."""
    with pytest.raises(ValueError, match="unpack"):
        owner.parse("somebody")
