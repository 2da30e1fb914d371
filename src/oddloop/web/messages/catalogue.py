"""Texts by key, in a file per language: `en.toml`, `ja.toml`.

A key is a path in the file, `overview.title`. A text may have `{placeholders}`; where it says something else of one
thing than of many, it is a table with `one` and `other`, chosen by the placeholder `n`.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

Text = str | Mapping[str, str]


@dataclass(frozen=True)
class Messages:
    """The texts of one language.

    >>> messages = Messages("en", {"picks": {"one": "{n} pick", "other": "{n} picks"}})
    >>> messages("picks", n=1), messages("picks", n=2000)
    ('1 pick', '2,000 picks')
    """

    lang: str
    texts: Mapping[str, Text]

    def __call__(self, key: str, **values: Any) -> str:
        """The text of a key; whole numbers get their thousands parted.

        Raises:
            KeyError: there is no such text, or a placeholder without a value.
        """
        text = self.texts[key]
        if not isinstance(text, str):
            text = text["one" if values["n"] == 1 and "one" in text else "other"]
        return text.format_map({name: _shown(value) for name, value in values.items()})

    def known(self, key: str, default: str) -> str:
        """The text of a key that is data, such as a status; the default where nobody has translated it."""
        text = self.texts.get(key, default)
        return text if isinstance(text, str) else default


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


@functools.cache
def load_messages(lang: str) -> Messages:
    """The texts of a language that there is a file of."""
    raw = tomllib.loads(resources.files(__package__).joinpath(f"{lang}.toml").read_text("utf-8"))
    return Messages(lang, dict(_flat(raw)))


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Text]]:
    found: list[tuple[str, Text]] = []
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, str) or ("other" in value and set(value) <= {"one", "other"}):
            found.append((key, value))
        else:
            found += _flat(value, f"{key}.")
    return found
