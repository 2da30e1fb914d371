"""Pages in the system's Chromium: what every page owes its reader, and pictures of it."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from web.web_server import make_app

CHROMIUM = Path("/usr/bin/chromium")
PICTURES = Path(__file__).parents[2] / "screenshots"
SIZES = {"phone": (390, 844), "desk": (1280, 900), "wall": (2560, 1440)}
# https://github.com/dequelabs/axe-core: "serious" and "critical" keep people out.
SEVERE = ("serious", "critical")

system = [
    pytest.mark.system,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser at {CHROMIUM}"),
]


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[str, FastAPI]]:
    """Address of a server over a workspace, and its application."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = make_app(folder, user="owner")
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", app
    server.should_exit = True
    thread.join(10)
    listener.close()


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@dataclass
class Reader:
    """Somebody with a browser who has come in by the printed address."""

    browser: Any
    base: str
    cookies: list[Any]

    @contextlib.contextmanager
    def opened(self, path: str, size: str = "desk", **options: Any) -> Iterator[Any]:
        """A page; afterwards: nothing was logged, nothing was asked of another host, nothing sticks out."""
        width, height = SIZES[size]
        context = self.browser.new_context(viewport={"width": width, "height": height}, **options)
        context.add_cookies(self.cookies)
        page = context.new_page()
        logged: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: logged.append(message.text))
        page.on("pageerror", lambda error: logged.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(self.base + path)
        yield page
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        context.close()
        assert logged == [], path
        assert [url for url in asked if not url.startswith((self.base, "data:", "blob:"))] == []


def enter(browser: Any, base: str, app: FastAPI) -> Reader:
    """Come in by the printed address."""
    context = browser.new_context()
    context.new_page().goto(f"{base}/?token={app.state.site.one_time.token}")
    cookies = context.cookies()
    context.close()
    return Reader(browser, base, cookies)


def picture(page: Any, path: str, *what: str) -> None:
    """Keep a picture of a page, for people to look at."""
    PICTURES.mkdir(exist_ok=True)
    name = re.sub(r"\W+", "-", path).strip("-") or "overview"
    page.screenshot(path=str(PICTURES / f"{'_'.join((name, *what))}.png"), full_page=True)


def severe_faults(page: Any) -> list[str]:
    """What keeps people with other eyes or hands out of the page, as axe-core finds it."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(page).response["violations"]
    return [f"{fault['id']}: {node['html']}" for fault in found if fault["impact"] in SEVERE for node in fault["nodes"]]
