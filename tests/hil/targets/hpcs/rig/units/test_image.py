"""The name of the unit image."""

import ast
import shutil
from pathlib import Path

import pytest

from hil.targets.hpcs.rig.units import image


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what goes into the image."""
    for path in {path for pattern in image.INPUTS for path in image.CHECKOUT.glob(pattern)}:
        copy = tmp_path / path.relative_to(image.CHECKOUT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    return tmp_path


def test_same_inputs_same_name(checkout: Path) -> None:
    """The place of the checkout does not matter, nor does what the image does not hold."""
    (checkout / "emulator" / "hsm_emulator" / "kms").mkdir()
    (checkout / "emulator" / "hsm_emulator" / "kms" / "store.py").write_text("changed")
    assert image.name(checkout) == image.name()


@pytest.mark.parametrize(
    "changed", ["docker/Dockerfile", "docker/base.sh", "emulator/hsm_emulator/unit/token.py"]
)
def test_changed_input_changes_the_name(checkout: Path, changed: str) -> None:
    """Each input counts, so an image with this name is never stale."""
    before = image.name(checkout)
    with (checkout / changed).open("a") as stream:
        stream.write("#\n")
    assert image.name(checkout) != before


def test_new_module_changes_the_name(checkout: Path) -> None:
    """A file that is added to the firmware counts too."""
    before = image.name(checkout)
    (checkout / "emulator" / "hsm_emulator" / "unit" / "added.py").touch()
    assert image.name(checkout) != before


def test_bench_inside_is_whole() -> None:
    """The image holds what the first process of a container imports of the bench, and nothing else."""
    wanted, found = ["hil.targets.hpcs.rig.zygote.contained"], set[str]()
    while wanted:
        parts = wanted.pop().split(".")
        for path in (
            "/".join(parts) + ".py",
            *("/".join(parts[:n]) + "/__init__.py" for n in range(1, len(parts))),
        ):
            if path not in found and (image.CHECKOUT / "harness" / path).is_file():
                found.add(path)
                tree = ast.parse((image.CHECKOUT / "harness" / path).read_bytes())
                wanted += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert found == set(image.BENCH)
