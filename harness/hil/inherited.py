"""What a process that the bench starts inherits, and how it starts an interpreter.

A shell carries much that changes what a program does: another OpenSSL, another SoftHSM, a PYTHONPATH, a
library that is loaded in front and lies about fsync. No verdict may rest on that, so only what is listed is
inherited. A PKCS#11 module or another system under test gets what it needs by its profile's ``environment``.

An interpreter would import from the current folder before anything else, and people have a ``token.py`` or a
``docker/`` there. So each is started with -P, on the file ``entry.py``, which takes modules from where the
bench itself has them.
"""

import os
import sys

# A star stands for the rest of a name.
INHERITED = (
    # where programs, libraries and files are
    *("PATH", "LD_LIBRARY_PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "HIL_TMP"),
    # language, time, terminal
    *("LANG", "LANGUAGE", "LC_*", "TZ", "TERM", "COLUMNS", "LINES"),
    # the engine, and the login at a PostgreSQL server that is there
    *("DOCKER_HOST", "PGPASSWORD", "PGPASSFILE", "PGSSL*"),
    # compiled modules, where somebody wants them elsewhere
    *("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"),
)
# What ``hil`` itself listens to: colours and encoding of its output, its runner, a shell that completes.
OF_HIL = (
    *("NO_COLOR", "PYTHONIOENCODING", "PYTHONUNBUFFERED", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"),
    *("_HIL_COMPLETE", "COMP_WORDS", "COMP_CWORD"),
)
UTF8, SAFE_PATH = "PYTHONUTF8", "PYTHONSAFEPATH"
ENTRY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "entry.py")  # noqa: PTH100, PTH118, PTH120 see settle

_outside: dict[str, str] = {}  # what this process was given and has laid aside


def environment(*names: str, **given: str) -> dict[str, str]:
    """Return the whole environment of a child: what is listed, ``names`` of the caller's, and ``given``."""
    everything = _outside | os.environ
    chosen = {name: value for name, value in everything.items() if _listed(name, (*INHERITED, *names))}
    return chosen | _interpreters() | given


def python(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs a module of the bench or the emulator in a new interpreter."""
    return [sys.executable, "-P", ENTRY, module, *arguments]


def settle() -> None:
    """Give this process, which is ``hil`` itself, such an environment.

    What an interpreter takes from its environment it has taken by now, so with that it begins again. For the
    same reason this module imports nothing that anybody could have put in the way.
    """
    acting = [name for name in os.environ if name.startswith("PYTHON") and not _harmless(name)]
    if acting:
        rest = {name: value for name, value in os.environ.items() if name not in acting}
        os.execve(sys.executable, python("hil", *sys.argv[1:]), rest)  # noqa: S606 no shell is wanted
    _outside.update(os.environ)
    for name in _outside:
        if not _listed(name, (*INHERITED, *OF_HIL)):
            del os.environ[name]
    os.environ.update(_interpreters())


def _interpreters() -> dict[str, str]:
    """What every interpreter is told, also one that a library starts: no current folder, and our encoding."""
    return {SAFE_PATH: "1"} | ({UTF8: "1"} if sys.flags.utf8_mode else {})


def _harmless(name: str) -> bool:
    known = _listed(name, (*INHERITED, *OF_HIL, SAFE_PATH))
    return known or (name == UTF8 and os.environ[name] == "1")


def _listed(name: str, patterns: tuple[str, ...]) -> bool:
    return any(
        name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern for pattern in patterns
    )
