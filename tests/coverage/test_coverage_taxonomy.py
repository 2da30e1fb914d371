"""Aliases, wider values, flags, named scales, and the limits of the ODD."""

import itertools
import json
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.config import AttributeConfig, config_from_mapping, load_config
from oddloop.config.scales import SCALES
from oddloop.coverage import compute_exposure, encode_attributes, judge_scenes, judge_segments
from oddloop.errors import ConfigError

WEATHER = {
    "values": ("clear", "precipitation", "rain", "drizzle", "snow"),
    "parents": {"rain": "precipitation", "drizzle": "rain", "snow": "precipitation"},
}


def encode(column, **config):
    return encode_attributes(pa.table({"x": column}), {"x": AttributeConfig(**config)})


def names(encoded):
    """Value names of each scene, as lists."""
    (attribute,) = encoded.attributes
    offsets = attribute.offsets if attribute.offsets is not None else np.arange(encoded.n_scenes + 1)
    return [[attribute.values[c] for c in attribute.codes[a:b]] for a, b in itertools.pairwise(offsets)]


def test_a_published_spelling_stands_for_a_value_and_what_nobody_mapped_is_listed():
    encoded = encode(
        ["rainy", "undefined", "rain", "hail"],
        values=("rain",),
        aliases={"rainy": "rain", "undefined": "unknown"},
    )
    assert names(encoded) == [["rain"], ["unknown"], ["rain"], ["unknown"]]
    # `undefined` was mapped to unknown on purpose, `hail` was not mapped
    assert [(r["spelling"], r["n_scenes"]) for r in encoded.unmapped.to_pylist()] == [("hail", 1)]


def test_values_that_nobody_listed_are_those_found_and_their_wider_ones():
    encoded = encode(["drizzle", "wet"], aliases={"wet": "rain"}, parents={"drizzle": "rain"})
    assert encoded.attributes[0].values == ("drizzle", "rain", "unknown")
    assert names(encoded) == [["drizzle", "rain"], ["rain"]]


def test_a_scene_counts_for_every_wider_value():
    assert names(encode(["drizzle", "rain", "clear", None], **WEATHER)) == [
        ["precipitation", "rain", "drizzle"],
        ["precipitation", "rain"],
        ["clear"],
        ["unknown"],
    ]


@given(st.lists(st.lists(st.sampled_from(WEATHER["values"]), max_size=4), min_size=1, max_size=20))
def test_wider_values_of_lists_are_the_union_over_their_tags(tags):
    found = names(encode(pa.array(tags, pa.list_(pa.string())), kind="multilabel", **WEATHER))
    config = AttributeConfig(kind="multilabel", **WEATHER)
    for tag_list, values in zip(tags, found, strict=True):
        wanted = {wider for tag in tag_list for wider in config.family(tag)} or {"none"}
        assert set(values) == wanted
        assert len(values) == len(wanted)


def test_a_wider_value_is_counted_once_per_scene():
    scenes = pa.table(
        {"scene_id": ["a", "b"], "log_id": ["l", "l"], "duration_s": [3.0, 4.0], "x": [["rain", "snow"], ["clear"]]}
    )
    taxonomy = {"x": AttributeConfig(kind="multilabel", **WEATHER)}
    table = compute_exposure(scenes, pa.array(["a", "b"]), encode_attributes(scenes, taxonomy), 1).to_pylist()
    (row,) = [r for r in table if r["segment_id"] == "x=precipitation" and r["status"] == "labelled"]
    assert (row["n_scenes"], row["duration_s"]) == (1, 3.0)


def test_flags_are_the_columns_that_say_yes():
    scenes = pa.table({"Rain": ["Y", "", None, "N"], "Snow": ["Y ", "", None, None], "Fog": [True, None, None, False]})
    config = AttributeConfig(kind="flags", flags={"rain": "Rain", "snow": "Snow", "fog": "Fog"})
    # nobody wrote anything: unknown; somebody wrote that it is not so: none
    assert names(encode_attributes(scenes, {"x": config})) == [
        ["rain", "snow", "fog"],
        ["unknown"],
        ["unknown"],
        ["none"],
    ]


def test_words_are_looked_for_in_free_text():
    texts = ["Night, rain, peds", "Day, parked cars", "RAINY", None, " "]
    found = names(encode(texts, kind="words", words={"rain": "rain", "night": "night"}, otherwise="dry"))
    assert found == [["rain", "night"], ["dry"], ["rain"], ["unknown"], ["unknown"]]
    assert names(encode(["night"], kind="words", words={"night": "night"}, otherwise="night")) == [["night"]]


