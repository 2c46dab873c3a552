"""Command lines that are shown to people: each is one that ``hil`` accepts, and every command shows some."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from hil.cli import main
from hil.cli.commands import hil

ROOT = Path(__file__).resolve().parents[2]
HIL = Path(sys.executable).with_name("hil")
EXAMPLES = ROOT / "examples"
# What a pipeline puts in place of its variables.
VARIABLES = re.compile(r"\$\{\{ matrix\.\w+ \}\}|\$CI_NODE_\w+")


def _accept(command: click.Command, name: str, words: list[str], parent: click.Context | None = None) -> None:
    """Parse a command line as ``hil`` would, and run nothing; raises what click says is wrong with it."""
    with command.make_context(name, words, parent) as context:
        if isinstance(command, click.Group):
            rest = [*context._protected_args, *context.args]
            sub, found, rest = command.resolve_command(context, rest)
            assert sub
            assert found
            _accept(found, sub, rest, context)


def _commands(group: click.Group, path: str = "hil") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")


def _steps(value: Any) -> Iterator[str]:  # noqa: ANN401  unchecked YAML
    """Yield the shell lines of a pipeline: ``run`` of GitHub, ``script`` of GitLab."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("run", "script", "before_script"):
                yield from inner.splitlines() if isinstance(inner, str) else inner
            else:
                yield from _steps(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _steps(inner)


def _lines(file: Path) -> list[str]:
    """Return the command lines of ``hil`` in a pipeline, with a number for each variable."""
    steps = [part.strip() for step in _steps(yaml.safe_load(file.read_text())) for part in step.split("&&")]
    return [VARIABLES.sub("4", step) for step in steps if step.startswith(".venv/bin/hil ")]


COMMANDS = dict(_commands(hil))


@pytest.fixture(autouse=True)
def _files_that_examples_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be where the files are that a command opens as soon as it has read its arguments."""
    for name in ("transcript.txt", "registers.txt", "session.log"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_examples(name: str) -> None:
    """The help of every command ends with examples of it, and ``hil`` accepts each of them."""
    epilog = COMMANDS[name].epilog or ""
    shown = re.findall(r"\bhil (?:[^\"|<>)\n]|'[^']*')*", epilog)
    assert shown, f"{name} --help has no example"
    for example in shown:
        _accept(hil, "hil", shlex.split(example)[1:])


@pytest.mark.parametrize("file", ["github-actions.yml", "gitlab-ci.yml"])
def test_pipelines(file: str) -> None:
    """The example pipelines plan, play shards and merge them, by command lines that are accepted."""
    lines = _lines(EXAMPLES / file)
    used = [shlex.split(line)[1] for line in lines]
    assert used == ["doctor", "plan", "run", "merge"]
    for line in lines:
        _accept(hil, "hil", shlex.split(line)[1:])


@pytest.mark.parametrize("file", ["github-actions.yml", "gitlab-ci.yml"])
def test_shards_and_parts_fit(file: str) -> None:
    """As many parts are merged as there are shards, and from where these were written."""
    pipeline = yaml.safe_load((EXAMPLES / file).read_text())
    *_, run, merge = map(shlex.split, _lines(EXAMPLES / file))
    merged = [word for word in merge if word.startswith("runs/part-")]
    if "jobs" in pipeline:
        shards = pipeline["jobs"]["play"]["strategy"]["matrix"]["shard"]
    else:
        shards = list(range(1, pipeline["play"]["parallel"] + 1))
    assert merged == [f"runs/part-{shard}" for shard in shards]
    assert run[run.index("--shard") + 1] == f"4/{len(shards)}"
    assert run[run.index("--out") + 1] == "runs/part-4"


def test_a_wrong_line_would_be_seen() -> None:
    """The parsing that these tests rest on refuses an option that does not exist."""
    with pytest.raises(click.NoSuchOption):
        _accept(hil, "hil", ["run", "--frobnicate"])


def test_readme() -> None:
    """The command lines of README's shell blocks are accepted."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    lines = [line.partition("  #")[0] for block in blocks for line in block.splitlines()]
    shown = [shlex.split(line) for line in lines if re.match(r"(\.venv/bin/)?hil ", line)]
    assert len(shown) > 3
    for words in shown:
        _accept(hil, "hil", words[1:])


def test_completion_in_bash() -> None:
    """A bash that has read the script completes commands and options of ``hil``."""
    script = (
        f'PATH={HIL.parent}:"$PATH"; eval "$(hil completion bash)"; '
        'COMP_WORDS=(hil "$@"); COMP_CWORD=$#; _hil_completion hil; echo "${COMPREPLY[*]}"'
    )

    def completed(*words: str) -> list[str]:
        ran = subprocess.run(
            ["bash", "-c", script, "bash", *words], capture_output=True, text=True, timeout=60
        )
        assert ran.returncode == 0, ran
        return ran.stdout.split()

    assert completed("rep") == ["replay", "report"]
    assert "--profile" in completed("run", "--p")
    assert completed("run", "--backend", "d") == ["docker"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(capfd: pytest.CaptureFixture[str], shell: str) -> None:
    """Each shell has a script that asks ``hil`` under the name that it answers to."""
    assert main(["completion", shell]) == 0
    assert f"_HIL_COMPLETE={shell}_complete" in capfd.readouterr().out
