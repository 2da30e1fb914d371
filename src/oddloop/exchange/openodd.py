"""ASAM OpenODD: read a domain as attributes of `oddloop.toml`, and write ours.

Reading and writing go through openodd-py (extra `odd`), whose rules decide what is well-formed. OpenODD knows no
attribute with several values at once, so a multi-label one is written as one boolean per value. A number whose binding
names no buckets has no values to count, and is named as skipped.

    values that lie outside     EXCLUDE_OR of a module of their attribute
    bins that lie outside       comparisons with their edges, in the unit of the column

References:
    ASAM OpenODD 1.0, sections 6.1 (taxonomy) and 7 (domain).
"""

from __future__ import annotations

import contextlib
import importlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oddloop.config import AttributeConfig
from oddloop.config.scales import below
from oddloop.errors import OddloopError, SourceError
from oddloop.exchange.yaml_text import yaml_lines

_INTERVAL = re.compile(r"[\[(]\s*(\S+),\s*(\S+?)\s*[\])]")


@dataclass(frozen=True)
class OpenOdd:
    """A domain that was read.

    Attributes:
        sections: settings by attribute, as `oddloop.toml` has them.
        skipped: concepts without values to count: numbers without buckets.
    """

    sections: dict[str, dict[str, Any]]
    skipped: tuple[str, ...]


def read_openodd(path: Path) -> OpenOdd:
    """Read an OpenODD document, or a binding file of openodd-py that names documents, probes and buckets.

    Args:
        path: a YAML file.

    Raises:
        OddloopError: openodd-py is not installed.
        SourceError: the file is missing, or is not well-formed OpenODD.
    """
    library = load_openodd_library()
    if not Path(path).is_file():
        raise SourceError(f"{path}: no such file; give an OpenODD document or a binding file (.yaml)")
    backend = library.Backend(
        "oddloop", probes=_AnyProbe(), readers={"measure": lambda _spec: (_never, "")}, allow_imports=False
    )
    try:
        odd = library.load_odd_file(path, backend=backend)
        if not odd.cover_items():  # a document alone: every concept with values of its own is one to count
            odd = library.load_openodd(Path(path), bindings=_bindings(library, path, odd, backend), backend=backend)
    except library.OpenOddError as error:
        raise SourceError(f"{path}: not well-formed OpenODD: {error}") from error
    items = {item.describe()["attribute"]: item.describe() for item in odd.cover_items()}
    sections = {name: _section(odd, name, item) for name, item in items.items()}
    return OpenOdd(sections, tuple(a.name for a in odd.attributes if a.name not in items))


def write_openodd(attributes: Mapping[str, AttributeConfig]) -> str:
    """An OpenODD document of a taxonomy: its values, and which of them lie outside.

    Args:
        attributes: the taxonomy; an attribute without values has nothing to write and is left out.

    Returns:
        YAML; one module per limit.

    Raises:
        OddloopError: openodd-py is not installed, or it refuses a name, which it names.
    """
    library = load_openodd_library()
    concepts: dict[str, Any] = {}
    modules: dict[str, Any] = {}
    for name, attribute in attributes.items():
        concepts |= _concepts(library, name, attribute)
        limits = _limits(library, name, attribute)
        modules |= {
            f"{re.sub(r'[^A-Za-z0-9_]', '_', name)}_{i}": {"EXCLUDE_OR": limit} for i, limit in enumerate(limits, 1)
        }
    document = {"TAXONOMY": _nest(concepts), **({"ODD": modules} if modules else {})}
    text = "\n".join(yaml_lines(document)) + "\n"
    try:
        library.load_openodd(text)
    except library.OpenOddError as error:
        raise OddloopError(
            f"the taxonomy cannot be written as OpenODD: {error}; rename the value or attribute"
        ) from error
    return text


def load_openodd_library() -> Any:
    """The package openodd, which the extra `odd` installs.

    Raises:
        OddloopError: it is not installed.
    """
    try:
        return importlib.import_module("openodd")
    except ImportError:
        raise OddloopError("OpenODD needs the extra `odd`: pip install 'oddloop[odd]'") from None


