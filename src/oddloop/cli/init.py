"""Make a workspace: a folder with a commented oddloop.toml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from oddloop.cli.options import JsonOption
from oddloop.cli.terminal import out, print_json
from oddloop.exchange.sources import SOURCES
from oddloop.exchange.taxonomies import taxonomy_sections, taxonomy_toml
from oddloop.lake.workspace import Workspace

METRICS = """\
# [metrics.recall_car]                 # what is good for a metric, and what is wanted of it
# better = "higher"
# target = 0.9
"""
TABLES = f"""\
# [columns.scenes]                     # what your columns are called or made of: docs/how-to/ingest-tables.md
# scene_id = "clip"
# duration_s = {{ columns = ["length_ms"], factor = 0.001 }}

# [attributes.weather]                 # one section per ODD attribute: a column of `scenes`
# kind = "categorical"                 # categorical, ordered, binned, multilabel, flags or words

{METRICS}"""
"""What to say about the tables, where nobody knows them yet."""
TEMPLATE = """\
# Settings of this oddloop workspace. Every setting, its default and unit: docs/reference/config.md
[workspace]
name = {name}
seed = 0

{tables}
[select]
policy = "gap_driven"
budget = 100.0

[cost]                                 # per_scene + per_frame x frames + per_object x objects
unit = "cost units"
per_scene = 0.0
per_frame = 0.12
per_object = 0.04

# [train]
# command = "{{python}} train.py --labelled {{labelled}} --output {{output}} --model-id {{model_id}}"
"""


KNOWN = tuple(SOURCES)
"""Sources whose tables are known beforehand."""


def run(
    url: Annotated[str, typer.Argument(help="Folder or URL of the new workspace.")],
    name: Annotated[str, typer.Option(help="Name shown in reports; default: the folder's name.")] = "",
    source: Annotated[
        str,
        typer.Option("--for", help=f"Put in the settings that this source needs: {', '.join(KNOWN)}."),
    ] = "",
    taxonomy: Annotated[
        str, typer.Option(help="Put in the attributes of a taxonomy that ships; see `oddloop taxonomy list`.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    shown = json.dumps(name or Path(url).name or "workspace", ensure_ascii=False)
    tables = _tables_for(source) if source else TABLES
    if taxonomy:
        tables = f"{taxonomy_toml(taxonomy_sections(taxonomy))}\n{METRICS}"
    workspace = Workspace.create(url, TEMPLATE.format(name=shown, tables=tables))
    if as_json:
        print_json({"workspace": workspace.storage.url})
    else:
        out.print(f"Made workspace {workspace.storage.url}. Next: `oddloop ingest ... --workspace {url}`")


def _tables_for(source: str) -> str:
    if source not in KNOWN:
        raise typer.BadParameter(f"{source!r} is none of {', '.join(KNOWN)}", param_hint="--for")
    shipped = SOURCES[source]
    if shipped.settings:
        return shipped.settings
    attributes = (
        taxonomy_toml(taxonomy_sections(shipped.taxonomy)) if shipped.taxonomy else TABLES.removesuffix(METRICS)
    )
    return f"{attributes}\n{shipped.metrics or METRICS}"
