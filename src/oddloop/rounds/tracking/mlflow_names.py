"""Names as MLflow takes them: which characters, how long, and two names never becoming one."""

from __future__ import annotations

import hashlib
import re

MAX_NAME = 250
"""Longest name of a metric or parameter."""
MAX_DIGEST = 36
"""Longest digest of a dataset."""
_OTHER = re.compile(r"[^A-Za-z0-9_\-. :/]")
_DIGITS = 8


def metric_name(name: str) -> str:
    """A metric's name with the characters that MLflow allows: letters, digits and `_-. :/`.

    `=` becomes `:` and ` & ` becomes ` - `. Where anything else had to be changed or cut, eight hex digits of the
    name's digest follow, so that other names stay other.

    >>> metric_name("segment/weather=rain & road=city/recall")
    'segment/weather:rain - road:city/recall'
    >>> metric_name("segment/wetter=grün/recall")
    'segment/wetter:gr_n/recall-014c877b'
    """
    plain = name.replace(" & ", " - ").replace("=", ":")
    clean = "/".join(_part(part) for part in plain.split("/"))
    if clean == plain and ":" not in name and " - " not in name and len(clean) <= MAX_NAME:
        return clean
    return f"{clean[: MAX_NAME - _DIGITS - 1]}-{hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]}"


def _part(part: str) -> str:
    """One part between slashes: MLflow takes no name that is a path of `.`, `..` or nothing."""
    clean = _OTHER.sub("_", part)
    return clean if clean.strip(". ") else f"{clean}_"


def model_name(name: str) -> str:
    """A registered model's name, which may hold no `/` and no `:`.

    >>> model_name("fleet/night:2")
    'fleet_night_2'
    """
    return re.sub(r"[/:]", "_", name)