def _bindings(library: Any, path: Path, odd: Any, backend: Any) -> dict[str, dict[str, str]]:
    """A probe for each concept that takes one without a unit; the library tells no kinds, so each is tried."""
    found = {}
    for name in (attribute.name for attribute in odd.attributes):
        with contextlib.suppress(library.OpenOddError):
            library.load_openodd(Path(path), bindings={name: {"probe": name}}, backend=backend)
            found[name] = {"probe": name}
    return found


class _AnyProbe(dict[str, Any]):
    """Every probe that a binding may name: only its buckets are of interest here, nothing is measured."""

    def __contains__(self, _name: object) -> bool:
        return True

    def __missing__(self, _name: str) -> Any:
        return _never, ""


def _never(_context: object) -> None:
    return None


def _section(odd: Any, name: str, item: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of one concept; its column is the last part of its name."""
    buckets, outside = list(item["buckets"]), list(odd.outside_buckets(name))
    section: dict[str, Any] = {"column": name.rsplit(".", 1)[-1]}
    if item["kind"] != "numeric":
        return {**section, "values": buckets, **({"outside": outside} if outside else {})}
    ends = [_INTERVAL.fullmatch(bucket) for bucket in buckets]
    cuts = [float(end[1]) for end in ends if end] + [float(end[2]) for end in ends[-1:] if end]
    # All buckets but the last leave their upper end to the next one.
    edges = [*(below(cut) for cut in cuts[:-1]), cuts[-1]]
    unit = {"unit": item["unit"]} if item["unit"] else {}
    values = [f"below {cuts[0]:g}", *buckets, f"above {cuts[-1]:g}"]
    limits = {"outside": outside} if outside else {}
    return {**section, "kind": "binned", "edges": edges, "values": values, **unit, **limits}


OPENODD_UNITS = {"lux": "lx"}
"""Our spelling of a unit -> that of openodd."""


def _concepts(library: Any, name: str, attribute: AttributeConfig) -> dict[str, Any]:
    """The concepts that an attribute becomes, with their kinds."""
    if attribute.kind == "binned":
        kind = library.Units().unit_type(OPENODD_UNITS.get(attribute.unit, attribute.unit)) if attribute.unit else None
        return {name: f"float {kind or 'count'}"}
    values = list(attribute.all_values)
    if attribute.kind in ("multilabel", "flags", "words"):
        return {f"{name}.{value}": "boolean" for value in values}
    return {name: values} if values else {}


def _limits(library: Any, name: str, attribute: AttributeConfig) -> list[dict[str, Any]]:
    """One condition per run of values that lie outside."""
    values = attribute.all_values
    outside = [v for v in values if v in attribute.all_outside]
    if not outside:
        return []
    if attribute.kind != "binned":
        is_several = attribute.kind in ("multilabel", "flags", "words")
        return [{f"{name}.{value}": True} for value in outside] if is_several else [{name: outside}]
    unit = OPENODD_UNITS.get(attribute.unit, attribute.unit)
    known = f" {unit}" if unit and library.Units().unit_type(unit) else ""
    edges = (-math.inf, *attribute.edges, math.inf)
    places = [values.index(value) for value in outside]
    runs = [(i, _end_of_run(i, places)) for i in places if i - 1 not in places]
    return [{name: _range(edges[first], edges[last + 1], known)} for first, last in runs]


def _end_of_run(first: int, places: list[int]) -> int:
    last = first
    while last + 1 in places:
        last += 1
    return last


def _range(low: float, high: float, unit: str) -> str:
    """The bins (low, high] as a condition; a range of OpenODD holds both its ends."""
    if low == -math.inf:
        return f"<= {high!r}{unit}"
    if high == math.inf:
        return f"> {low!r}{unit}"
    return f"[{math.nextafter(low, math.inf)!r} .. {high!r}]{unit}"


def _nest(concepts: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names as records within records."""
    root: dict[str, Any] = {}
    for name, kind in concepts.items():
        *records, leaf = name.split(".")
        node = root
        for record in records:
            node = node.setdefault(record, {})
        node[leaf] = kind
    return root
