"""Taxonomies of the ODD: those that ship, as sections for oddloop.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.terminal import err, out, print_json, print_table
from oddloop.exchange.taxonomies import (
    describe_taxonomy,
    list_taxonomies,
    load_taxonomy,
    taxonomy_sections,
    taxonomy_toml,
)
from oddloop.lake.scan import read_table
from oddloop.lake.workspace import Workspace
from oddloop.tables import SCENES

app = typer.Typer(no_args_is_help=True, help=__doc__)


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """List the taxonomies that ship: the default, and crosswalks of public data sets to it."""
    rows = [(name, len(load_taxonomy(name)), describe_taxonomy(name)) for name in list_taxonomies()]
    if as_json:
        print_json([{"name": name, "n_attributes": n, "description": text} for name, n, text in rows])
    else:
        print_table("Taxonomies", ("name", "attributes", "what it is"), rows)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="One of `oddloop taxonomy list`.")], as_json: JsonOption = False
) -> None:
    """Print a taxonomy as sections for oddloop.toml."""
    sections = taxonomy_sections(name)
    if as_json:
        print_json(sections)
    else:
        out.print(taxonomy_toml(sections), markup=False, highlight=False, soft_wrap=True, end="")


@app.command()
def read(
    file: Annotated[Path, typer.Argument(help="An OpenODD document or binding file (.yaml).")],
    as_json: JsonOption = False,
) -> None:
    """Print an OpenODD domain as sections for oddloop.toml; needs the extra `odd`."""
    from oddloop.exchange.openodd import read_openodd

    found = read_openodd(file)
    if as_json:
        print_json({"sections": found.sections, "skipped": list(found.skipped)})
        return
    out.print(taxonomy_toml(found.sections), markup=False, highlight=False, soft_wrap=True, end="")
    for name in found.skipped:
        err.print(f"Left out {name}: a number without buckets; give it `edges` or a `scale`.", markup=False)


@app.command()
def write(workspace: WorkspaceOption = ".") -> None:
    """Print the workspace's attributes as an OpenODD document; needs the extra `odd`."""
    from oddloop.exchange.openodd import write_openodd

    text = write_openodd(Workspace.open(workspace).config.attributes)
    out.print(text, markup=False, highlight=False, soft_wrap=True, end="")


@app.command()
def cod(
    folder: Annotated[Path, typer.Argument(help="Where the COD's three files go.")],
    workspace: WorkspaceOption = ".",
    as_json: JsonOption = False,
) -> None:
    """Write what was observed as an OpenODD current operational domain; needs the extra `odd`."""
    from oddloop import coverage
    from oddloop.exchange.cod import write_cod

    opened = Workspace.open(workspace)
    attributes, scenes = opened.config.attributes, read_table(opened.table("scenes"), SCENES)
    ids = scenes["scene_id"].combine_chunks()
    values = coverage.list_scene_values(ids, ids.slice(0, 0), coverage.encode_attributes(scenes, attributes))
    summary = write_cod(scenes, values, attributes, folder, opened.config.workspace.name)
    if as_json:
        print_json({"files": summary.files, "n_scenes": summary.n_scenes, "n_left_out": summary.n_left_out})
        return
    out.print(f"{summary.n_scenes:,} scenes in {summary.files[0]}; {summary.n_left_out:,} without a place left out")
