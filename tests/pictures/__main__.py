"""`python -m tests.pictures`: makes the pictures of README and docs again, of runs in the sandbox.

It takes Chromium for the page, LibreOffice and pdftoppm for the workbook. Look at them before they are committed.
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
SIZE = "1280,960"  # down to the first rows
#: Beside the samples' good rows, so that something is to be mended.
JULY = """\
schedule_id,shadowable_id,shadow_user_id,starts_at,ends_at,timezone
a56d5989-eb30-481b-b7ab-f424fa655cd5,106,101,2027-07-05 09:00,2027-07-05 17:00,Europe/Berlin
a56d5989-eb30-481b-b7ab-f424fa655cd5,106,101,2027-07-06 17:00,2027-07-06 09:00,Europe/Berlin
a56d5989-eb30-481b-b7ab-f424fa655cd5,106,101,06/07/2027 09:00,2027-07-06 17:00,Europe/Berlin
sandbox-404,106,101,2027-07-08 09:00,2027-07-08 17:00,Europe/Berlin
"""
#: What a team lead gets back: one row for each thing that can be wrong.
ROTA = """\
Team,Schedule,On call user,Trainee,Start,End,Timezone,Note
Payments,Payments primary,Anna Berg,Ben Osei,2027-03-01 09:00,2027-03-01 17:00,Europe/Berlin,
Payments,Payments primary,Anna Berg,Chloe Martn,2027-03-02 09:00,2027-03-02 17:00,Europe/Berlin,
Payments,Paymnts primary,Anna Berg,Ben Osei,2027-03-03 09:00,2027-03-03 17:00,Europe/Berlin,
Payments,Payments primary,Anna Berg,,2027-03-04 09:00,2027-03-04 17:00,Europe/Berlin,who?
Search,Search primary,Dmitri Volkov,Emi Tanaka,2027-03-05 09:00,2027-03-04 17:00,Europe/Berlin,night shift
Search,Support weekend,Dmitri Volkov,Emi Tanaka,2027-03-06 09:00,2027-03-06 17:00,Europe/Berlin,
Search,Search primary,104,422,2027-03-07 09:00,2027-03-07 17:00,Europe/Berlin,
"""


def main() -> None:
    """Make them all."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        shutil.copy(ROOT / "samples" / "migration.xlsx", folder)
        (folder / "july.csv").write_text(JULY, encoding="utf-8")
        (folder / "rota.csv").write_text(ROTA, encoding="utf-8")
        variables = {"PATH": os.environ["PATH"], "HOME": name, "PYTHONPATH": str(ROOT)}
        sent = send([sys.executable, "-m", "importer", *ARGUMENTS], folder, COLUMNS, variables)
        (IMAGES / "console.svg").write_text(draw(f"oncall-importer {' '.join(ARGUMENTS)}", sent), encoding="utf-8")
        (page,) = folder.glob("reports/*/report.html")
        photograph(page, IMAGES / "report.png", folder / "profile")
        command = [sys.executable, "-m", "importer", "run", "rota.csv", "--sandbox", "--reports", "rota", "--quiet"]
        subprocess.run(command, cwd=folder, env=variables, capture_output=True, timeout=60, check=False)  # exits with 1
        (workbook,) = folder.glob("rota/*/report.xlsx")
        print_out(workbook, IMAGES / "to-mend.png", folder)
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


def print_out(workbook: Path, picture: Path, folder: Path) -> None:
    """Print the first page of a workbook as LibreOffice does."""
    own = f"-env:UserInstallation={(folder / 'office').as_uri()}"
    convert = ["soffice", "--headless", own, "--convert-to", "pdf", "--outdir", str(folder), str(workbook)]
    subprocess.run(convert, check=True, capture_output=True, timeout=120)
    cut = {"r": 110, "x": 35, "y": 50, "W": 1220, "H": 245}  # of a landscape page: the table, not the margins
    options = [word for name, value in cut.items() for word in (f"-{name}", str(value))]
    pages = ["pdftoppm", "-png", "-singlefile", *options, str(folder / "report.pdf"), str(picture.with_suffix(""))]
    subprocess.run(pages, check=True, timeout=60)


if __name__ == "__main__":
    main()
