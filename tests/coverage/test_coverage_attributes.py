"""Attributes to codes: every kind, everything missing, and the list of what was not understood."""

import itertools

import numpy as np
import pyarrow as pa
import pytest

from oddloop.config import AttributeConfig
from oddloop.coverage import encode_attributes
from oddloop.errors import TableError

NAN = float("nan")


def encode(column, **config):
    return encode_attributes(pa.table({"x": column}), {"x": AttributeConfig(**config)})


def names(encoded):
    """Value names of each scene, as sorted lists."""
    (attribute,) = encoded.attributes
    offsets = attribute.offsets if attribute.offsets is not None else np.arange(encoded.n_scenes + 1)
    return [[attribute.values[c] for c in attribute.codes[a:b]] for a, b in itertools.pairwise(offsets)]


def unmapped(encoded):
    return [(row["spelling"], row["n_scenes"]) for row in encoded.unmapped.to_pylist()]


@pytest.mark.parametrize(
    ("column", "config", "values", "found", "strange"),
    [
        # values found, sorted, `unknown` last
        (["b", "a", "b"], {}, ("a", "b", "unknown"), ["b", "a", "b"], []),
        # values given, in their order; others are unknown and listed, most frequent first
        (
            ["c", "a", "hail", "snow", "hail"],
            {"values": ("c", "b", "a")},
            ("c", "b", "a", "unknown"),
            ["c", "a", "unknown", "unknown", "unknown"],
            [("hail", 2), ("snow", 1)],
        ),
        # null, blank and `unknown` itself are unknown, but no strange spelling; blanks at the ends do not matter
        (
            ["a ", None, "", "  ", "unknown", " a"],
            {"values": ("a",)},
            ("a", "unknown"),
            ["a", "unknown", "unknown", "unknown", "unknown", "a"],
            [],
        ),
        # `unknown` stands where the taxonomy puts it
        (["a"], {"values": ("unknown", "a")}, ("unknown", "a"), ["a"], []),
        # numbers and booleans are read as text
        ([1, 2, None], {}, ("1", "2", "unknown"), ["1", "2", "unknown"], []),
        ([1.5, NAN], {}, ("1.5", "unknown"), ["1.5", "unknown"], []),
        ([True, False], {"values": ("false", "true")}, ("false", "true", "unknown"), ["true", "false"], []),
        # nobody recorded anything
        (pa.array([None, None], pa.string()), {}, ("unknown",), ["unknown", "unknown"], []),
        (pa.nulls(2), {}, ("unknown",), ["unknown", "unknown"], []),
        (pa.array(["b", None, "b"]).dictionary_encode(), {}, ("b", "unknown"), ["b", "unknown", "b"], []),
        (pa.array([], pa.string()), {"values": ("a",)}, ("a", "unknown"), [], []),
    ],
)
@pytest.mark.parametrize("kind", ["categorical", "ordered"])
def test_text(kind, column, config, values, found, strange):
    encoded = encode(column, kind=kind, **config)
    assert encoded.attributes[0].values == values
    assert names(encoded) == [[name] for name in found]
    assert unmapped(encoded) == strange


@pytest.mark.parametrize(
    ("column", "config", "values", "found", "strange"),
    [
        # a scene may have several; an empty list is `none`, null is `unknown`
        (
            [["b", "a"], [], None, ["a"]],
            {},
            ("a", "b", "none", "unknown"),
            [["a", "b"], ["none"], ["unknown"], ["a"]],
            [],
        ),
        # each value counts once per scene, also `unknown`, and a strange spelling once per scene too
        (
            [["a", "a ", "elk", "elk", "emu"], ["elk"]],
            {"values": ("a",)},
            ("a", "none", "unknown"),
            [["a", "unknown"], ["unknown"]],
            [("elk", 2), ("emu", 1)],
        ),
        # a null or blank tag is unknown, beside the others
        ([["a", None], [""]], {}, ("a", "none", "unknown"), [["a", "unknown"], ["unknown"]], []),
        # `none` spelled out is the same value
        ([["none"], []], {"values": ("none", "a")}, ("a", "none", "unknown"), [["none"], ["none"]], []),
        (pa.array([], pa.list_(pa.string())), {}, ("none", "unknown"), [], []),
        (pa.array([[], None], pa.list_(pa.string())), {}, ("none", "unknown"), [["none"], ["unknown"]], []),
    ],
)
def test_multilabel(column, config, values, found, strange):
    encoded = encode(column, kind="multilabel", **config)
    assert encoded.attributes[0].values == values
    assert names(encoded) == found
    assert unmapped(encoded) == strange
    assert names(encoded.take(np.arange(len(found))[::-1])) == found[::-1]


