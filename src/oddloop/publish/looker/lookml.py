"""LookML as text: parameters, blocks and lists of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_BARE = ("type", "relationship", "primary_key", "hidden", "timeframes", "from", "view_name", "convert_tz")
"""Parameters whose values stand without quotes."""


@dataclass(frozen=True)
class Sql:
    """A value that is SQL or HTML: it ends with `;;`."""

    text: str


@dataclass(frozen=True)
class Block:
    """`kind: name { … }`."""

    kind: str
    name: str
    content: Mapping[str, Any]
    more: tuple[Block, ...] = ()


def lookml_lines(block: Block, indent: int = 0) -> Iterator[str]:
    """Lines of a block.

    >>> print("\\n".join(lookml_lines(Block("dimension", "n", {"type": "number", "sql": Sql("${TABLE}.n")}))))
    dimension: n {
      type: number
      sql: ${TABLE}.n ;;
    }
    """
    pad = "  " * indent
    yield f"{pad}{block.kind}: {block.name} {{" if block.name else f"{pad}{block.kind}: {{"
    for key, value in block.content.items():
        yield f"{pad}  {parameter(key, value)}"
    for inner in block.more:
        yield from lookml_lines(inner, indent + 1)
    yield f"{pad}}}"


def parameter(key: str, value: Any) -> str:
    """One parameter.

    >>> parameter("label", 'the "best"'), parameter("hidden", True), parameter("timeframes", ["date", "month"])
    ('label: "the \\\\"best\\\\""', 'hidden: yes', 'timeframes: [date, month]')
    """
    if isinstance(value, Sql):
        return f"{key}: {value.text} ;;"
    if isinstance(value, bool):
        return f"{key}: {'yes' if value else 'no'}"
    if isinstance(value, list):
        return f"{key}: [{', '.join(value)}]"
    return f"{key}: {value}" if key in _BARE else f"{key}: {_text(value)}"


def _text(value: object) -> str:
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
