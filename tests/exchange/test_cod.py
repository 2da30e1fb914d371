"""The current operational domain that openodd-py writes of our scenes."""

import csv

import pyarrow as pa
import pytest

from oddloop.cli import taxonomy
from oddloop.config import AttributeConfig
from oddloop.coverage import encode_attributes, list_scene_values
from oddloop.errors import TableError
from oddloop.exchange.cod import write_cod
from oddloop.lake.workspace import Workspace

openodd = pytest.importorskip("openodd", reason="openodd-py (extra `odd`) is not installed")

ATTRIBUTES = {
    "environment.rain": AttributeConfig(kind="binned", scale="iso34503:rain", column="rain_mmph"),
    "scenery.zone": AttributeConfig(kind="multilabel", values=("school", "tunnel")),
    "scenery.road": AttributeConfig(values=("street", "alley"), parents={"alley": "street"}),
}


def scenes():
    return pa.table(
        {
            "scene_id": ["a", "b", "c"],
            "log_id": ["l", "l", "l"],
            "start_ns": [1_700_000_000_000_000_000, 1_700_000_010_500_000_000, 1_700_000_020_000_000_000],
            "duration_s": [5.0, 5.0, 5.0],
            "latitude_deg": [35.5, 35.6, None],
            "longitude_deg": [139.5, 139.6, None],
            "rain_mmph": [0.0, None, 3.0],
            "scenery.zone": [["school"], None, []],
            "scenery.road": ["alley", None, "street"],
        }
    )


def values(table):
    return list_scene_values(
        table["scene_id"].combine_chunks(), pa.array([], pa.string()), encode_attributes(table, ATTRIBUTES)
    )


def test_rows_hold_time_place_and_the_narrowest_values(tmp_path):
    table = scenes()
    summary = write_cod(table, values(table), ATTRIBUTES, tmp_path, "fleet")
    assert (summary.n_scenes, summary.n_left_out) == (2, 1)
    with summary.files[0].open(newline="") as file:
        first, second = csv.DictReader(file)
    assert first == {
        "TEMPORAL_EXTENT": "2023-11-14 22:13:20.000",
        "SPATIAL_EXTENT": "35.5000000 139.5000000",
        "environment.rain;mm/h": "0.0",
        "scenery.zone.school": "true",
        "scenery.zone.tunnel": "false",
        "scenery.road": "alley",
    }
    # what nobody recorded is an empty cell
    assert [second[name] for name in list(first)[2:]] == ["", "", "", ""]
    assert second["TEMPORAL_EXTENT"] == "2023-11-14 22:13:30.500"


def test_the_taxonomy_beside_it_is_well_formed(tmp_path):
    table = scenes()
    taxonomy_file = write_cod(table, values(table), ATTRIBUTES, tmp_path, "fleet").files[2]
    odd = openodd.load_openodd(taxonomy_file)
    assert [a.name for a in odd.attributes] == [
        "environment.rain",
        "scenery.zone.school",
        "scenery.zone.tunnel",
        "scenery.road",
    ]


def test_scenes_without_any_place_are_refused(tmp_path):
    table = scenes()
    with pytest.raises(TableError, match="column `latitude_deg` is missing"):
        write_cod(table.drop_columns(["latitude_deg"]), values(table), ATTRIBUTES, tmp_path, "fleet")
    nowhere = table.slice(2)
    with pytest.raises(TableError, match="none of 1 has a place"):
        write_cod(nowhere, values(nowhere), ATTRIBUTES, tmp_path, "fleet")


def test_the_commands(tmp_path, capsys):
    workspace = Workspace.create(str(tmp_path / "ws"), '[attributes.road]\nvalues = ["street", "alley"]\n')
    workspace.storage.fs.create_dir(workspace.storage.path("lake/scenes"), recursive=True)
    workspace.storage.write_table("lake/scenes/part-0.parquet", scenes().rename_columns({"scenery.road": "road"}))
    taxonomy.write(str(tmp_path / "ws"))
    text = capsys.readouterr().out
    (tmp_path / "odd.yaml").write_text(text)
    taxonomy.read(tmp_path / "odd.yaml")
    assert 'values = [\n    "street",\n    "alley",\n]' in capsys.readouterr().out
    taxonomy.cod(tmp_path / "cod", str(tmp_path / "ws"))
    assert "2 scenes in" in capsys.readouterr().out
