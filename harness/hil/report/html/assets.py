"""Style sheet and script: files of the package that stand in the page, named by hash in its policy."""

import base64
import hashlib
from functools import cache
from importlib.resources import files

STYLES = ("base.css", "matrix.css", "scenario.css")
SCRIPTS = ("dom.js", "data.js", "matrix.js", "lanes.js", "scenario.js", "main.js")


@cache
def style() -> str:
    """Return the style sheet."""
    return "\n".join(map(_text, STYLES))


@cache
def script() -> str:
    """Return the script: the files in one scope of their own, which nothing outside can reach."""
    return '(() => {\n"use strict";\n' + "\n".join(map(_text, SCRIPTS)) + "\n})();\n"


def policy() -> str:
    """Return the content security policy: nothing from anywhere but these two texts, and no text as HTML."""
    return (
        f"default-src 'none'; style-src '{_digest(style())}'; script-src '{_digest(script())}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _text(name: str) -> str:
    return files("hil.report.html").joinpath("assets", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
