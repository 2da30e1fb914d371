"""Plain values as block YAML; texts and numbers are written as JSON, so nothing is ever misread.

JSON is YAML but for characters that YAML holds to be unprintable or line breaks; those are escaped besides.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

_UNPRINTABLE = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def yaml_lines(node: Mapping[str, Any], indent: int = 0) -> Iterator[str]:
    """Lines of a mapping of texts, numbers, truth values, lists and mappings; a number that is not finite is null.

    >>> print("\\n".join(yaml_lines({"a": {"b": [1, "x"], "c": []}, "d": [{"e": True}]})))
    "a":
      "b": [1, "x"]
      "c": []
    "d":
      - "e": true
    """
    for key, value in node.items():
        yield from _entry("  " * indent + _scalar(key) + ":", value, indent)


def _entry(head: str, value: Any, indent: int) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        yield head
        yield from yaml_lines(value, indent + 1)
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        yield head
        for item in value:
            first, *rest = yaml_lines(item, indent + 2)
            yield "  " * (indent + 1) + "- " + first.strip()
            yield from rest
    else:
        yield f"{head} {_scalar(value)}"


def _scalar(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_scalar, value))}]"
    if isinstance(value, float):
        return _number(value)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def _number(value: float) -> str:
    """YAML 1.1 takes `1e+30` for a text: it wants a point."""
    if not math.isfinite(value):
        return "null"
    digits, exponent, power = repr(value).partition("e")
    return repr(value) if not exponent or "." in digits else f"{digits}.0e{power}"
