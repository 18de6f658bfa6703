"""Debian's Chromium without a screen, driven by its own driver; tests are skipped where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from mrcnet.report.page import as_page
from tests.unit.report.results import result


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    """A browser that keeps its console, and asks nothing of any network."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no Chromium here: apt-get install chromium chromium-driver")
    options = ChromeOptions()
    options.binary_location = program
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.add_argument("--window-size=1200,900")
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = Chrome(options=options, service=Service(driver))
    try:
        yield browser
    finally:
        browser.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a report: a drill of two flows, one of whose EVs was out for a while."""
    file = tmp_path_factory.mktemp("report") / "report.html"
    Path(file).write_text(as_page(result()), encoding="utf-8")
    return file.as_uri()
