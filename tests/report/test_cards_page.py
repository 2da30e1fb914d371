"""The page of cards: what it shows, how it is put in order, that nothing can break it, and that it stays small."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from oddloop.derived_tables import SCENE_MAP
from oddloop.discover.cards.parameters import Parameter
from oddloop.report import CardsPage, render_cards
from oddloop.report.birdseye import draw_scene
from oddloop.report.cards_map import by_innermost, dot_glyph, draw_map
from oddloop.report.cards_page import clusters_inside
from oddloop.report.cards_wording import facts_of, measured_of, why_of
from oddloop.rounds.discovery import Note, Question, Scenario
from report.page_parser import fetched_by_styles, parse

NASTY = "c<b>1</b>"
DOTS = r'data-cluster="(\w+)"><title>[^<]*</title><path d="([^"]+)"'


def card(cluster_id: str, rank: int, **more: Any) -> dict[str, Any]:
    """A card as `Discovery.cards` has it, of six scenes in three logs."""
    sizes = {"n_scenes": 6, "n_logs": 3, "duration_s": 60.0, "n_labelled": 2, "persistence": 0.25}
    rare = {"per_hour": 2.0, "per_hour_low": 0.5, "per_hour_high": 3.5, "log_share": 0.1, "log_share_low": 0.02,
            "log_share_high": 0.27, "rarity_bits": 3.32, "rarity_bits_low": 1.89}  # fmt: skip
    error = {"metric": "fde_m", "error": 3.0, "error_elsewhere": 2.0, "error_lift": 0.8, "error_lift_low": 0.1,
             "error_lift_high": 1.5, "n_measured": 4, "n_logs_measured": 3}  # fmt: skip
    score = {"score": "spread", "score_lift": None, "score_lift_low": None, "score_lift_high": None}
    novel = {"novel_share": None, "novel_lift_low": None}
    trait = {"attribute": "rain", "value": "heavy", "share": 0.9, "share_elsewhere": 0.1, "lift": 9.0, "q": 0.001}
    scenes = {"typical": [f"{cluster_id}-a", f"{cluster_id}-b"], "extreme": [f"{cluster_id}-c"], "uncertain": []}
    reasons = [{"code": "rarity", "value": 3.3, "text": "in few logs"}, {"code": "error", "value": 1.0, "text": "bad"}]
    said = {"rank": rank, "rank_text": "because", "cluster_id": cluster_id, "parent_id": None}
    return {**said, **sizes, **rare, **error, **score, **novel, "traits": [trait], "reasons": reasons, **scenes, **more}


def scene_map(clusters: list[str | None]) -> pa.Table:
    rng = np.random.default_rng(0)
    ids = [f"s{i:05d}" for i in range(len(clusters))]
    x, y = rng.normal(size=(2, len(clusters)))
    return pa.table({"scene_id": ids, "x": x, "y": y, "cluster_id": clusters}, schema=SCENE_MAP.schema())


def page_of(cards: list[dict[str, Any]], **more: Any) -> CardsPage:
    clusters = [c["cluster_id"] for c in cards for _ in range(c["n_scenes"])] + [None] * 5
    content: dict[str, Any] = {
        "workspace": "ws",
        "version": "1",
        "digest": "d",
        "n_clusters": len(cards),
        "cards": cards,
        "said": {},
        "questions": [],
        "events": [],
        "scene_map": scene_map(clusters),
        "measured": {},
        "drawings": {},
    }
    return CardsPage(**{**content, **more})


def drawing(scene_id: str) -> str:
    row = {"agent_id": ["a"], "timestamp_ns": [0], "x_m": [0.0], "y_m": [0.0], "heading_rad": [0.0]}
    return draw_scene(pa.table(row), scene_id)


def test_cards_stand_in_order_with_names_numbers_and_notes() -> None:
    said = {"c2": Scenario("c2", "tram", "S3E4C2", 1, "confirmed", (Note("look twice", "ann", 5),))}
    text = render_cards(page_of([card("c1", 1), card("c2", 2, parent_id="c1")], said=said))
    assert re.findall(r'<details class="card" id="(\w+)" data-status="(\w+)" data-inside="([\w ]+)"( open)?', text) == [
        ("c1", "new", "c1 c2", " open"),
        ("c2", "confirmed", "c2", ""),
    ]
    page = parse(text)
    assert page.headings[0] == ("h1", "2 clusters in 17 scenes, 1 of them named")
    assert page.unclosed == []
    assert len(page.ids) == len(set(page.ids))
    words = " ".join(page.text.split())
    for told in ("tram c2", "risk S3E4C2", "ann: look twice", "Inside c1", "rain=heavy", "because", "33 % labelled"):
        assert told in words, told


def test_facts_have_their_intervals_and_claim_nothing_that_is_not_known() -> None:
    facts = {fact.what: (fact.value, fact.interval, fact.remark) for fact in facts_of(card("c1", 1))}
    assert facts["share of logs that have it"] == ("10.0 %", "2.00–27.0 %", "3 logs")
    assert facts["scenes per hour of driving"] == ("2.00", "0.500–3.50", "6 scenes, 60 s")
    assert facts["fde_m"] == ("3.00", "", "2.00 elsewhere")
    assert facts["fde_m: worse than elsewhere by"][:2] == ("+0.80", "0.100–1.50")
    assert not {"novelty", "uncertainty: higher than elsewhere by"} & facts.keys()
    bare = card("c1", 1, per_hour=None, error=None, error_lift=None, score_lift=0.2, novel_share=0.5)
    known = {fact.what: fact.interval for fact in facts_of(bare)}
    assert known["uncertainty: higher than elsewhere by"] == "no interval"
    assert known["novelty"] == "no interval"
    assert why_of(card("c1", 1)) == ["bad"]


def test_columns_that_differ_most_are_told_with_their_units_and_others_not() -> None:
    common = (1.0, 2.5, 4.0, 0.5, 5.0, 8.0, 9.0, 12.0, 6)
    parameters = [Parameter("gap_m", "m", *common, -1.6), Parameter("n_cars", "", *common, 0.1),
                  Parameter("rain", "", *common, float("nan"))]  # fmt: skip
    assert [vars(m) for m in measured_of(parameters)] == [
        {
            "name": "gap_m",
            "here": "2.50 m",
            "here_range": "1.00–4.00",
            "elsewhere": "9.00 m",
            "elsewhere_range": "8.00–12.0",
        }
    ]
    words = " ".join(parse(render_cards(page_of([card("c1", 1)], measured={"c1": parameters}))).text.split())
    assert "gap_m 2.50 m (elsewhere 9.00 m)" in words
    assert "n_cars" not in words


def test_each_scene_is_drawn_once_and_cards_without_tracks_say_so() -> None:
    drawings = {"c1-a": drawing("c1-a"), "c1-c": drawing("c1-c")}
    text = render_cards(page_of([card("c1", 1), card("c2", 2, typical=["c1-a"])], drawings=drawings))
    assert text.count('<svg id="d0"') == text.count('<svg id="d1"') == 1
    # the first line and the inside of c1 and of c2; the extreme scene of c1
    assert (text.count('href="#d0"'), text.count('href="#d1"')) == (4, 1)
    told = parse(render_cards(page_of([card("c1", 1)], absent="No drawings: `tracks` lacks.")))
    assert told.absent[0] == "No drawings: tracks lacks."


def test_questions_come_first_and_events_that_ask_for_people_before_others() -> None:
    events = [
        {"event": e, "cluster_id": f"c{i}", "text": f"{e}!"} for i, e in enumerate(("emerged", "survived", "split"))
    ]
    question = Question("c2", "tram", "split", ("c8", "c9"), "tram: which is it?")
    text = render_cards(page_of([card("c1", 1)], events=events, questions=[question]))
    assert (
        text.index("tram: which is it?") < text.index('<h2 id="map">') < text.index("split!") < text.index("emerged!")
    )
    assert "1 question to answer" in text


def test_nothing_in_a_name_can_break_the_page_and_it_asks_nobody_for_anything() -> None:
    cards = [card(NASTY, 1, typical=[NASTY], rank_text="<i>why</i>")]
    said = {NASTY: Scenario(NASTY, '"><script>alert(1)</script>')}
    text = render_cards(page_of(cards, said=said, workspace="<ws>", drawings={NASTY: drawing(NASTY)}))
    assert "<b>1</b>" not in text
    assert "alert(1)</script>" not in text
    assert "<i>why" not in text
    page = parse(text)
    assert [link for link in page.links if not link.startswith("#")] == []
    assert (page.fetched, fetched_by_styles(page)) == (["data:,"], [])
    assert "default-src 'none'" in text
    assert render_cards(page_of(cards, said=said)) == render_cards(page_of(cards, said=said))


def test_no_clusters_is_a_page_too() -> None:
    page = parse(render_cards(page_of([], scene_map=scene_map([]))))
    assert page.headings[0][1] == "0 clusters in 0 scenes, none of them named yet"
    assert len(page.absent) == 3


def test_the_map_has_a_dot_per_scene_and_a_path_per_cluster() -> None:
    shown = draw_map(scene_map(["a"] * 3 + ["b"] * 4 + [None] * 5 + ["elsewhere"]), ["b", "a"], {"a": "tram & bus"})
    dots = {m[0]: m[1].count("M") for m in re.findall(DOTS, shown)}
    assert dots == {"a": 3, "b": 4}
    assert re.findall(r'class="loose" d="([^"]+)"', shown)[0].count("M") == 6
    assert "<title>a tram &amp; bus</title>" in shown
    assert shown.index('data-cluster="a"') < shown.index('data-cluster="b"')  # what matters most lies on top
    placed = scene_map(["a"] * 2)
    without = placed.set_column(1, "x", pa.array([None, float("nan")], pa.float64()))
    assert draw_map(without, ["a"], {}) == ""
    assert draw_map(scene_map(["a"]), ["a"], {}).count("M") == 1  # one scene has no spread


def test_names_on_the_map_do_not_cover_each_other() -> None:
    places = {"a": (0.0, 0.0), "b": (0.5, 0.1), "c": (100.0, 50.0), "d": (50.0, 25.0)}
    rows = {"scene_id": list(places), "x": [x for x, _ in places.values()], "y": [y for _, y in places.values()]}
    table = pa.table({**rows, "cluster_id": list(places)}, schema=SCENE_MAP.schema())
    shown = re.findall(
        r'<text [^>]*data-cluster="(\w)">([^<]*)</text>', draw_map(table, list("abcd"), {"c": "a <tram>"})
    )
    assert shown == [("a", "a"), ("c", "a &lt;tram&gt;"), ("d", "d")]


def test_a_thinned_map_keeps_small_clusters_whole() -> None:
    shown = draw_map(scene_map(["large"] * 300 + ["small"] * 7), ["large", "small"], {}, limit=50)
    dots = {m[0]: m[1].count("M") for m in re.findall(DOTS, shown)}
    assert dots == {"small": 7, "large": 43}
    assert "50 of 307 scenes" in shown


def test_clusters_of_one_colour_are_told_apart_by_their_dots() -> None:
    names = [f"k{i:02d}" for i in range(14)]
    shown = draw_map(scene_map(names), names, {})
    looks = re.findall(r'<g stroke="(#\w+)".*?</title><path d="[^"]+"/>(<path class="hole h\d)?', shown)
    assert len(set(looks)) == 14
    assert [dot_glyph(i) for i in (0, 6, 12, 18)] == ["●", "◉", "○", "●"]


def test_a_scene_of_nested_clusters_has_the_smallest_one_that_is_on_the_page() -> None:
    pairs = [("s00000", "large"), ("s00000", "small"), ("s00001", "large"), ("s00001", "not shown"), ("s00002", None)]
    members = pa.table({"scene_id": [p[0] for p in pairs], "cluster_id": pa.array([p[1] for p in pairs], pa.string())})
    cards = [card("large", 1, n_scenes=9), card("small", 2, n_scenes=4)]
    found = by_innermost(scene_map(["large", "large", None, None]), members, cards)
    assert found["cluster_id"].to_pylist() == ["small", "large", None, None]
    assert found.schema.names == SCENE_MAP.schema().names
    assert by_innermost(scene_map(["large"]), members, [])["cluster_id"].to_pylist() == [None]


def test_a_parent_holds_all_below_it_whatever_the_order() -> None:
    cards = [card("leaf", 1, parent_id="middle"), card("top", 2), card("middle", 3, parent_id="top"),
             card("lone", 4, parent_id="not on the page")]  # fmt: skip
    found = clusters_inside(cards)
    assert {name: set(inside) for name, inside in found.items()} == {
        "leaf": {"leaf"}, "top": {"top", "middle", "leaf"}, "middle": {"middle", "leaf"}, "lone": {"lone"},
    }  # fmt: skip
    assert all(inside[0] == name for name, inside in found.items())


@pytest.mark.parametrize("n", [100])
def test_a_hundred_cards_with_all_their_drawings_stay_below_three_megabytes(n: int) -> None:
    cards = [card(f"c{i}", i + 1) for i in range(n)]
    drawings = {f"s{i}": "<svg >" + "x" * 2_200 + "</svg>" for i in range(900)}
    page = page_of(cards, drawings=drawings, scene_map=scene_map([f"c{i % n}" for i in range(20_000)]))
    assert len(render_cards(page).encode()) < 3_000_000
    assert len(render_cards(replace(page, drawings={})).encode()) < 1_000_000
