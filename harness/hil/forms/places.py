"""On which line of a TOML file a key or an element stands, for complaints that name the line.

The parser of the standard library tells no positions. This walks over a text that it has accepted, so it
checks nothing, and understands as much as is needed to find keys: headers, dotted keys, strings, arrays,
inline tables, comments.
"""

import re
import tomllib
from collections.abc import Mapping

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[\s]|#[^\n]*)*")
_KEY = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'|[\w-]+")
_STRING = re.compile(
    r"\"\"\"(?:\\.|[^\\])*?\"\"\"\"{0,2}|'''.*?''''{0,2}|\"(?:\\.|[^\"\\])*\"|'[^']*'", re.DOTALL
)
_PLAIN = re.compile(r"\d{4}-\d\d-\d\d \d\d:[^\s,\]}#]*|[^\s,\]}#]+")


def places(text: str) -> Mapping[Path, int]:
    """Return the line, from 1, of every table, key and element; ``text`` is valid TOML."""
    walk = _Walk(text)
    walk.document()
    return walk.lines


def line_of(lines: Mapping[Path, int], path: Path) -> int:
    """Return the line of what a path names, or of the nearest thing around it; 1 is the beginning."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


class _Walk:
    """Goes through a text once; ``lines`` fills up on the way."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._text = text
        self._at = 0
        self._last: dict[Path, int] = {}  # of each array of tables, the number of its latest one

    def document(self) -> None:
        """Read headers and the keys below each of them."""
        table: Path = ()
        while self._skip():
            if self._take("[["):
                table = self._element(self._keys())
                self._take("]]")
            elif self._take("["):
                table = self._known(self._keys())
                self.lines.setdefault(table, self._line())
                self._take("]")
            else:
                self._pair(table)

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = (*table, *self._keys())
        for length in range(len(table) + 1, len(path) + 1):
            self.lines.setdefault(path[:length], line)
        self._take("=")
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip()
        if self._take("{"):
            while self._skip() and not self._take("}"):
                self._pair(path)
                self._take(",")
        elif self._take("["):
            number = 0
            while self._skip() and not self._take("]"):
                self.lines[*path, number] = self._line()
                self._value((*path, number))
                self._take(",")
                number += 1
        else:
            self._match(_STRING) or self._match(_PLAIN)

    def _keys(self) -> tuple[str, ...]:
        keys = []
        while token := self._match(_KEY):
            keys.append(next(iter(tomllib.loads(f"{token} = 0"))))
            if not self._take("."):
                break
        return tuple(keys)

    def _known(self, keys: tuple[str, ...]) -> Path:
        """Return the path of a table; of an array of tables its latest one is meant."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            if path in self._last:
                path = (*path, self._last[path])
        return path

    def _element(self, keys: tuple[str, ...]) -> Path:
        array = (*self._known(keys[:-1]), keys[-1])
        self._last[array] = self._last.get(array, -1) + 1
        path = (*array, self._last[array])
        self.lines.setdefault(array, self._line())
        self.lines[path] = self._line()
        return path

    def _skip(self) -> bool:
        """Go past blanks and comments; False at the end of the text."""
        self._match(_BLANK)
        return self._at < len(self._text)

    def _take(self, sign: str) -> bool:
        self._skip()
        if not self._text.startswith(sign, self._at):
            return False
        self._at += len(sign)
        return True

    def _match(self, pattern: re.Pattern[str]) -> str:
        """Go past what matches here; without blanks before it only for the blanks themselves."""
        if pattern is not _BLANK:
            self._skip()
        found = pattern.match(self._text, self._at)
        if not found:
            return ""
        self._at = found.end()
        return found[0]

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1
