"""`python -m tests.pictures`: makes docs/images/console.svg and docs/images/report.png again, of a run in the sandbox.

It takes Chromium for the second. Look at both before they are committed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .drawing import COLUMNS, draw
from .terminal import send

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
ARGUMENTS = ["run", "migration.xlsx", "july.csv", "--sandbox"]
SIZE = "1280,1150"  # down to the first rows
#: Beside the samples' good rows, so that something is to be mended.
JULY = """\
schedule_id,shadowable_id,shadow_user_id,starts_at,ends_at,timezone
a56d5989-eb30-481b-b7ab-f424fa655cd5,106,101,2027-07-05 09:00,2027-07-05 17:00,Europe/Berlin
a56d5989-eb30-481b-b7ab-f424fa655cd5,106,101,2027-07-06 17:00,2027-07-06 09:00,Europe/Berlin
a56d5989-eb30-481b-b7ab-f424fa655cd5,106,101,06/07/2027 09:00,2027-07-06 17:00,Europe/Berlin
sandbox-404,106,101,2027-07-08 09:00,2027-07-08 17:00,Europe/Berlin
"""


def main() -> None:
    """Make both."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        shutil.copy(ROOT / "samples" / "migration.xlsx", folder)
        (folder / "july.csv").write_text(JULY, encoding="utf-8")
        variables = {"PATH": os.environ["PATH"], "HOME": name, "PYTHONPATH": str(ROOT)}
        sent = send([sys.executable, "-m", "importer", *ARGUMENTS], folder, COLUMNS, variables)
        (IMAGES / "console.svg").write_text(draw(f"oncall-importer {' '.join(ARGUMENTS)}", sent), encoding="utf-8")
        (page,) = folder.glob("reports/*/report.html")
        photograph(page, IMAGES / "report.png", folder / "profile")
    for picture in sorted(IMAGES.iterdir()):
        print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size:,} bytes")


def photograph(page: Path, picture: Path, profile: Path) -> None:
    """Take a picture of the upper part of a page."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("no Chromium here: install Debian's package chromium")
    flags = ["headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "hide-scrollbars"]
    flags += [f"user-data-dir={profile}", f"window-size={SIZE}", "virtual-time-budget=5000", f"screenshot={picture}"]
    command = [chromium, *(f"--{flag}" for flag in flags), page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


if __name__ == "__main__":
    main()
