"""Names of files and folders that the bench does not take, said before anything is started.

Most signs are no trouble: blanks, quotes, #, %, ?, a dash in front, any script. But what is no UTF-8 cannot
stand in evidence and reports, and a line break or another control character tears a line that people and
scripts read, or steers a terminal.
"""

import os
import unicodedata
from pathlib import Path

INSTANCE_BYTES_MAX = 400  # SQLite opens no file with a path of more than 512, and keys lie some way below


def unfit(path: Path) -> str:
    """Return why a file or folder cannot be used under its name, its way there included; mostly nothing."""
    try:
        text = os.path.abspath(path)  # noqa: PTH100 - as it is written, without following links
    except FileNotFoundError:
        return "the current folder is not there any more; go to one that is"
    try:
        text.encode()
    except UnicodeEncodeError:
        return f"{text!a} is not UTF-8; use another name"
    if any(unicodedata.category(sign) in ("Cc", "Zl", "Zp") for sign in text):
        return f"{text!a} has a line break or another control character in it; use another name"
    return ""


def too_long(folder: Path) -> str:
    """Return why an instance cannot be in ``folder`` for the length of its path; mostly nothing."""
    length = len(os.fsencode(folder.absolute()))
    if length > INSTANCE_BYTES_MAX:
        return f"{str(folder)[:40]}… has {length} bytes, and {INSTANCE_BYTES_MAX} fit; choose a shorter --dir"
    return ""
