"""A page opened in a real browser, with everything watched that a page without a network must not do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from deploy.local.chromium import fetch_chromium

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LOOKING = Path(__file__).with_name("looking.js").read_text()
WIDE, NARROW = 1280, 400


class Opened(NamedTuple):
    """The page; what it said on the console or threw; what it asked for beside itself."""

    page: Page
    said: list[str]
    asked: list[str]


@contextmanager
def running() -> Iterator[Browser]:
    """The fetched Chromium, headless."""
    chromium = fetch_chromium()
    environment: dict[str, Any] = {**os.environ, **chromium.environment}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.program, args=[*FLAGS], env=environment)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, path: Path, width: int = WIDE, **context: Any) -> Iterator[Opened]:
    """``path`` opened from the disk, with reduced motion unless ``context`` says otherwise.

    Scripts of tests find `window.looking` (looking.js) in it.
    """
    settings = {"reduced_motion": "reduce", "viewport": {"width": width, "height": 900}, **context}
    here = browser.new_context(**settings)
    page = here.new_page()
    found = Opened(page, [], [])
    page.on("console", lambda message: found.said.append(message.text))
    page.on("pageerror", lambda error: found.said.append(str(error)))
    page.on("dialog", lambda dialog: found.said.append(dialog.message))
    page.on("request", lambda request: found.asked.append(request.url))
    page.goto(path.as_uri())
    found.asked.remove(path.as_uri())
    page.evaluate(LOOKING)
    yield found
    here.close()
