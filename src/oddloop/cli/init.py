"""Make a workspace: a folder with a commented oddloop.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oddloop.cli.options import JsonOption
from oddloop.cli.terminal import out, print_json
from oddloop.lake.workspace import Workspace

TEMPLATE = """\
# Settings of this oddloop workspace. Every setting, its default and unit: docs/reference/config.md
[workspace]
name = "{name}"
seed = 0

# [attributes.weather]                 # one section per ODD attribute: a column of `scenes`
# kind = "categorical"                 # categorical, ordered, binned or multilabel

# [metrics.recall_car]                 # what is good for a metric, and what is wanted of it
# better = "higher"
# target = 0.9

[select]
policy = "uncertainty"
budget = 100.0

[cost]                                 # per_scene + per_frame x frames + per_object x objects
unit = "cost units"
per_scene = 0.0
per_frame = 0.12
per_object = 0.04

# [train]
# command = "{{python}} train.py --labelled {{labelled}} --output {{output}} --model-id {{model_id}}"
"""


def run(
    url: Annotated[str, typer.Argument(help="Folder or URL of the new workspace.")],
    name: Annotated[str, typer.Option(help="Name shown in reports; default: the folder's name.")] = "",
    as_json: JsonOption = False,
) -> None:
    workspace = Workspace.create(url, TEMPLATE.format(name=name or Path(url).name or "workspace"))
    if as_json:
        print_json({"workspace": workspace.storage.url})
    else:
        out.print(f"Made workspace {workspace.storage.url}. Next: `oddloop ingest ... --workspace {url}`")
