"""The coverage pages say what the tables of the stage say, and look different where they say nothing."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI

from oddloop.cli.stages import run_until
from oddloop.lake import Workspace
from oddloop.rounds.ledger import open_ledger
from toy import CONFIG, make_workspace
from web.web_server import PAGE, client, make_app

MEASURES = ("volume", "logs", "pool", "performance", "gap", "uncertainty")


def coverage_of(folder: Path, file: str) -> pa.Table:
    workspace = Workspace.open(folder)
    digest = open_ledger(workspace).round("r002").proposal["stages"]["coverage"]
    return workspace.storage.sub(f"derived/coverage/{digest}").read_table(file)


def cells(found: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    grid = found["grid"]
    return {
        (row, column): cell
        for row, line in zip(grid["row_values"], grid["cells"], strict=True)
        for column, cell in zip(grid["column_values"], line, strict=True)
    }


def get(app: FastAPI, path: str) -> dict[str, Any]:
    answer = client(app, "viewer").get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_cell_says_what_its_segment_says(app: FastAPI, toy: Path) -> None:
    segments, metrics = coverage_of(toy, "segments.parquet"), coverage_of(toy, "segment_metrics.parquet")
    time = get(app, "/coverage?rows=rain&columns=weather&measure=volume")
    value = get(app, "/coverage?rows=rain&columns=weather&measure=performance")
    gap = get(app, "/coverage?rows=rain&columns=weather&measure=gap")
    assert time["attributes"] == ["weather", "rain"]
    pairs = [row for row in segments.to_pylist() if row["n_way"] == 2 and row["status"] == "labelled"]
    assert pairs
    for row in pairs:
        place = tuple(reversed(row["values"]))  # the rows of the grid are the second attribute
        assert cells(time)[place]["value"] == row["duration_s"]
        assert cells(time)[place]["n_labelled"] == row["n_scenes"]
        measured = metrics.filter(pc.equal(metrics["segment_id"], row["segment_id"])).to_pylist()
        if measured:
            assert cells(value)[place]["value"] == measured[0]["value"]
            assert cells(gap)[place]["value"] == pytest.approx(0.9 - measured[0]["value"])
            assert (cells(value)[place]["look"] == "few") == (not measured[0]["valid"])
    seen = {tuple(reversed(row["values"])) for row in pairs}
    assert {place for place, cell in cells(time).items() if cell["look"] == "none"} == set(cells(time)) - seen


def test_the_score_of_a_cell_is_the_mean_over_its_pool(app: FastAPI, toy: Path) -> None:
    workspace = Workspace.open(toy)
    stages = open_ledger(workspace).round("r002").proposal["stages"]
    pool = workspace.storage.sub(f"derived/select/{stages['select']}").read_table("candidates.parquet").to_pylist()
    rain = {row["scene_id"]: row["rain"] for row in coverage_of(toy, "scene_values.parquet").to_pylist()}
    found = get(app, "/coverage?rows=rain&columns=-&measure=uncertainty")
    assert found["grid"]["columns"] == ""
    scores: dict[str, list[float]] = {}
    for row in pool:
        scores.setdefault(rain[row["scene_id"]], []).append(row["score"])
    assert {place[0]: cell["value"] for place, cell in cells(found).items() if cell["value"] is not None} == {
        value: pytest.approx(sum(these) / len(these)) for value, these in scores.items()
    }


def test_a_cell_is_shaded_from_best_to_worst() -> None:
    from oddloop.report.model import Exposure, LeadMetric, Measured, Segment
    from oddloop.web.queries.coverage.measures import measure_of, scale_of

    def segment(value: float, *, valid: bool = True) -> Segment:
        measured = Measured(value, None, None, 1, 1, 1, valid)
        return Segment(f"x={value}", 1, ("x",), (str(value),), Exposure(), Exposure(), Exposure(), measured)

    segments = [segment(0.5), segment(0.7), segment(0.1, valid=False)]
    for better, wanted in (("higher", (0.7, 0.5)), ("lower", (0.5, 0.7))):
        lead = LeadMetric("m", better, 0.6)
        shown, gap = measure_of("performance", lead, {}), measure_of("gap", lead, {})
        assert shown
        assert gap
        assert scale_of(shown, segments, lead) == wanted, "a thin value stretches no scale"
        assert scale_of(gap, segments, lead) == pytest.approx((-0.1, 0.1))
    assert measure_of("gap", LeadMetric("m", "lower"), {}) is None
    assert measure_of("uncertainty", None, {}) is None


def test_the_darkest_cell_has_the_most(app: FastAPI) -> None:
    found = get(app, "/coverage?rows=rain&columns=weather&measure=volume")
    shown = [cell for cell in cells(found).values() if cell["look"] == "value"]
    most = max(shown, key=lambda cell: cell["value"])
    assert most["shade"] == 10
    assert {cell["shade"] for cell in cells(found).values() if cell["look"] == "none"} <= {None}
    assert (found["grid"]["lightest"], found["grid"]["darkest"]) == ("0 s", most["text"])


def test_values_outside_of_the_odd_look_so(toy: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(toy, tmp_path / "ws"))
    text = (folder / "oddloop.toml").read_text()
    marked = text.replace('kind = "binned"\n', 'kind = "binned"\noutside = ["moderate"]\n', 1)
    (folder / "oddloop.toml").write_text(marked)
    found = get(make_app(folder), "/coverage?rows=rain&columns=weather")
    looks = {place: cell["look"] for place, cell in cells(found).items()}
    assert {look for place, look in looks.items() if place[0] == "moderate"} == {"outside"}
    assert "outside" not in {look for place, look in looks.items() if place[0] != "moderate"}
    page = client(make_app(folder), "viewer").get("/coverage?rows=rain&columns=weather", headers=PAGE).text
    assert re.search(r'<td class="outside', page)
    assert "outside the ODD" in page


def test_two_rounds_stand_in_one_cell(app: FastAPI) -> None:
    both = get(app, "/coverage?rows=rain&columns=weather&measure=volume&against=r000")
    before = get(app, "/coverage?rows=rain&columns=weather&measure=volume&round=r000")
    assert {place: cell["other"] for place, cell in cells(both).items()} == {
        place: cell["value"] for place, cell in cells(before).items()
    }
    assert any(cell["other"] != cell["value"] for cell in cells(both).values())


def test_a_model_stands_in_a_cell_as_the_round_that_measured_it(app: FastAPI) -> None:
    asked = "/coverage?rows=rain&columns=-&measure=performance"
    by_model, by_round = get(app, f"{asked}&against=m000"), get(app, f"{asked}&against=r000")
    assert by_model["models"] == ["m001", "m000"]
    assert by_model["grid"] == by_round["grid"]
    assert any(cell["other"] is not None for cell in cells(by_model).values())
    answer = client(app, "viewer").get(f"/api/v1{asked}&against=m999")
    assert answer.status_code == 404
    assert "no model 'm999'; there are: r002, r001, r000, m001, m000" in answer.json()["detail"]


def test_pages_answer_whatever_is_asked(app: FastAPI) -> None:
    viewer = client(app, "viewer")
    for measure in MEASURES:
        for rest in ("", "&columns=-", "&rows=rain", "&rows=rain&columns=rain", "&against=r001", "&ways=2"):
            path = f"/coverage?measure={measure}{rest}"
            assert viewer.get(path, headers=PAGE).status_code == 200, path
    for path in ("/coverage?rows=nothing", "/coverage?round=r999", "/coverage/segment?id=nothing"):
        assert viewer.get(path, headers=PAGE).status_code == 404, path
        assert viewer.get(f"/api/v1{path}").headers["content-type"] == "application/problem+json"
    for query in ("measure=x", "ways=3", "round=1", "x=1", "rows=" + "x" * 201):
        assert viewer.get(f"/api/v1/coverage?{query}").status_code == 422


def test_the_quadrant_has_every_measured_segment(app: FastAPI, toy: Path) -> None:
    metrics = coverage_of(toy, "segment_metrics.parquet").to_pylist()
    values = {row["segment_id"]: row["value"] for row in metrics if row["metric"] == "accuracy"}
    for ways in (1, 2):
        found = get(app, f"/coverage?ways={ways}")["quadrant"]
        assert {p["segment_id"]: p["value"] for p in found["points"]} == {
            name: value for name, value in values.items() if name.count("=") == ways and value is not None
        }
    page = client(app, "viewer").get("/coverage", headers=PAGE).text
    assert page.count('class="dot ') == len(get(app, "/coverage")["quadrant"]["points"])


def test_a_segment_has_its_verdict_and_how_it_learned(app: FastAPI, toy: Path) -> None:
    worst = get(app, "/overview")["gaps"]["worst"][0]
    found = get(app, f"/coverage/segment?id={worst['segment_id']}")
    verdict = found["verdicts"][0]
    assert (verdict["verdict"], verdict["because"], verdict["value"]) == (
        worst["verdict"],
        worst["because"],
        worst["value"],
    )
    assert found["labelled"]["n_scenes"] == worst["n_labelled"]
    assert [point["round"] for point in found["learned"]] == [0, 1]
    assert found["learned"][0]["n_scenes"] <= found["learned"][1]["n_scenes"]
    assert found["learned"][1]["value"] == worst["value"]
    page = client(app, "viewer").get(f"/coverage/segment?id={worst['segment_id']}", headers=PAGE).text
    assert 'class="whisker"' in page or found["learned"][1]["ci_low"] is None
    assert "learning curve" in page


def test_what_lies_in_a_segment_leads_on(app: FastAPI, toy: Path) -> None:
    segments = coverage_of(toy, "segments.parquet").to_pylist()
    single = next(row["segment_id"] for row in segments if row["n_way"] == 1 and row["segment_id"].startswith("rain="))
    found = get(app, f"/coverage/segment?id={single}")
    wanted = {row["segment_id"] for row in segments if row["n_way"] == 2 and single in row["segment_id"].split(" & ")}
    assert {one["segment_id"] for one in found["within"]} == wanted
    assert found["parents"] == ["all"]
    inner = get(app, f"/coverage/segment?id={found['within'][0]['segment_id'].replace('&', '%26')}")
    assert single in inner["parents"]
    everything = get(app, "/coverage/segment")
    assert everything["segment_id"] == "all"
    assert {one["segment_id"] for one in everything["within"]} == {r["segment_id"] for r in segments if r["n_way"] == 1}


def test_names_of_values_do_no_harm(toy: Path, tmp_path: Path) -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
    folder = Path(shutil.copytree(toy, tmp_path / "ws"))
    workspace = Workspace.open(folder)
    digest = open_ledger(workspace).round("r002").proposal["stages"]["coverage"]
    place = workspace.storage.sub(f"derived/coverage/{digest}")
    for file in ("segments.parquet", "segment_metrics.parquet"):
        table = place.read_table(file)
        rows = json.loads(json.dumps(table.to_pylist()).replace("no_rain", json.dumps(evil)[1:-1]))
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(rows, table.schema), sink)
        place.write_bytes(file, sink.getvalue().to_pybytes())
    viewer = client(make_app(folder), "viewer")
    pages = ["/coverage?rows=rain&columns=weather&measure=performance", "/coverage?ways=2", "/coverage/segment"]
    for path in (
        *pages,
        "/coverage/segment?id=rain%3D" + evil.replace("<", "%3C").replace("&", "%26").replace('"', "%22"),
    ):
        answer = viewer.get(path, headers=PAGE)
        assert answer.status_code == 200, path
        assert "alert(1)" in answer.text
        assert "<script>alert" not in answer.text
        assert "<img" not in answer.text


def test_without_coverage_the_pages_say_what_to_do(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "ws", "[workspace]\nname = 'new'\n")
    viewer = client(make_app(tmp_path / "ws"), "viewer")
    commands = {"/coverage": "coverage", "/coverage/segment": "coverage", "/scenes": "coverage", "/review": "run"}
    for path, command in commands.items():
        answer = viewer.get(path, headers=PAGE)
        assert answer.status_code == 200
        assert f"<code>oddloop {command}</code>" in answer.text


def test_the_overview_and_the_rounds_lead_here(app: FastAPI) -> None:
    viewer = client(app, "viewer")
    links = re.findall(r'href="(/coverage/segment[^"]+)"', viewer.get("/", headers=PAGE).text)
    assert len(links) == 3
    for link in links:
        assert viewer.get(link.replace("&amp;", "&"), headers=PAGE).status_code == 200
    assert 'href="/rounds/r002/review"' in viewer.get("/rounds/r002", headers=PAGE).text


def test_what_was_counted_before_the_first_round_is_shown(tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    volume = '\n[attributes.sky]\ncolumn = "weather"\nvalues = ["clear", "hail"]\n[coverage.volume]\nleast = 30\n'
    make_workspace(folder, config=CONFIG + volume)
    own = make_app(folder)
    assert get(own, "/coverage")["grid"] is None
    covered = run_until("coverage", str(folder), quiet=True)
    own.state.site.store.renew()
    assert get(own, "/coverage?rows=rain&columns=weather")["grid"]["row_values"]
    assert get(own, "/scenes")["n_scenes"] == 48
    missing = get(own, "/coverage")["missing"]
    lacking = [row for row in covered.storage.read_table("volume_gaps.parquet").to_pylist() if row["shortfall"] > 0]
    assert missing["total"] == len(lacking)
    assert [(gap["segment_id"], gap["to_label"], gap["to_drive"]) for gap in missing["largest"]] == [
        (row["segment_id"], row["to_label"], row["to_drive"]) for row in lacking
    ]
    first = client(own, "viewer").get("/", headers=PAGE).text
    assert f'<a href="/coverage#missing">{len(lacking)} gaps of volume' in first
    page = client(own, "viewer").get("/coverage", headers=PAGE).text
    assert re.search(r'sky=<wbr>hail</th>.*<td class="n" data-v="30.0">30</td>', page), "what no scene has has no page"
    links = re.findall(r'row"><a href="(/coverage/segment[^"]+)"', page)
    assert links
    assert all(client(own, "viewer").get(link, headers=PAGE).status_code == 200 for link in links)
    own.state.site.store.close()


def test_where_nothing_is_labelled_what_could_be_is_shown_first(app: FastAPI, tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    make_workspace(folder)
    for file in (folder / "lake/labels").iterdir():
        pq.write_table(pq.read_table(file).slice(0, 0), file)
    run_until("coverage", str(folder), quiet=True)
    own = make_app(folder)
    found = get(own, "/coverage")
    assert (found["measure"], get(app, "/coverage")["measure"]) == ("pool", "volume")
    assert any(cell["value"] for cell in cells(found).values())
    assert get(own, "/coverage?measure=volume")["measure"] == "volume"
    page = client(own, "viewer").get("/coverage", headers=PAGE).text
    assert '<option value="pool" selected>' in page
    own.state.site.store.close()
