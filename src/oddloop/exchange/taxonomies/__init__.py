"""Taxonomies that ship: the default after ISO 34503, and how the spellings of public data sets map to it.

A file holds `[attributes.<name>]` sections as they stand in `oddloop.toml`. `iso34503.toml` is the default; the others
are crosswalks: per attribute that a data set tells of, the column and what its spellings mean. `load_taxonomy` sets
the two together, so that all data sets end in the same values and may be counted together.
"""

from __future__ import annotations

import difflib
import tomllib
from importlib.resources import files
from typing import Any

import tomli_w

from oddloop.config import AttributeConfig, config_from_mapping
from oddloop.errors import ConfigError

DEFAULT = "iso34503"
Sections = dict[str, dict[str, Any]]
"""Settings of each attribute, by name, as TOML has them."""


def list_taxonomies() -> tuple[str, ...]:
    """Names of all that ship, the default first.

    >>> list_taxonomies()[:3]
    ('iso34503', 'argoverse2', 'argoverse2_motion')
    """
    found = sorted(p.name.removesuffix(".toml") for p in files(__name__).iterdir() if p.name.endswith(".toml"))
    return (DEFAULT, *(name for name in found if name != DEFAULT))


def describe_taxonomy(name: str) -> str:
    """What a taxonomy is: the comment at its head.

    Raises:
        ConfigError: there is no such taxonomy.
    """
    lines = _text(name).splitlines()
    return " ".join(line.removeprefix("#").strip() for line in lines[: next(i for i, x in enumerate(lines) if not x)])


def load_taxonomy(name: str) -> dict[str, AttributeConfig]:
    """The attributes of a taxonomy that ships.

    Args:
        name: one of `list_taxonomies()`.

    Raises:
        ConfigError: there is no such taxonomy.

    >>> load_taxonomy("bdd100k")["environment.illuminance"].aliases["dawn/dusk"]
    'low_ambient'
    """
    return config_from_mapping({"attributes": taxonomy_sections(name)}, source=name).attributes


def taxonomy_sections(name: str) -> Sections:
    """The settings of a taxonomy that ships; see `load_taxonomy`."""
    default: Sections = tomllib.loads(_text(DEFAULT))["attributes"]
    if name == DEFAULT:
        return default
    crosswalk: Sections = tomllib.loads(_text(name))
    return {attribute: _composed(default.get(attribute, {}), own) for attribute, own in crosswalk.items()}


def taxonomy_toml(sections: Sections) -> str:
    """Text for `oddloop.toml`.

    >>> print(taxonomy_toml({"geo.region": {"column": "city"}}))
    [attributes."geo.region"]
    column = "city"
    <BLANKLINE>
    """
    return tomli_w.dumps({"attributes": sections}, multiline_strings=False)


def _composed(default: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """The default's values and hierarchy with a data set's column and spellings."""
    named = own.get("flags") or own.get("words")
    if named is None:
        return {**default, **own}
    values = {*named, own.get("otherwise", "none")}
    parents = {v: parent for v, parent in default.get("parents", {}).items() if v in values and parent in values}
    return {**own, **({"parents": parents} if parents else {})}


def _text(name: str) -> str:
    if name not in list_taxonomies():
        close = difflib.get_close_matches(name, list_taxonomies(), n=1)
        meant = f"did you mean `{close[0]}`?" if close else f"known: {', '.join(list_taxonomies())}"
        raise ConfigError(f"no taxonomy is called {name!r}; {meant}")
    return files(__name__).joinpath(f"{name}.toml").read_text()
