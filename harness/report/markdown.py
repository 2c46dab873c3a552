"""The little Markdown that reports need."""

from collections.abc import Iterable, Iterator, Mapping, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the lines of a table, and nothing where there are no rows."""
    lines = [_line(row) for row in rows]
    if lines:
        yield _line(head)
        yield "|" + "---|" * len(head)
        yield from lines
        yield ""


def code(words: Iterable[str]) -> str:
    """Return words as code, one after the other."""
    return ", ".join(f"`{word}`" for word in words)


def counts(numbers: Mapping[str, int]) -> str:
    """Return ``12 RECOVERED, 1 STUCK``."""
    return ", ".join(f"{number} {name}" for name, number in sorted(numbers.items()))


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
