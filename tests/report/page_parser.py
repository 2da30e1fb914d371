"""What a test wants to know of a page: headings, tables, scripts, and everything that a browser would fetch."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

_FETCHING = {"src", "srcset", "poster", "data", "action", "formaction", "background", "ping", "manifest"}
_VOID = {"meta", "link", "input", "br", "img", "wbr"}


@dataclass
class Page:
    """The parts of a page, in document order."""

    headings: list[tuple[str, str]] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    captions: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    islands: dict[str, str] = field(default_factory=dict)
    scripts: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    text: str = ""
    unclosed: list[str] = field(default_factory=list)

    def table_rows(self, table_id: str) -> int:
        """Rows in the body of a table."""
        return self.rows.get(table_id, 0)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.open: list[tuple[str, dict[str, str]]] = []
        self.table = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if "id" in values:
            self.page.ids.append(values["id"])
        if tag == "a":
            self.page.links.append(values.get("href", ""))
        self.page.fetched += [
            value for name, value in values.items() if name in _FETCHING and not name.startswith("data-")
        ]
        if tag == "link":
            self.page.fetched.append(values.get("href", ""))
        self.page.styles += [values["style"]] if "style" in values else []
        if tag == "table":
            self.table = values.get("id", "")
        if tag == "tr" and any(name == "tbody" for name, _ in self.open):
            self.page.rows[self.table] = self.page.rows.get(self.table, 0) + 1
        if tag not in _VOID:
            self.open.append((tag, values))
            self._start_text(tag, values)

    def _start_text(self, tag: str, values: dict[str, str]) -> None:
        if tag in ("h1", "h2", "h3"):
            self.page.headings.append((tag, ""))
        if tag == "caption":
            self.page.captions.append("")
        if values.get("class") == "absent":
            self.page.absent.append("")

    def handle_endtag(self, tag: str) -> None:
        last, _ = self.open.pop()
        if last != tag:
            self.page.unclosed.append(f"{last} closed by {tag}")

    def handle_data(self, data: str) -> None:
        tag, values = self.open[-1] if self.open else ("", {})
        if tag == "script" and values.get("type") == "application/json":
            self.page.islands[values["id"]] = data
        elif tag == "script":
            self.page.scripts.append(data)
        elif tag == "style":
            self.page.styles.append(data)
        else:
            self._add_text(data, {name for name, _ in self.open}, [v.get("class") for _, v in self.open])

    def _add_text(self, data: str, tags: set[str], classes: list[Any]) -> None:
        self.page.text += data
        if self.page.headings and tags & {"h1", "h2", "h3"}:
            tag, text = self.page.headings[-1]
            self.page.headings[-1] = (tag, text + data)
        if "caption" in tags:
            self.page.captions[-1] += data
        if "absent" in classes:
            self.page.absent[-1] += data


def parse(html: str) -> Page:
    """The page of a text of HTML."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    parser.page.unclosed += [tag for tag, _ in parser.open]
    return parser.page


def fetched_by_styles(page: Page) -> list[str]:
    """What the styles would fetch."""
    return [found for style in page.styles for found in re.findall(r"url\([^)]*\)|@import[^;]*", style)]
