"""A picture of report.html: python -P tests/browser/picture.py RUN_DIR FILE.png."""

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

from hil.engine.stored import Stored
from hil.report.html import page

SIZE = ViewportSize(width=1180, height=1150)


def take(run_dir: Path, picture: Path) -> None:
    """Write the top of the report of a run directory to a PNG file; nothing in the folder is changed."""
    program = shutil.which("chromium") or sys.exit("no Chromium on this machine; run: make browser")
    text = page.document(Stored.read(run_dir))
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=flags)
        shown = chromium.new_page(viewport=SIZE, color_scheme="light")
        shown.set_content(text)
        shown.screenshot(path=picture)
        chromium.close()


if __name__ == "__main__":
    take(*map(Path, sys.argv[1:3]))
