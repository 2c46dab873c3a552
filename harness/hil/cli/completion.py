"""``hil completion``: what a shell needs to complete commands and options of ``hil``."""

import click
from click.shell_completion import get_completion_class

from hil.cli import options
from hil.model.verdicts import Exit

PROGRAM = "hil"


@click.command(
    epilog=options.examples(
        'eval "$(hil completion bash)"',
        'eval "$(hil completion zsh)"',
        "hil completion fish > ~/.config/fish/completions/hil.fish",
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print the completion script of a shell."""
    kind = get_completion_class(shell)
    if kind is None:
        raise AssertionError
    variable = f"_{PROGRAM.upper()}_COMPLETE"  # under which click looks for a question
    print(kind(context.find_root().command, {}, PROGRAM, variable).source())
    return Exit.AS_DOCUMENTED


COMMANDS = (completion,)
