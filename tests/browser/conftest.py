"""A real browser, headless."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver


def found(*names: str) -> str:
    """The first of these programs that is installed."""
    places = [place for name in names if (place := shutil.which(name))]
    assert places, f"this test needs {names[0]}: apt-get install chromium chromium-driver"
    return places[0]


@pytest.fixture(name="browser")
def _browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    """Chromium with a profile of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = found("chromium", "chromium-browser", "google-chrome")
    quiet = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,900", *quiet):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={tmp_path / 'profile'}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(found("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()