@pytest.mark.parametrize(
    ("scale", "raw", "value"),
    [
        # ISO 34503: light rain is (0, 2.5], heavy (7.6, 50]
        (
            "iso34503:rain",
            [0.0, 0.1, 2.5, 2.6, 7.6, 50.0, 100.1],
            "no_rain light light moderate moderate heavy cloudburst",
        ),
        # heavy snow: below 500 m of visibility; day: 2,000 lux or more
        ("iso34503:snow", [499.0, 500.0, 1000.0, 1001.0], "heavy moderate moderate light"),
        ("iso34503:illuminance", [1.0, 1.1, 1999.0, 2000.0], "night low_ambient low_ambient day"),
        # GB/T 45312: 10 to 14.9 mm/h is level 1, 50 and more level 4
        ("gbt45312:rain", [9.9, 10.0, 15.0, 49.9, 50.0], "below_level_1 level_1 level_2 level_3 level_4"),
        ("gbt45312:illuminance", [4.9, 5.0, 50.0, 1000.0], "night_unlit night_lit weak strong"),
        ("oddloop:ego_speed", [0.0, 3.0, 30.0, 200.0], "standing 0-5 25-35 above_125"),
    ],
)
def test_scales_cut_where_the_standard_does(scale, raw, value):
    assert [v for (v,) in names(encode(raw, kind="binned", scale=scale))] == value.split()


@pytest.mark.parametrize("name", SCALES)
def test_scales_are_well_formed(name):
    scale = SCALES[name]
    assert len(scale.values) == len(scale.edges) + 1 == len(set(scale.values))
    assert list(scale.edges) == sorted(set(scale.edges))
    assert scale.unit
    assert scale.quantity


@pytest.mark.parametrize("name", SCALES)
def test_settings_that_a_round_has_recorded_are_read_again(name):
    config = load_config(f'[attributes.x]\nkind = "binned"\nscale = "{name}"')
    recorded = json.loads(json.dumps({"attributes": {"x": asdict(config.attributes["x"])}}))
    assert config_from_mapping(recorded).attributes == config.attributes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('kind = "binned"\nscale = "iso:rain"', "`scale` 'iso:rain' is not known; known: iso34503:rain"),
        ('kind = "binned"\nscale = "iso34503:rain"\nunit = "mm"', "drop yours, or drop `scale`"),
        ('values = ["a"]\naliases = { b = "c" }', "`aliases` names 'c', which is not among `values`"),
        ('values = ["a"]\noutside = ["c"]', "`outside` names 'c'"),
        ('parents = { a = "b", b = "c", c = "a" }', "lead in a circle"),
        ('flags = { a = "A" }', '`flags` belongs to kind = "flags"'),
        ('kind = "flags"', '`flags` belongs to kind = "flags"'),
        ('kind = "flags"\nflags = { a = "A" }\ncolumn = "B"', "takes its values from `flags`"),
        ('kind = "binned"\nedges = [1.0]\nvalues = ["a", "b"]\naliases = { x = "a" }', "reads numbers; drop them"),
    ],
)
def test_bad_taxonomies_are_refused(text, message):
    with pytest.raises(ConfigError, match=r"attributes\.x: ") as refused:
        load_config(f"[attributes.x]\n{text}")
    assert message in str(refused.value)


def test_inside_outside_and_unknown_are_three_things():
    taxonomy = {
        "weather": AttributeConfig(**WEATHER, outside=("rain",)),
        "road": AttributeConfig(),
    }
    scenes = pa.table({"weather": ["clear", "drizzle", None, "snow", None], "road": ["a", "a", "a", None, "b"]})
    encoded = encode_attributes(scenes, taxonomy)
    # drizzle is a kind of rain; an unknown road does not matter, since no road is outside
    assert judge_scenes(encoded, taxonomy).to_pylist() == ["inside", "outside", "unknown", "inside", "unknown"]
    segments = pa.table(
        {
            "attributes": [[], ["weather"], ["road"], ["weather", "road"], ["weather", "road"]],
            "values": [[], ["unknown"], ["unknown"], ["drizzle", "unknown"], ["snow", "a"]],
        }
    )
    judged = judge_segments(segments, taxonomy).to_pylist()
    assert judged == ["inside", "unknown", "inside", "outside", "inside"]


def test_without_limits_everything_is_inside_and_no_rows_are_no_answers():
    taxonomy = {"x": AttributeConfig()}
    assert judge_scenes(encode([None, "a"]), taxonomy).to_pylist() == ["inside", "inside"]
    assert judge_scenes(encode(pa.array([], pa.string())), taxonomy).to_pylist() == []
    empty = pa.table({"attributes": pa.array([], pa.list_(pa.string())), "values": pa.array([], pa.list_(pa.string()))})
    assert judge_segments(empty, taxonomy).to_pylist() == []
