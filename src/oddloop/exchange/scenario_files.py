"""Named scenarios as files: a page that says what to label, and a catalogue to make tests from.

The catalogue's `openlabel` part has the shape of ASAM OpenLABEL 1.0.0 scenario tags (`tags`, `ontology_uid`, `tag_data`
with `text`, `num` and `vec`), written as YAML instead of JSON; the tag types are the team's own attribute and column
names, not OpenLABEL's ontology.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from oddloop import __version__
from oddloop.exchange.yaml_text import yaml_lines

CATALOGUE_FORMAT = 1
"""Format 1: `scenarios`, each with name, risk, exposure, parameters, source_scenes and openlabel; see `_catalogued`."""
_TOP_PARAMETERS = 8

Entry = Mapping[str, Any]
"""One scenario, as `rounds.discovery.describe_scenarios` gives it."""


def catalogue_yaml(entries: Sequence[Entry]) -> str:
    """A catalogue of test scenarios, as YAML."""
    document = {"format": CATALOGUE_FORMAT, "made_by": f"oddloop {__version__}"}
    return "\n".join(yaml_lines(document | {"scenarios": [_catalogued(entry) for entry in entries]})) + "\n"


def _catalogued(entry: Entry) -> dict[str, Any]:
    card = entry["card"]
    return {
        "name": entry["name"],
        "cluster_id": entry["cluster_id"],
        "risk": {"given": entry["risk"], "level": entry["level"], "priority": entry["priority"]},
        "status": entry["status"],
        "exposure": {
            "n_scenes": card["n_scenes"],
            "n_logs": card["n_logs"],
            "per_hour": _range_of(card, "per_hour"),
            "log_share": _range_of(card, "log_share"),
        },
        "parameters": [_parameter(p) for p in entry["parameters"]],
        "source_scenes": [dict(scene) for scene in entry["scenes"]],
        "openlabel": _openlabel(entry),
    }


def _range_of(card: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {"value": card[name], "low": card[f"{name}_low"], "high": card[f"{name}_high"]}


def _parameter(p: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": p["name"],
        "unit": p["unit"],
        "range_90": [p["low"], p["high"]],
        "median": p["median"],
        "seen": [p["least"], p["most"]],
        "n_scenes": p["n"],
        "elsewhere_range_90": [_finite(p["elsewhere_low"]), _finite(p["elsewhere_high"])],
    }


def _openlabel(entry: Entry) -> dict[str, Any]:
    traits = [
        {"type": t["attribute"], "ontology_uid": "0", "tag_data": {"text": [{"type": "value", "val": t["value"]}]}}
        for t in entry["card"]["traits"]
    ]
    ranges = [
        {"type": p["name"], "ontology_uid": "0", "tag_data": {"vec": [{"type": "range", "val": [p["low"], p["high"]]}]}}
        for p in entry["parameters"]
    ]
    tags = {str(i): tag for i, tag in enumerate([*traits, *ranges])}
    ontologies = {"0": "the workspace's own attributes"}
    return {"metadata": {"schema_version": "1.0.0"}, "ontologies": ontologies, "tags": tags}


def label_policy_markdown(entries: Sequence[Entry]) -> str:
    """A page for those who label: of each scenario what it is, why it matters, examples and counter-examples."""
    head = "# What to label\n\nScenarios that were found in the fleet's own data and named by people.\n"
    return "\n".join([head, *(line for entry in entries for line in _policy(entry))]) + "\n"


def _policy(entry: Entry) -> Iterator[str]:
    card = entry["card"]
    level = f" ({entry['level']})" if entry["level"] else ""
    yield f"## {entry['name']}\n"
    size = f"{card['n_scenes']:,} scenes in {card['n_logs']:,} logs, {card['n_labelled']:,} labelled"
    yield f"Cluster {entry['cluster_id']}: {size}."
    yield f"Risk {entry['risk'] or 'not judged'}{level}, priority {entry['priority'] or 'none'}, {entry['status']}.\n"
    yield from (f"> {note['text']} ({note['author']})\n" for note in entry["notes"])
    yield "**Why it matters**\n"
    yield from (f"- {reason['text']}" for reason in card["reasons"])
    yield "\n**Label these**\n"
    yield f"- most typical: {_names(card['typical'])}"
    yield f"- at its edge, still in it: {_names(card['extreme'])}"
    yield f"- where the model is least sure: {_names(card['uncertain'])}"
    yield f"\n**Not these**, which are like it and not in it: {_names(entry['counter_examples'])}\n"
    yield "| measured | 5 % to 95 % here | elsewhere |\n|---|---|---|"
    for p in entry["parameters"][:_TOP_PARAMETERS]:
        here, there = _span(p["low"], p["high"]), _span(p["elsewhere_low"], p["elsewhere_high"])
        yield f"| {p['name']} {p['unit']} | {here} | {there} |"
    yield ""


def _names(ids: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in ids) or "none"


def _span(low: float, high: float) -> str:
    return "-" if not math.isfinite(low) else f"{low + 0.0:.3g} to {high + 0.0:.3g}"  # no -0


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
