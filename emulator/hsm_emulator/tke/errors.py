class Failed(Exception):
    """A command failed or was refused; ``lines`` are what the operator reads under FAILED."""

    def __init__(self, *lines: str) -> None:
        super().__init__(" ".join(lines))
        self.lines = lines


class Usage(Exception):
    """The command line or its environment is wrong; the text says in one line what to type instead."""
