"""A person decides on the page, without a mouse, what agents asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.driving import log_in, wait_for
from tests.e2e.harness import Gateway, running_gateway
from tests.e2e.wire import Legacy
from tests.standins.running import running_smithery

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(180), pytest.mark.xdist_group("browser")]

ASK = '[install]\non_demand = "ask"\n[registry]\nenabled = false\n'


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway with a registry, where an agent has asked for a server."""
    with running_smithery() as smithery:
        environment = {
            "SMITHERY_BASE_URL": smithery.url,
            "SMITHERY_CONNECT_BASE_URL": smithery.url,
            "SMITHERY_API_KEY": smithery.key,
        }
        with running_gateway(tmp_path, config=ASK, environment=environment) as running:
            with Legacy(running.url, running.token, agent="wishful-agent", run="run-1") as agent:
                agent.call("gateway__install_server", {"name": "acme/weather-http"})
            yield running


def test_a_wish_is_approved_by_the_keyboard_and_its_server_appears(browser: webdriver.Chrome, gateway: Gateway) -> None:
    log_in(browser, gateway)
    assert "wishful-agent" in wait_for(browser, "acme/weather-http")
    button = browser.find_element(By.CSS_SELECTOR, "form[action$='/approve'] button")
    assert button.accessible_name == "approve acme/weather-http"
    button.send_keys(Keys.ENTER)
    wait_for(browser, "smithery:acme/weather-http as weather-http, ")
    wait_for(browser, "1 of 1 ready")
    assert browser.find_elements(By.CSS_SELECTOR, "form[action$='/approve']") == []
