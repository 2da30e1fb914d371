"""Make the pages of docs/reference from the code; with --check, say which are out of date instead."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo

from oddloop import config, derived_tables, tables
from oddloop.cli.app import COMMANDS, load_command

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
MADE = "<!-- Made by `make docs` from the code; do not edit. -->\n"
PYTHON_PACKAGES = (
    *("lake", "collect", "score", "score.boxes", "score.ood", "score.risk", "score.segmentation"),
    *("coverage", "coverage.measures", "coverage.diagnosis", "coverage.slices"),
    *("discover", "select", "select.strategies", "select.stopping", "rounds", "report"),
)


def tables_page() -> Iterator[str]:
    """Every table with its columns."""
    yield "# Tables\n\nDeclared in `oddloop.tables` and `oddloop.derived_tables`. "
    yield "Further columns of yours are always kept.\n"
    parts = (("Tables that you bring", tables.INPUTS), ("Tables that oddloop makes", derived_tables.DERIVED))
    for title, specs in parts:
        yield f"\n## {title}\n"
        for spec in specs:
            key = f" Key: {', '.join(f'`{k}`' for k in spec.key)}." if spec.key else ""
            one_of = f" One at least of {', '.join(f'`{n}`' for n in spec.one_of)} is needed." if spec.one_of else ""
            yield f"\n### `{spec.name}`\n\nOne row per {spec.one_row_per}.{key}{one_of}\n\n"
            yield "| column | type | unit | meaning |\n|---|---|---|---|\n"
            for column in spec.columns:
                notes = "" if column.required else " (optional)"
                notes += " (may be null)" if column.nullable else ""
                yield f"| `{column.name}` | `{column.type}` | {column.unit} | {column.meaning}{notes} |\n"


def config_page() -> Iterator[str]:
    """Every setting with its default."""
    yield "# Settings: `oddloop.toml`\n\nUnknown keys are refused; all faults are reported together.\n"
    for name, hint in get_type_hints(config.Config).items():
        is_mapping = get_origin(hint) is dict
        owner = get_args(hint)[1] if is_mapping else hint
        if dataclasses.is_dataclass(owner):
            yield from _section(f"{name}.<name>" if is_mapping else name, owner)
    yield "\n## `[columns.<table>]`\n\nFor `oddloop ingest tables`: our column = the name in your files.\n"


def _section(name: str, owner: Any) -> Iterator[str]:
    """The settings of a section, then the sections in it."""
    hints = get_type_hints(owner, include_extras=True)
    inner = {f.name: hints[f.name] for f in dataclasses.fields(owner) if dataclasses.is_dataclass(hints[f.name])}
    yield f"\n## `[{name}]`\n\n{inspect.getdoc(owner)}\n\n"
    yield "| setting | default | meaning |\n|---|---|---|\n"
    for field in (f for f in dataclasses.fields(owner) if f.name not in inner):
        yield f"| `{field.name}` | {_default(field)} | {_description(hints[field.name])} |\n"
    for part, hint in inner.items():
        yield from _section(f"{name}.{part}", hint)


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return f"`{_toml(field.default)}`"
    return "(required)" if field.default_factory is dataclasses.MISSING else "`{}`"


def _description(hint: Any) -> str:
    infos = [a for a in getattr(hint, "__metadata__", ()) if isinstance(a, FieldInfo)]
    return next((str(info.description) for info in infos if info.description), "")


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return f'"{value}"' if isinstance(value, str) else "(none)" if value is None else str(value)


def cli_page() -> Iterator[str]:
    """Every command with its flags."""
    yield "# Commands\n\nResults go to stdout, talk to stderr. "
    yield "Exit codes: 0 ok, 1 error, 2 usage, 3 a target is missed.\n"
    for name in COMMANDS:
        yield from _command(f"oddloop {name}", load_command(name))


def _command(path: str, command: Any) -> Iterator[str]:
    yield f"\n## `{path}`\n\n{(command.help or '').strip()}\n"
    rows = [parameter for parameter in command.params if parameter.name != "help"]
    if rows:
        yield "\n| flag | default | meaning |\n|---|---|---|\n"
    for parameter in rows:
        flag = ", ".join(parameter.opts) if parameter.param_type_name == "option" else parameter.name.upper()
        default = "" if parameter.default in (None, "", False) or parameter.required else f"`{parameter.default}`"
        yield f"| `{flag}` | {default} | {parameter.help or ''} |\n"
    for name, sub in getattr(command, "commands", {}).items():
        yield from _command(f"{path} {name}", sub)


def python_page() -> Iterator[str]:
    """Every exported name with its docstring."""
    yield "# Python\n\nWhat each package exports; nothing else is promised.\n"
    for package in PYTHON_PACKAGES:
        module = importlib.import_module(f"oddloop.{package}")
        yield f"\n## `oddloop.{package}`\n\n{inspect.getdoc(module)}\n"
        for name in module.__all__:
            value = getattr(module, name)
            is_code = inspect.isclass(value) or inspect.isfunction(value)
            signature = _signature(value) if is_code else ""
            doc = inspect.getdoc(value) if is_code else ""
            yield f"\n### `{name}`\n"
            yield f"\n```text\n{name}{signature}\n\n{doc}\n```\n" if is_code else ""


def _signature(value: Any) -> str:
    try:
        # Functions as defaults show their address, which differs from run to run.
        return re.sub(r"<(?:built-in )?function (\w+)[^>]*>", r"\1", str(inspect.signature(value)).replace("'", ""))
    except ValueError:
        return ""


PAGES = {"tables.md": tables_page, "config.md": config_page, "cli.md": cli_page, "python.md": python_page}


def main() -> int:
    """Write the pages, or name the stale ones."""
    stale = []
    for name, page in PAGES.items():
        text = MADE + "".join(page()).rstrip() + "\n"
        path = FOLDER / name
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.write_text(text)
    verb = "out of date; run `make docs`" if "--check" in sys.argv else "written"
    print(f"{', '.join(stale)} {verb}" if stale else "The reference pages are up to date.")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
