"""One attribute of every scene as integer codes, by kind of attribute.

Text is compared after its blanks at both ends are cut; a blank text is as good as none. A published spelling may stand
for a value (`aliases`); the column keeps what was published. What is null, blank, NaN, or not among the configured
values becomes `unknown`, which always is a value, the last one unless the taxonomy puts it elsewhere. Time grows with
the scenes (and the logarithm of their tags), memory with one column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import AttributeConfig
from oddloop.coverage.arrays import BoolArray, IntArray
from oddloop.errors import TableError
from oddloop.tables import UNKNOWN

NONE = "none"
"""The value of a multi-label attribute where the list is there, but empty."""


@dataclass(frozen=True)
class Codes:
    """An attribute's codes before it has a name.

    Attributes:
        values: value names by code.
        codes: (M,) codes, scene after scene.
        offsets: (N+1,) bounds of each scene's codes; None where each scene has just one.
        unmapped: counts of scenes by spelling that is not among the configured values.
    """

    values: tuple[str, ...]
    codes: IntArray
    offsets: IntArray | None
    unmapped: dict[str, int]


def encode_text(column: pa.Array, config: AttributeConfig) -> Codes:
    """Categorical and ordered attributes: one text per scene; numbers and booleans are read as text."""
    spellings, places = _spellings(column)
    values = _with_unknown(config.values or _found(spellings, config))
    code_of = _match(spellings, values, config)
    used = np.bincount(places[places >= 0], minlength=len(spellings))
    return Codes(values, _look_up(code_of, places, values), None, _unmapped(spellings, code_of, used))


def encode_multilabel(column: pa.Array, config: AttributeConfig) -> Codes:
    """Multi-label attributes: a list of texts per scene; each counts once."""
    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        raise TableError(f'kind = "multilabel" needs a list of strings; got {kind}')
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    spellings, places = _spellings(column.flatten())
    values = _with_unknown((*(v for v in config.values or _found(spellings, config) if v != NONE), NONE))
    scene = np.repeat(np.arange(len(column)), lengths)
    code_of = _match(spellings, values, config)
    # A scene without a tag still is in one segment: `none` where somebody looked, `unknown` where nobody did.
    bare = np.flatnonzero(lengths == 0)
    is_null = column.is_null().to_numpy(zero_copy_only=False)[bare]
    bare_codes = np.where(is_null, values.index(UNKNOWN), values.index(NONE))
    tagged = scene * len(values) + _look_up(code_of, places, values)
    keys = np.unique(np.concatenate([tagged, bare * len(values) + bare_codes]))
    offsets = np.searchsorted(keys, np.arange(len(column) + 1) * len(values))
    once = np.unique(scene[places >= 0] * max(len(spellings), 1) + places[places >= 0]) % max(len(spellings), 1)
    used = np.bincount(once, minlength=len(spellings))
    return Codes(values, (keys % len(values)).astype(np.int32), offsets, _unmapped(spellings, code_of, used))


def encode_bins(column: pa.Array, config: AttributeConfig) -> Codes:
    """Binned attributes: a number per scene; bin i is (edge i-1, edge i], the outer bins are open."""
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise TableError(f'kind = "binned" needs numbers; got {kind}')
    numbers = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    values = _with_unknown(config.values)
    code_of_bin = np.array([values.index(v) for v in config.values], np.int32)
    codes = code_of_bin[np.searchsorted(config.edges, numbers, side="left")]
    return Codes(values, np.where(np.isnan(numbers), np.int32(values.index(UNKNOWN)), codes), None, {})


def encode_flags(columns: Sequence[pa.Array], config: AttributeConfig) -> Codes:
    """Flag attributes: one column per value, which says whether the value holds.

    A scene without any flag is `none` where some column says no, and `unknown` where all are null or blank.
    """
    holds, is_said = [], np.zeros(len(columns[0]), np.bool_)
    for column in columns:
        spellings, places = _spellings(column)
        is_on = pc.is_in(spellings, value_set=pa.array(config.flag_on, pa.string())).to_numpy(zero_copy_only=False)
        holds.append(np.append(is_on, False)[places])
        is_said |= places >= 0
    return _memberships(tuple(config.flags), NONE, holds, is_said)


def encode_words(column: pa.Array, config: AttributeConfig) -> Codes:
    """Word attributes: every value whose word the text holds; `otherwise` for a text with none, `unknown` for none."""
    spellings, places = _spellings(column)
    holds = [
        np.append(pc.match_substring(spellings, w, ignore_case=True).to_numpy(zero_copy_only=False), False)[places]
        for w in config.words.values()
    ]
    return _memberships(tuple(config.words), config.otherwise, holds, places >= 0)


def _memberships(named: tuple[str, ...], otherwise: str, holds: list[BoolArray], is_said: BoolArray) -> Codes:
    """Codes of scenes that may have several values; one without any is `otherwise`, or `unknown` if nobody said."""
    values = _with_unknown(named if otherwise in named else (*named, otherwise))
    n = len(values)
    bare = np.flatnonzero(~np.logical_or.reduce(holds))
    keys = [np.flatnonzero(held) * n + code for code, held in enumerate(holds)]
    keys.append(bare * n + np.where(is_said[bare], values.index(otherwise), values.index(UNKNOWN)))
    found = np.sort(np.concatenate(keys))
    offsets = np.searchsorted(found, np.arange(len(is_said) + 1) * n)
    return Codes(values, (found % n).astype(np.int32), offsets, {})


def _spellings(column: pa.Array) -> tuple[pa.Array, IntArray]:
    """Distinct texts, and each item's place among them; -1 where there is none."""
    if pa.types.is_nested(column.type):
        raise TableError(f'{column.type} is not one value per scene; lists of strings need kind = "multilabel"')
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    encoded = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text).dictionary_encode()
    return encoded.dictionary, pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)


def _found(spellings: pa.Array, config: AttributeConfig) -> tuple[str, ...]:
    """Values of an attribute that names none: those that occur, and every wider one."""
    meant = [config.aliases.get(spelling, spelling) for spelling in spellings.to_pylist()]
    return tuple(sorted({value for spelling in meant for value in config.family(spelling)}))


def _with_unknown(values: tuple[str, ...]) -> tuple[str, ...]:
    return values if UNKNOWN in values else (*values, UNKNOWN)


def _match(spellings: pa.Array, values: tuple[str, ...], config: AttributeConfig) -> IntArray:
    """(S,) code of each spelling, or of the value that it is an alias of; -1 where it is not among the values."""
    meant = pa.array([config.aliases.get(spelling, spelling) for spelling in spellings.to_pylist()], pa.string())
    found = pc.index_in(meant, value_set=pa.array(values, pa.string()))
    codes: IntArray = pc.fill_null(found, -1).to_numpy(zero_copy_only=False)
    return codes


def _look_up(code_of: IntArray, places: IntArray, values: tuple[str, ...]) -> IntArray:
    """(N,) int32 code of each item; `unknown` for no text and for one that matches no value."""
    # The place -1 of a missing text reads the entry appended last.
    codes = np.append(code_of, -1)[places]
    return np.where(codes < 0, values.index(UNKNOWN), codes).astype(np.int32)


def _unmapped(spellings: pa.Array, code_of: IntArray, used: IntArray) -> dict[str, int]:
    strange = np.flatnonzero(code_of < 0)
    return dict(zip(spellings.take(pa.array(strange)).to_pylist(), used[strange].tolist(), strict=True))
