"""What every browser test does: log in, and wait for text."""

from __future__ import annotations

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.expected_conditions import presence_of_element_located
from selenium.webdriver.support.wait import WebDriverWait

from tests.e2e.harness import ADMIN_TOKEN, Gateway

PATIENCE_S = 30


def log_in(browser: webdriver.Chrome, gateway: Gateway, token: str = ADMIN_TOKEN) -> None:
    """Give the token to the login page."""
    browser.get(f"http://127.0.0.1:{gateway.port}/ui")
    field = WebDriverWait(browser, PATIENCE_S).until(
        presence_of_element_located((By.CSS_SELECTOR, "input[name=token]"))
    )
    field.send_keys(token, Keys.ENTER)


def shown(browser: webdriver.Chrome) -> str:
    """All text of the page, read in one step: elements found before a page change are stale after it."""
    return str(browser.execute_script("return document.body ? document.body.innerText : ''"))


def wait_for(browser: webdriver.Chrome, text: str) -> str:
    """Wait until the page shows a text, and return all it shows."""
    WebDriverWait(browser, PATIENCE_S).until(lambda b: text in shown(b), f"the page never showed {text!r}")
    return shown(browser)