def test_a_null_list_that_spans_values_is_unknown():
    lists = pa.ListArray.from_arrays(
        pa.array([0, 1, 3], pa.int32()), pa.array(["a", "b", "c"]), mask=pa.array([False, True])
    )
    assert names(encode(lists, kind="multilabel")) == [["a"], ["unknown"]]
    sliced = pa.array([["z"], ["a"], None], pa.large_list(pa.string())).slice(1)
    assert names(encode(sliced, kind="multilabel")) == [["a"], ["unknown"]]


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.float16()])
def test_bins_are_closed_on_the_right(kind):
    numbers = [-1.0, 0.0, 0.5, 2.5, 2.75, float("inf"), float("-inf"), NAN, None]
    found = ["dry", "dry", "light", "light", "heavy", "heavy", "dry", "unknown", "unknown"]
    column = pa.array([None if n is None else np.float16(n) for n in numbers], pa.float16()).cast(kind)
    encoded = encode(column, kind="binned", values=("dry", "light", "heavy"), edges=(0.0, 2.5))
    assert encoded.attributes[0].values == ("dry", "light", "heavy", "unknown")
    assert names(encoded) == [[name] for name in found]
    assert unmapped(encoded) == []


def test_bins_of_integers_and_a_bin_named_unknown():
    encoded = encode([1, 2, 3], kind="binned", values=("low", "unknown"), edges=(2.0,))
    assert encoded.attributes[0].values == ("low", "unknown")
    assert names(encoded) == [["low"], ["low"], ["unknown"]]


def test_an_attribute_may_read_another_column():
    scenes = pa.table({"rain_mm_h": [0.0, 9.0]})
    config = AttributeConfig(kind="binned", column="rain_mm_h", values=("dry", "wet"), edges=(0.0,))
    encoded = encode_attributes(scenes, {"rain": config})
    assert (encoded.attributes[0].name, names(encoded)) == ("rain", [["dry"], ["wet"]])


def test_unmapped_spellings_name_attribute_and_column():
    scenes = pa.table({"w": ["hail"], "tags": [["elk"]]})
    taxonomy = {
        "weather": AttributeConfig(column="w", values=("rain",)),
        "tags": AttributeConfig(kind="multilabel", values=("car",)),
    }
    assert encode_attributes(scenes, taxonomy).unmapped.to_pylist() == [
        {"attribute": "weather", "column": "w", "spelling": "hail", "n_scenes": 1},
        {"attribute": "tags", "column": "tags", "spelling": "elk", "n_scenes": 1},
    ]


def test_no_attributes():
    encoded = encode_attributes(pa.table({"x": [1, 2]}), {})
    assert (encoded.n_scenes, encoded.attributes, encoded.unmapped.num_rows) == (2, (), 0)


@pytest.mark.parametrize(
    ("column", "config", "message"),
    [
        ([["a"]], {}, 'list<item: string> is not one value per scene; lists of strings need kind = "multilabel"'),
        (["a"], {"kind": "multilabel"}, 'kind = "multilabel" needs a list of strings; got string'),
        ([[["a"]]], {"kind": "multilabel"}, "is not one value per scene"),
        (["1"], {"kind": "binned", "values": ("a", "b"), "edges": (0.0,)}, 'kind = "binned" needs numbers; got string'),
        ([b"\xff"], {}, "column `x` cannot be read as attribute `x`"),
    ],
)
def test_a_column_of_another_type_is_named(column, config, message):
    with pytest.raises(TableError) as error:
        encode(column, **config)
    assert message in str(error.value)
    assert "scenes: column `x`" in str(error.value)


def test_a_missing_column_is_named():
    with pytest.raises(TableError, match="scenes, for attribute `y`: column `z` is missing; there are: x"):
        encode_attributes(pa.table({"x": [1]}), {"y": AttributeConfig(column="z")})
