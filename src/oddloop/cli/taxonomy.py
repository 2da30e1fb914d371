"""Taxonomies of the ODD: those that ship, as sections for oddloop.toml."""

from __future__ import annotations

from typing import Annotated

import typer

from oddloop.cli.options import JsonOption
from oddloop.cli.terminal import out, print_json, print_table
from oddloop.exchange.taxonomies import (
    describe_taxonomy,
    list_taxonomies,
    load_taxonomy,
    taxonomy_sections,
    taxonomy_toml,
)

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
