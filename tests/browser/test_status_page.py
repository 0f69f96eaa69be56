"""The status page as a person meets it: log in, see what runs, without a mouse, in light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.driving import log_in, wait_for
from tests.e2e.harness import Gateway, python_server, running_gateway
from tests.e2e.wire import Legacy

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(180), pytest.mark.xdist_group("browser")]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    servers = {"echo": python_server("echo.py"), "broken": {"command": "/nowhere/at/all"}}
    with running_gateway(tmp_path, servers=servers) as running:
        running.wait_ready("echo")
        with Legacy(running.url, running.token, agent="browser-agent", run="browser-run") as client:
            client.call("echo__echo", {"text": "hi"})
        yield running


def test_a_person_sees_servers_reasons_calls_and_tools_after_logging_in(
    browser: webdriver.Chrome, gateway: Gateway
) -> None:
    log_in(browser, gateway)
    text = wait_for(browser, "browser-agent")
    assert "echo" in text
    assert "ready" in text
    assert "/nowhere/at/all" in text
    assert "echo__echo" in text
    assert f"http://127.0.0.1:{gateway.port}/mcp" in text
    assert [
        entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE" and "401" not in entry["message"]
    ] == []


def test_a_wrong_token_is_refused_and_nothing_is_shown(browser: webdriver.Chrome, gateway: Gateway) -> None:
    log_in(browser, gateway, "not-the-token")
    assert "echo__echo" not in wait_for(browser, "not the admin token")


def test_the_page_follows_what_happens_without_being_reloaded(browser: webdriver.Chrome, gateway: Gateway) -> None:
    log_in(browser, gateway)
    wait_for(browser, "browser-agent")
    with Legacy(gateway.url, gateway.token, agent="a-later-agent", run="r") as client:
        client.call("echo__echo", {"text": "later"})
    assert "later" in wait_for(browser, "a-later-agent")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_light_and_dark(browser: webdriver.Chrome, gateway: Gateway, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    log_in(browser, gateway)
    wait_for(browser, "browser-agent")
    style = "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
    ink, paper = (brightness(colour) for colour in browser.execute_script(style))
    assert (ink < paper) == (scheme == "light")
    assert abs(ink - paper) > 120


def brightness(colour: str) -> float:
    """Perceived brightness, 0 to 255, of `rgb(r, g, b)`."""
    red, green, blue = (float(part) for part in colour.partition("(")[2].rstrip(")").split(",")[:3])
    return 0.299 * red + 0.587 * green + 0.114 * blue


@pytest.mark.parametrize("width", [1280, 420])
def test_every_column_of_the_servers_is_in_sight(browser: webdriver.Chrome, gateway: Gateway, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    log_in(browser, gateway)
    wait_for(browser, "echo")
    wide = "const w = document.querySelector('#servers .wide'); return [w.scrollWidth - w.clientWidth, w.clientHeight]"
    beyond, height = browser.execute_script(wide)
    assert beyond <= 0
    assert height < 600  # two servers, none of them a page tall
    assert "/nowhere/at/all" in wait_for(browser, "echo")


def test_logging_out_works_from_the_page(browser: webdriver.Chrome, gateway: Gateway) -> None:
    log_in(browser, gateway)
    wait_for(browser, "browser-agent")
    browser.find_element(By.CSS_SELECTOR, "form[action='/ui/logout'] button").send_keys(Keys.ENTER)
    wait_for(browser, "Admin token")
    browser.get(f"http://127.0.0.1:{gateway.port}/ui")
    assert "browser-agent" not in wait_for(browser, "Admin token")
