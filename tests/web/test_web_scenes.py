"""The search page counts and orders what the tables hold, whatever an address asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from fastapi import FastAPI

from oddloop.lake import Workspace
from oddloop.rounds.ledger import open_ledger
from toy import make_workspace
from web.web_server import PAGE, client, make_app
from web.wild_scenes import HOSTILE, XSS, Rows, clusters, rows_of


@pytest.fixture(scope="module")
def site(wild: Path) -> Iterator[FastAPI]:
    made = make_app(wild)
    yield made
    made.state.site.store.close()


@pytest.fixture(scope="module")
def rows(wild: Path) -> Rows:
    return rows_of(wild)


def get(app: FastAPI, status: int = 200, **asked: Any) -> dict[str, Any]:
    answer = client(app, "viewer").get(f"/api/v1/scenes?{urlencode(asked, doseq=True)}")
    assert answer.status_code == status, answer.text
    return answer.json()


def ids(found: dict[str, Any]) -> list[str]:
    return [item["scene_id"] for item in found["part"]["items"]]


def bars(found: dict[str, Any], attribute: str) -> dict[str, int]:
    facet = next(f for f in found["facets"] if f["attribute"] == attribute)
    return {bar["value"]: bar["n"] for bar in facet["bars"]}


def has(row: dict[str, Any], name: str, *wanted: str) -> bool:
    value = row[name] if row[name] is not None else "unknown"
    return bool(set(wanted) & set(value if isinstance(value, list) else [value]))


CASES: list[tuple[dict[str, Any], Callable[[dict[str, Any]], bool]]] = [
    ({}, lambda row: True),
    ({"where": "rain=light"}, lambda row: has(row, "rain", "light")),
    ({"where": ["rain=light", "rain=no_rain"]}, lambda row: has(row, "rain", "light", "no_rain")),
    ({"where": ["rain=light", "seen=car"]}, lambda row: has(row, "rain", "light") and has(row, "seen", "car")),
    ({"where": [f"seen={XSS}"]}, lambda row: has(row, "seen", XSS)),
    ({"where": ["gone=unknown"]}, lambda row: True),
    ({"where": ["rain=never seen"]}, lambda row: False),
    ({"labelled": "yes"}, lambda row: row["labelled"]),
    ({"labelled": "no", "split": "pool"}, lambda row: not row["labelled"] and row.get("split") != "eval"),
    ({"split": "eval"}, lambda row: row.get("split") == "eval"),
    ({"text": "LOG1 s3"}, lambda row: row["scene_id"] == "log1/s3"),
    ({"text": "log1"}, lambda row: row["log_id"] == "log1"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "meets"), CASES, ids=[str(asked)[:30] for asked, _ in CASES])
def test_counts_are_those_of_the_tables(
    site: FastAPI, rows: Rows, asked: dict[str, Any], meets: Callable[[dict[str, Any]], bool]
) -> None:
    found = get(site, **asked, sort="id", limit=500)
    kept = [row for row in rows if meets(row)]
    assert found["n_scenes"] == len(rows)
    assert found["part"]["total"] == len(kept)
    assert ids(found) == sorted(row["scene_id"] for row in kept)
    where = asked.get("where", [])
    conditioned = {c.partition("=")[0] for c in ([where] if isinstance(where, str) else where)}
    for name in {"weather", "rain", "seen", "gone"} - conditioned:
        for value, n in bars(found, name).items():
            assert n == sum(has(row, name, value) for row in kept), (name, value)


def test_one_chooses_among_all_values_of_an_attribute(site: FastAPI, rows: Rows) -> None:
    found = get(site, where=["rain=light", "seen=car"])
    among = [row for row in rows if has(row, "seen", "car")]
    assert bars(found, "rain") == {v: sum(has(r, "rain", v) for r in among) for v in bars(found, "rain")}
    assert bars(found, "rain")["no_rain"] > 0
    (unseen,) = [f for f in get(site, where="rain=blizzard")["facets"] if f["attribute"] == "rain"]
    assert ("blizzard", 0, True) in [(bar["value"], bar["n"], bar["is_on"]) for bar in unseen["bars"]]


def test_rare_values_are_other(site: FastAPI, rows: Rows) -> None:
    (facet,) = [f for f in get(site)["facets"] if f["attribute"] == "many"]
    shown = {bar["value"] for bar in facet["bars"]}
    rest = [row["scene_id"] for row in rows if row["many"] not in shown]
    assert rest
    assert (facet["rest"]["n"], facet["n_rest"]) == (len(rest), len({row["many"] for row in rows} - shown))
    assert ids(get(site, rest="many", sort="id", limit=500)) == sorted(rest)
    assert set(bars(get(site, all="many"), "many")) == {row["many"] for row in rows}


def test_scores_bound_and_order(site: FastAPI, rows: Rows) -> None:
    found = get(site, limit=500)
    name = found["score"]
    known = sorted((row for row in rows if row.get(f"{name}_valid")), key=lambda row: (-row[name], row["scene_id"]))
    assert ids(found)[: len(known)] == [row["scene_id"] for row in known]
    assert all(item["score"] is None for item in found["part"]["items"][len(known) :])
    assert (found["least"], found["greatest"]) == (known[-1][name], known[0][name])
    middle = known[len(known) // 2][name]
    assert ids(get(site, at_least=middle, limit=500)) == [r["scene_id"] for r in known if r[name] >= middle]
    low = get(site, at_most=middle, sort="low", limit=500)
    assert [item["score"] for item in low["part"]["items"]] == sorted(r[name] for r in known if r[name] <= middle)
    assert get(site, at_least="", at_most="")["part"]["total"] == len(rows)
    assert "no score" in get(site, 404, score="nothing")["detail"]
    get(site, 422, at_least="nan")


def test_clusters_and_their_names(site: FastAPI, wild: Path, rows: Rows) -> None:
    members = clusters(Workspace.open(wild))
    first = next(iter(members))
    assert set(ids(get(site, cluster=first, limit=500))) == members[first]
    assert set(ids(get(site, scenario=f"Cut-in {XSS}", limit=500))) == members[first]
    assert set(ids(get(site, text="cut-IN", limit=500))) == members[first]
    assert get(site, cluster="c9999")["part"]["total"] == 0
    assert get(site, scenario="nothing")["part"]["total"] == 0
    assert {g["cluster_id"]: g["n"] for g in get(site)["clusters"]} == {k: len(v) for k, v in members.items()}


def test_the_likest_scenes_come_first(site: FastAPI, wild: Path, rows: Rows) -> None:
    workspace = Workspace.open(wild)
    digest = open_ledger(workspace).round("r002").proposal["stages"]["discover"]
    table = workspace.storage.sub(f"derived/discover/{digest}").read_table("scene_vectors.parquet").to_pylist()
    vectors = {row["scene_id"]: np.array(row["vector"], np.float64) for row in table}
    example = sorted(vectors)[3]
    light = {row["scene_id"] for row in rows if has(row, "rain", "light")}
    distance = {name: float(np.linalg.norm(v - vectors[example])) for name, v in vectors.items() if name != example}
    best = sorted(distance, key=lambda name: (distance[name], name))
    found = get(site, like=example, limit=5, offset=2)
    assert ids(found) == best[2:7]
    assert [item["distance"] for item in found["part"]["items"]] == pytest.approx([distance[n] for n in best[2:7]])
    assert found["part"]["total"] == len(distance)
    assert ids(get(site, like=example, where="rain=light", limit=3)) == [n for n in best if n in light][:3]
    assert best[0] not in ids(get(site, like=example, unlike=best[0], limit=500))
    assert "no scene vector" in get(site, 404, like="nowhere")["detail"]


def test_parts_of_the_list_join_and_end(site: FastAPI, rows: Rows) -> None:
    viewer, path, seen = client(site, "viewer"), "/api/v1/scenes?where=rain%3Dlight&where=rain%3Dno_rain&limit=7", []
    while path:
        answer = viewer.get(path)
        seen += ids(answer.json())
        path = answer.links.get("next", {}).get("url", "")
    assert len(seen) == len(set(seen)) == sum(has(row, "rain", "light", "no_rain") for row in rows)
    beyond = get(site, offset=10**9)
    assert (beyond["part"]["items"], beyond["part"]["total"]) == ([], len(rows))
    assert "behind its end" in viewer.get("/scenes?offset=100000", headers=PAGE).text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_is_asked_for_is_only_ever_compared(site: FastAPI, hostile: str) -> None:
    viewer = client(site, "viewer")
    for name in ("where", "rest", "all", "text", "score", "labelled", "split", "cluster", "scenario", "like", "unlike",
                 "sort", "at_least", "limit", "offset", "strange"):  # fmt: skip
        for value in (hostile, f"rain={hostile}", f"{hostile}=rain"):
            answer = viewer.get(f"/scenes?{urlencode({name: value})}", headers=PAGE)
            assert answer.status_code in (200, 404, 422), (name, answer.text)
            assert "<script>alert" not in answer.text
    if hostile not in XSS and hostile != "_":  # some cluster has that name, some scene that letter
        assert get(site, text=hostile)["part"]["total"] == 0


def test_hostile_values_are_shown_as_text(site: FastAPI) -> None:
    page = client(site, "viewer").get(f"/scenes?{urlencode({'where': f'seen={XSS}'})}", headers=PAGE).text
    assert "<script>window" not in page
    assert page.count("&lt;script&gt;window.harm") > 3


def test_a_bar_adds_its_condition_and_takes_it_away(site: FastAPI) -> None:
    page = client(site, "viewer").get("/scenes?where=rain%3Dlight&limit=5&offset=5", headers=PAGE).text
    assert 'href="/scenes?limit=5"' in page
    assert 'href="/scenes?where=rain%3Dlight&amp;limit=5&amp;where=rain%3Dno_rain"' in page


def test_before_the_first_run(tmp_path: Path) -> None:
    make_workspace(tmp_path / "ws")
    fresh = make_app(tmp_path / "ws")
    assert get(fresh)["n_scenes"] is None
    assert "oddloop coverage" in client(fresh, "viewer").get("/scenes", headers=PAGE).text
    fresh.state.site.store.close()
