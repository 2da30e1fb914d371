"""Somebody new, who clicks on what they read: the worst gap and its verdict, a cluster named, a round approved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from oddloop.lake import Workspace
from oddloop.rounds.discovery import fold_names
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.state import DISCOVERY
from web.browsing import Reader, chromium, enter, serving, system

pytestmark = system
MOST_CLICKS = 11
"""As many as it takes today; a page that needs more is harder to use."""


@pytest.fixture
def reader(folder: Path) -> Iterator[Reader]:
    with serving(folder) as (base, app), chromium() as browser:
        yield enter(browser, base, app)


@dataclass
class Person:
    """Clicks on what can be read, and counts."""

    page: Any
    clicks: int = 0

    def click(self, role: str, name: str = "") -> None:
        wanted = {"name": name} if name else {}
        self.page.get_by_role(role, **wanted).first.click()
        self.page.wait_for_load_state()
        self.clicks += 1


def test_the_first_five_minutes(reader: Reader, folder: Path) -> None:
    with reader.opened("/") as page:
        somebody = Person(page)
        gap = page.locator(".cards h3 a").first
        name = gap.inner_text()
        gap.click()
        page.get_by_role("heading", level=1).get_by_text(name).wait_for()
        assert page.locator("#verdict").inner_text()
        assert page.get_by_text("What would change this:").is_visible()
        somebody.click("link", "Overview")
        somebody.click("link", "Name them")
        cluster = page.locator(".clusters h3 a").first
        cluster.click()
        somebody.click("link", "Name it and judge it")
        page.get_by_label("Name", exact=True).fill("tram crosses")
        somebody.click("button", "Record")
        page.get_by_role("heading", level=1).get_by_text("tram crosses").wait_for()
        somebody.click("link", "Overview")
        somebody.click("link", "Review them")
        somebody.click("link", "Finish the review…")
        somebody.click("checkbox")
        somebody.click("button", "Finish with")
        page.get_by_text("The review is over").wait_for()
        assert somebody.clicks + 2 <= MOST_CLICKS
    ledger = open_ledger(Workspace.open(folder))
    assert ledger.round("r002").status == "reviewed"
    assert [said.name for said in fold_names(ledger.events(DISCOVERY)).values()] == ["tram crosses"]
