"""What stages and the ledger say in English, said in another language: by patterns, in a file per language.

Picks, verdicts and evidence are kept with the sentence that was said of them, and some of its numbers stand nowhere
else. So `sentences_<lang>.toml` holds English sentences with `{placeholders}`, and what each is in the language, as
gettext does. A placeholder whose name ends in `said` is a sentence itself; `(s)` may be there or not. The first pattern
that fits counts; what none fits stays English.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

_NESTED = "said"
_HOLE = re.compile(r"\{(\w+)\}|\(s\)")
_PLAIN = r"(?:(?![;:.] ).)+?"
"""What stands for a value: no end of a sentence, nor of a part of one, or a pattern would fit two of them."""
_REMEMBERED = 20_000


@dataclass(frozen=True)
class Pattern:
    """An English sentence with holes: what it must hold, what it looks like, and what it is in the language."""

    pieces: tuple[str, ...]
    looks: re.Pattern[str]
    other: str


class Sentences:
    """The sentences of one language.

    >>> told = Sentences({"{a_said}; {b_said}": "{a_said}、{b_said}", "{name} has {n} log(s)": "{name}: {n} ログ"})
    >>> told.find("rain has 1 log; fog has 2 logs"), told.find("never heard")
    ('rain: 1 ログ、fog: 2 ログ', None)
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._patterns = tuple(_read(english, other) for english, other in texts.items())
        self.find = functools.lru_cache(_REMEMBERED)(self._find)

    def _find(self, text: str) -> str | None:
        """The sentence in the language; None where no pattern fits."""
        for pattern in self._patterns:
            if all(piece in text for piece in pattern.pieces) and (match := pattern.looks.fullmatch(text)):
                values = {name: self._value(name, value) for name, value in match.groupdict().items()}
                if None not in values.values():
                    return pattern.other.format_map(values)
        return None

    def _value(self, name: str, value: str) -> str | None:
        return self.find(value) if name.endswith(_NESTED) else value


def _read(english: str, other: str) -> Pattern:
    looks, pieces, end = "", [], 0
    for hole in _HOLE.finditer(english):
        piece = english[end : hole.start()]
        pieces.append(piece)
        looks += re.escape(piece) + (_value_of(hole[1]) if hole[1] else "s?")
        end = hole.end()
    pieces.append(english[end:])
    return Pattern(tuple(p for p in pieces if p), re.compile(looks + re.escape(english[end:]), re.DOTALL), other)


def _value_of(name: str) -> str:
    return f"(?P<{name}>{'.+?' if name.endswith(_NESTED) else _PLAIN})"


@functools.cache
def load_sentences(lang: str) -> Sentences | None:
    """The sentences of a language; None for English, in which they were said."""
    file = resources.files(__package__).joinpath(f"sentences_{lang}.toml")
    return Sentences(tomllib.loads(file.read_text("utf-8"))) if file.is_file() else None
