"""Scenes and the taxonomy to integer codes per attribute, with a list of what the taxonomy does not know.

Every scene has at least one value of every attribute: what nobody recorded, or nobody mapped, is the value `unknown`
and stays visible. Single-valued attributes part the scenes; a multi-label attribute does not: a scene may have several
of its values, so their counts need not add up to the total. Time and memory grow with scenes x attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from oddloop.config import AttributeConfig
from oddloop.coverage.arrays import IntArray, ragged_places, read_column
from oddloop.coverage.encoding import Codes, encode_bins, encode_flags, encode_multilabel, encode_text, encode_words
from oddloop.coverage.families import add_families
from oddloop.errors import TableError

UNMAPPED = pa.schema(
    [
        pa.field("attribute", pa.string(), metadata={"meaning": "attribute of the taxonomy"}),
        pa.field("column", pa.string(), metadata={"meaning": "column of `scenes`"}),
        pa.field("spelling", pa.string(), metadata={"meaning": "text that is none of the attribute's values"}),
        pa.field("n_scenes", pa.int64(), metadata={"meaning": "scenes that have it", "unit": "scenes"}),
    ]
)
_ENCODERS = {
    "categorical": encode_text,
    "ordered": encode_text,
    "binned": encode_bins,
    "multilabel": encode_multilabel,
    "words": encode_words,
}


@dataclass(frozen=True, eq=False)
class EncodedAttribute:
    """One attribute of N scenes.

    Attributes:
        name: attribute name.
        values: value names by code, in the order of the taxonomy; `unknown` is one of them.
        codes: (M,) int32 codes, scene after scene.
        offsets: (N+1,) bounds of each scene's codes; None where each scene has just one.
    """

    name: str
    values: tuple[str, ...]
    codes: IntArray
    offsets: IntArray | None = None

    def take(self, scenes: IntArray) -> EncodedAttribute:
        """The attribute of these scenes, by row number."""
        if self.offsets is None:
            return EncodedAttribute(self.name, self.values, self.codes[scenes])
        places, counts = ragged_places(self.offsets, scenes)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        return EncodedAttribute(self.name, self.values, self.codes[places], offsets)


@dataclass(frozen=True, eq=False)
class Encoded:
    """All attributes of N scenes.

    Attributes:
        n_scenes: number of scenes.
        attributes: the attributes, in the order of the taxonomy.
        unmapped: spellings that became `unknown`: attribute, column, spelling, n_scenes.
    """

    n_scenes: int
    attributes: tuple[EncodedAttribute, ...]
    unmapped: pa.Table

    def take(self, scenes: IntArray) -> Encoded:
        """The attributes of these scenes, by row number."""
        return Encoded(len(scenes), tuple(a.take(scenes) for a in self.attributes), self.unmapped)


def encode_attributes(scenes: pa.Table, attributes: Mapping[str, AttributeConfig]) -> Encoded:
    """Encode the attributes of scenes.

    Args:
        scenes: table with one column per attribute; see `AttributeConfig.column`.
        attributes: the taxonomy; an attribute without `values` takes those found, sorted.

    Returns:
        Codes per attribute, and the spellings that none of an attribute's values matches.

    Raises:
        TableError: a column is missing, or of a type that its kind of attribute cannot be read from.

    >>> scenes = pa.table({"weather": ["rain", "fog ", None, "hail"]})
    >>> encoded = encode_attributes(scenes, {"weather": AttributeConfig(values=("fog", "rain"))})
    >>> [encoded.attributes[0].values[code] for code in encoded.attributes[0].codes]
    ['rain', 'fog', 'unknown', 'unknown']
    >>> encoded.unmapped["spelling"].to_pylist()
    ['hail']
    """
    encoded, unmapped = [], []
    for name, config in attributes.items():
        codes = _encode(scenes, name, config)
        encoded.append(EncodedAttribute(name, codes.values, codes.codes, codes.offsets))
        spellings = sorted(codes.unmapped.items(), key=lambda item: (-item[1], item[0]))
        column = config.columns_of(name)[0]
        unmapped += [(name, column, spelling, n) for spelling, n in spellings]
    columns = zip(*unmapped, strict=True) if unmapped else [[]] * len(UNMAPPED)
    return Encoded(scenes.num_rows, tuple(encoded), pa.table([list(c) for c in columns], schema=UNMAPPED))


def _encode(scenes: pa.Table, name: str, config: AttributeConfig) -> Codes:
    columns = config.columns_of(name)
    values = [read_column(scenes, column, f"scenes, for attribute `{name}`") for column in columns]
    try:
        codes = encode_flags(values, config) if config.kind == "flags" else _ENCODERS[config.kind](values[0], config)
    except (TableError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        reason, shown = str(error).splitlines()[0], "`, `".join(columns)
        raise TableError(f"scenes: column `{shown}` cannot be read as attribute `{name}`: {reason}") from None
    return add_families(codes, config) if config.parents else codes
