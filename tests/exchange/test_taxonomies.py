"""The taxonomies that ship: well-formed, of one vocabulary, and of the spellings that data sets publish."""

import json

import pyarrow as pa
import pytest

from oddloop.cli import init, taxonomy
from oddloop.config import load_config
from oddloop.config.scales import SCALES
from oddloop.coverage import encode_attributes
from oddloop.errors import ConfigError
from oddloop.exchange.taxonomies import (
    describe_taxonomy,
    list_taxonomies,
    load_taxonomy,
    taxonomy_sections,
    taxonomy_toml,
)

CROSSWALKS = list_taxonomies()[1:]
PUBLISHED = {
    "bdd100k": {
        "weather": ["rainy", "snowy", "clear", "overcast", "undefined", "partly cloudy", "foggy"],
        "scene": ["tunnel", "residential", "parking lot", "undefined", "city street", "gas stations", "highway"],
        "timeofday": ["daytime", "night", "dawn/dusk", "undefined"],
    },
    "waymo": {"time_of_day": ["Day", "Dawn/Dusk", "Night"], "weather": ["sunny", "rain", "Sunny", "Rain"]},
    "nuscenes": {"visibility": ["v0-40", "v40-60", "v60-80", "v80-100"]},
    "nuplan": {
        "categories": [
            ["vehicle", "bicycle", "pedestrian", "traffic_cone", "barrier", "czone_sign", "generic_object"],
        ],
        "scenario_types": [["changing_lane", "on_carpark"], None],
    },
    "kitti": {"category": ["City", "Residential", "Road", "Campus", "Person"]},
}
"""Spellings by column, as the data sets' own documents list them."""
OWN = {"dynamic.scenario_type"}
"""Attributes that only one data set has."""


def test_every_data_set_that_is_promised_has_a_crosswalk():
    assert {"kitti", "bdd100k", "waymo", "nuscenes", "nuplan", "argoverse2"} <= set(CROSSWALKS)
    assert all(describe_taxonomy(name) for name in list_taxonomies())


@pytest.mark.parametrize("name", list_taxonomies())
def test_what_is_shown_can_be_put_into_oddloop_toml(name):
    assert load_config(taxonomy_toml(taxonomy_sections(name))).attributes == load_taxonomy(name)


@pytest.mark.parametrize("name", CROSSWALKS)
def test_crosswalks_end_in_the_values_of_the_default(name):
    default = load_taxonomy("iso34503")
    for attribute, config in load_taxonomy(name).items():
        if attribute in OWN:
            continue
        allowed = {*default[attribute].values, "unknown", "none"}
        used = {*config.values, *config.aliases.values(), *config.flags, *config.words}
        used |= {config.otherwise} if config.words else set()
        assert not default[attribute].values or used <= allowed, attribute


@pytest.mark.parametrize(("name", "column"), [(n, c) for n, columns in PUBLISHED.items() for c in columns])
def test_published_spellings_are_all_mapped(name, column):
    attributes = {n: a for n, a in load_taxonomy(name).items() if a.columns_of(n) == (column,)}
    assert attributes
    encoded = encode_attributes(pa.table({column: PUBLISHED[name][column]}), attributes)
    assert encoded.unmapped.num_rows == 0


def test_the_scenario_types_of_nuplan_are_all_named():
    (attribute,) = OWN
    values = load_taxonomy("nuplan")[attribute].values
    assert len(set(values)) == len(values) == 73


def test_a_spelling_that_nobody_published_is_unknown_and_listed():
    scenes = pa.table({"time_of_day": ["Day", "Noon"]})
    attributes = {"environment.illuminance": load_taxonomy("waymo")["environment.illuminance"]}
    encoded = encode_attributes(scenes, attributes)
    (attribute,) = encoded.attributes
    assert [attribute.values[c] for c in attribute.codes] == ["day", "unknown"]
    assert encoded.unmapped["spelling"].to_pylist() == ["Noon"]


def test_the_default_grades_rain_as_its_named_scale_does():
    graded = set(load_taxonomy("iso34503")["environment.rain"].values)
    assert set(SCALES["iso34503:rain"].values) <= graded


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="no taxonomy is called 'bdd10k'; did you mean `bdd100k`"):
        taxonomy_sections("bdd10k")


@pytest.mark.parametrize("name", list_taxonomies())
def test_a_new_workspace_may_begin_with_a_taxonomy(name, tmp_path):
    init.run(str(tmp_path / "ws"), taxonomy=name)
    assert load_config((tmp_path / "ws" / "oddloop.toml").read_text()).attributes == load_taxonomy(name)


def test_the_commands_show_what_ships(capsys):
    taxonomy.show("waymo")
    assert load_config(capsys.readouterr().out).attributes == load_taxonomy("waymo")
    taxonomy.list_(as_json=True)
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == list(list_taxonomies())
