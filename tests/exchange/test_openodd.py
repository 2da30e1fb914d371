"""OpenODD both ways, judged by openodd-py itself."""

import pyarrow as pa
import pytest

from oddloop.config import AttributeConfig, config_from_mapping
from oddloop.coverage import encode_attributes, judge_scenes
from oddloop.errors import SourceError
from oddloop.exchange.openodd import read_openodd, write_openodd
from oddloop.exchange.taxonomies import list_taxonomies, load_taxonomy

openodd = pytest.importorskip("openodd", reason="openodd-py (extra `odd`) is not installed")

TAXONOMY = {
    "environment.rain": AttributeConfig(
        kind="binned", scale="iso34503:rain", column="rain_mmph", outside=("violent", "cloudburst")
    ),
    "environment.light": AttributeConfig(
        kind="binned", scale="iso34503:illuminance", column="lux", outside=("night", "day")
    ),
    "scenery.zone": AttributeConfig(kind="multilabel", values=("school", "tunnel"), outside=("tunnel",)),
    "scenery.road": AttributeConfig(
        values=("highway", "street", "alley"), parents={"alley": "street"}, outside=("street",)
    ),
    "geo.region": AttributeConfig(),
}


def written(text, tmp_path):
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    return path


def test_what_is_written_says_inside_and_outside_as_we_do(tmp_path):
    rain, lux = [0.0, 50.0, 50.5, 200.0, 1.0], [500.0, 500.0, 500.0, 500.0, 2000.0]
    zone, road = [["school"], [], ["school"], ["tunnel"], []], ["highway", "alley", "highway", "highway", "highway"]
    scenes = pa.table({"rain_mmph": rain, "lux": lux, "scenery.zone": zone, "scenery.road": road, "geo.region": road})
    ours = judge_scenes(encode_attributes(scenes, TAXONOMY), TAXONOMY).to_pylist()
    assert ours == ["inside", "outside", "outside", "outside", "outside"]
    odd = openodd.load_openodd(write_openodd(TAXONOMY))
    for i, judged in enumerate(ours):
        values = {"environment.rain": rain[i], "environment.light": lux[i], "scenery.road": road[i]}
        values |= {f"scenery.zone.{tag}": tag in zone[i] for tag in ("school", "tunnel")}
        assert odd.evaluate(values).inside == (judged == "inside"), i


@pytest.mark.parametrize("name", list_taxonomies())
def test_every_taxonomy_that_ships_can_be_written(name, tmp_path):
    found = read_openodd(written(write_openodd(load_taxonomy(name)), tmp_path))
    for attribute, config in load_taxonomy(name).items():
        if config.kind in ("categorical", "ordered") and config.values:
            assert found.sections[attribute]["values"] == list(config.values)


def test_values_and_limits_come_back(tmp_path):
    found = read_openodd(written(write_openodd(TAXONOMY), tmp_path))
    road = found.sections["scenery.road"]
    assert road == {"column": "road", "values": ["highway", "street", "alley"], "outside": ["street", "alley"]}
    assert found.sections["scenery.zone.tunnel"] == {
        "column": "tunnel",
        "values": ["false", "true"],
        "outside": ["true"],
    }
    # numbers without buckets have nothing to count
    assert found.skipped == ("environment.rain", "environment.light")


def test_buckets_of_a_binding_become_bins_that_end_where_they_do(tmp_path):
    written("TAXONOMY:\n  rain: float precipitation_rate\nODD:\n  m:\n    EXCLUDE_OR: {rain: '> 5 mm/h'}\n", tmp_path)
    binding = tmp_path / "binding.yaml"
    binding.write_text("openodd: [odd.yaml]\nprobes:\n  rain: {probe: x, unit: mm/h, buckets: [0, 2.5, 5, 9]}\n")
    section = read_openodd(binding).sections["rain"]
    assert section["values"] == ["below 0", "[0, 2.5)", "[2.5, 5)", "[5, 9]", "above 9"]
    config = config_from_mapping({"attributes": {"rain": section}}).attributes["rain"]
    encoded = encode_attributes(pa.table({"rain": [-1.0, 0.0, 2.5, 9.0, 9.5]}), {"rain": config})
    (attribute,) = encoded.attributes
    assert [attribute.values[c] for c in attribute.codes] == ["below 0", "[0, 2.5)", "[2.5, 5)", "[5, 9]", "above 9"]


def test_the_default_domain_of_openodd_can_be_read():
    from importlib.resources import files

    found = read_openodd(files("openodd").joinpath("odds/default/default.binding.yaml"))
    assert found.sections["environment.illumination"]["values"] == ["day", "low_sun", "twilight", "night"]
    assert config_from_mapping({"attributes": found.sections}).attributes


@pytest.mark.parametrize(
    ("text", "message"),
    [("TAXONOMY: [", "not well-formed OpenODD"), ("TAXONOMY:\n  x: [a]\nODD:\n  m: {}\n", "module m")],
)
def test_what_is_not_openodd_is_refused(text, message, tmp_path):
    with pytest.raises(SourceError, match=message):
        read_openodd(written(text, tmp_path))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SourceError, match="no such file"):
        read_openodd(tmp_path / "no.yaml")
