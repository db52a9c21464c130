"""A real Chromium without a window, that tells every request it makes and every complaint of its console."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
MISSING = "no Chromium here: install Debian's packages chromium and chromium-driver"
#: In CI, which installs it, such a test fails where it is missing.
needs_chromium = pytest.mark.skipif(not (CHROMIUM and DRIVER) and "CI" not in os.environ, reason=MISSING)


class Browser:
    """One page in it, and what it did."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver
        self._log: Callable[[str], list[dict[str, Any]]] = driver.get_log

    def open(self, page: Path) -> None:
        """Open a file; what an earlier one did is forgotten."""
        self.driver.get("about:blank")
        self._log("browser")
        self._log("performance")
        self.driver.get(page.as_uri())

    def ask(self, script: str, *arguments: object) -> Any:
        """Run a script in the page, and give what it returns."""
        return self.driver.execute_script(script, *arguments)

    def complaints(self) -> list[str]:
        """Give what the console was told since last time: violations of the policy, errors of scripts."""
        return [entry["message"] for entry in self._log("browser")]

    def requests(self) -> list[str]:
        """Give the address of every request since last time."""
        messages = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        return [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]

    def cells(self, column: str) -> list[str]:
        """Read a column of the rows on show."""
        texts: list[str] = self.ask(
            "return [...document.querySelectorAll(`#records tbody td.${arguments[0]}`)].map((one) => one.textContent)",
            column,
        )
        return texts

    @property
    def info(self) -> str:
        """What the page says about how much of the table is on show."""
        return str(self.ask("return document.querySelector('#info').textContent"))


@contextmanager
def opened(profile: Path) -> Iterator[Browser]:
    """Start a browser with a profile of its own."""
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    assert CHROMIUM, MISSING
    assert DRIVER, MISSING
    options = ChromeOptions()
    options.binary_location = CHROMIUM
    flags = ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", f"user-data-dir={profile}")
    for flag in (*flags, "window-size=1280,900"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=ChromeService(DRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
