"""One server's page as a person meets it: why it is down, what it said, and buttons that work without a mouse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.driving import log_in, wait_for
from tests.e2e.harness import Gateway, python_server, running_gateway

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(180), pytest.mark.xdist_group("browser")]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    servers = {"echo": python_server("echo.py"), "crasher": python_server("crasher.py", "--at", "start")}
    with running_gateway(tmp_path, servers=servers) as running:
        running.wait_ready("echo")
        yield running


def press(browser: webdriver.Chrome, order: str) -> None:
    """Press a button by the keyboard."""
    browser.find_element(By.CSS_SELECTOR, f"form[action$='/{order}'] button").send_keys(Keys.ENTER)


def test_a_dying_server_shows_its_ends_its_deaths_and_its_last_words(
    browser: webdriver.Chrome, gateway: Gateway
) -> None:
    log_in(browser, gateway)
    wait_for(browser, "crasher")
    browser.find_element(By.LINK_TEXT, "crasher").send_keys(Keys.ENTER)
    wait_for(browser, "Death log")
    wait_for(browser, "exited with status 3")
    assert "crasher: about to begin" in wait_for(browser, "lines of its stderr")
    wait_for(browser, "live")
    problems = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert [entry for entry in problems if "401" not in entry["message"]] == []


def test_a_server_is_stopped_and_started_by_the_keyboard(browser: webdriver.Chrome, gateway: Gateway) -> None:
    log_in(browser, gateway)
    wait_for(browser, "echo")
    browser.get(f"http://127.0.0.1:{gateway.port}/ui/servers/echo")
    wait_for(browser, "healthy")
    assert browser.find_element(By.CSS_SELECTOR, "form[action$='/stop'] button").accessible_name == "stop echo"
    press(browser, "stop")
    wait_for(browser, "stopped by request")
    press(browser, "start")
    wait_for(browser, "ready")
    gateway.wait_ready("echo")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_narrow_window_in_light_and_dark(
    browser: webdriver.Chrome, gateway: Gateway, scheme: str
) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    narrow = {"width": 400, "height": 900, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)
    log_in(browser, gateway)
    wait_for(browser, "echo")
    browser.get(f"http://127.0.0.1:{gateway.port}/ui/servers/echo")
    wait_for(browser, "Limits")
    width = browser.execute_script("return document.documentElement.scrollWidth")
    assert width <= 400
