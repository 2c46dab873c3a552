"""The little Markdown that reports need."""

from collections.abc import Iterable, Iterator, Mapping, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the lines of a table without the columns that are empty, and nothing where there are no rows."""
    cells = [tuple(map(str, row)) for row in rows]
    kept = [at for at in range(len(head)) if any(row[at] for row in cells)]
    if kept:
        yield _line([head[at] for at in kept])
        yield "|" + "---|" * len(kept)
        yield from (_line([row[at] for at in kept]) for row in cells)
        yield ""


def code(words: Iterable[str]) -> str:
    """Return words as code, one after the other."""
    return ", ".join(f"`{word}`" for word in words)


def counts(numbers: Mapping[str, int]) -> str:
    """Return ``12 RECOVERED, 1 STUCK``."""
    return ", ".join(f"{number} {name}" for name, number in sorted(numbers.items()))


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
