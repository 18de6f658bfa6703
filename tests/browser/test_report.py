"""The report as a browser has it: it can be read, pointed at, walked through, and needs nothing else."""

from __future__ import annotations

import pytest
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.unit.drill.recordings import DEAD
from tests.unit.report.results import result

EVS = result().picture.evs
HIT = next(number for number, ev in enumerate(EVS) if len(ev.spans) > 1)


def tip(browser: Chrome) -> WebElement:
    return browser.find_element(By.ID, "tip")


def row(browser: Chrome, number: int) -> WebElement:
    return browser.find_element(By.ID, f"strip-ev-{number}")


def test_the_verdict_comes_first(browser: Chrome, page: str) -> None:
    """The first thing on the page is the verdict, within the first screen, and the console stays silent."""
    browser.get(page)
    verdict = browser.find_element(By.ID, "verdict")
    assert "passed" == verdict.text
    assert browser.find_element(By.TAG_NAME, "body").text.startswith("passed")
    assert verdict.rect["y"] + verdict.rect["height"] < 900
    assert [] == browser.get_log("browser")


def test_an_ev_under_the_pointer_tells_its_story(browser: Chrome, page: str) -> None:
    """Pointing at an EV's row shows its walk and its states; pointing elsewhere takes that away."""
    browser.get(page)
    assert not tip(browser).is_displayed()
    ActionChains(browser).scroll_to_element(row(browser, HIT)).move_to_element(row(browser, HIT)).perform()
    told = tip(browser).text
    assert f"h0 › p0-t0-0 › p0-t1-1 › p0-t0-1 › h3; EV {DEAD:#010x}, plane 0; GOOD from 0 ms" in told
    assert "ASSUMED_BAD from 403.000 ms (loss inferred)" in told
    ActionChains(browser).move_to_element(browser.find_element(By.TAG_NAME, "h2")).perform()
    assert not tip(browser).is_displayed()
    assert [] == browser.get_log("browser")


def test_rows_are_walked_with_arrow_keys(browser: Chrome, page: str) -> None:
    """The rows are one stop of the tab key; arrows go from one to the next, and each tells its story."""
    browser.get(page)
    rows = browser.find_elements(By.CSS_SELECTOR, ".row")
    assert len(EVS) == len(rows)
    assert 1 == len(browser.find_elements(By.CSS_SELECTOR, '.row[tabindex="0"]'))
    browser.execute_script("arguments[0].focus()", rows[0])
    for at in (1, 2):
        ActionChains(browser).send_keys(Keys.ARROW_DOWN).perform()
        assert rows[at] == browser.switch_to.active_element
        assert rows[at].get_attribute("data-tip") == tip(browser).text
    ActionChains(browser).send_keys(Keys.ESCAPE).perform()
    assert not tip(browser).is_displayed()


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_light_and_dark(browser: Chrome, page: str, scheme: str, dark: bool) -> None:
    """The page has the colours that the reader's desk asks for; paper is white in any case."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.get(page)
    assert dark == (_lightness(browser, "document.body", "backgroundColor") < 128)
    assert dark == (
        _lightness(browser, "document.querySelector('#t0-text_1 text, #t0-figure_1 text')", "fill") > 128
    )
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": [feature]})
    assert 255 == _lightness(browser, "document.body", "backgroundColor")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def _lightness(browser: Chrome, element: str, colour: str) -> int:
    """The green of a computed colour, 0 to 255."""
    found: str = browser.execute_script(f"return getComputedStyle({element}).{colour}")
    return int(found.removeprefix("rgb(").split(",")[1])


def test_it_fits_a_narrow_window(browser: Chrome, page: str) -> None:
    """On a narrow screen drawings scroll by themselves; the page does not."""
    browser.get(page)
    size = {"width": 420, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        assert 420 >= browser.execute_script("return document.documentElement.scrollWidth")
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
