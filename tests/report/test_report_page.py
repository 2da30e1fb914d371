"""The page of a large fleet: structure, self-containment, escaping, and that it is a pure function of its inputs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib import resources

import pyarrow as pa
import pytest

from oddloop.report import ReportInputs, RoundReport, build_report, render_html, report_json
from report.page_parser import Page, fetched_by_styles, parse
from report.report_inputs import fleet_inputs

HEADINGS = [
    ("h1", "Round r001 proposes 40 scenes from 33 logs for 171.51 of 172 EUR, picked by uncertainty"),
    ("h2", "Where to look first"),
    ("h2", "Why the gaps exist: data or model?"),
    ("h2", "Evidence: did the picks help more than random ones?"),
    ("h2", "Picks, and why"),
    ("h2", "Coverage"),
    ("h2", "Volume versus performance"),
    ("h2", "Clusters"),
    ("h2", "Provenance"),
]
NASTY = "<script>alert(1)</script>&\"'`</script><!--<b>é漢\u2028{{7*7}}"


def test_headings_stand_in_reading_order(page: Page) -> None:
    assert page.headings == HEADINGS


def test_tables_hold_every_row(page: Page, report: RoundReport) -> None:
    assert page.table_rows("picks-table") == 40
    assert page.table_rows("clusters-table") == 12
    assert page.table_rows("gaps-table") == 2  # the two with a known cause, of four
    assert page.table_rows("evidence-table") == 8  # 2 arms x 4 rounds
    assert page.table_rows("") == len(report.weakest) == 5
    assert all(page.captions)


def test_markup_is_well_formed(page: Page) -> None:
    assert page.unclosed == []
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


def test_nothing_is_fetched(page: Page) -> None:
    assert page.fetched == ["data:,"]  # an empty icon, so that browsers do not ask a server for one
    assert fetched_by_styles(page) == []


def test_content_policy_forbids_connections(html: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    assert policy[1].startswith("default-src 'none';")
    assert "http" not in policy[1]


def test_the_data_in_the_page_is_the_json_of_the_report(page: Page, report: RoundReport) -> None:
    assert page.islands["report-data"] == report_json(report)
    content = json.loads(page.islands["report-data"])
    assert content["format"] == 1
    assert content["spend"]["n_scenes"] == 40
    assert len(content["map"]["scene_id"]) == 1500


def test_the_page_is_a_pure_function_of_its_inputs(html: str) -> None:
    assert render_html(build_report(fleet_inputs())) == html


def test_provenance_names_everything_that_the_round_was_made_of(page: Page, inputs: ReportInputs) -> None:
    wanted = [inputs.pool_digest, inputs.policy_digest, inputs.model_id, inputs.version, *inputs.stage_digests.values()]
    assert [text for text in wanted if text not in page.text] == []


def test_every_number_of_the_opening_carries_its_support(page: Page) -> None:
    assert (
        "min_fde_m is 3.02 (95 % interval 2.44–3.59); even the favourable end, 2.44, is worse than the target of 2.00. "
        "It rests on 72 measurements in 12 scenes from 12 logs. "
        "21 s of it, from 1 log, are labelled; 9 min from 31 logs can be labelled."
    ) in page.text


def test_evidence_says_whether_the_intervals_part(page: Page) -> None:
    assert "The intervals overlap, so no difference is shown yet." in page.text


def test_own_script_and_style_stay_small() -> None:
    folder = resources.files("oddloop.report").joinpath("templates")
    assert len(folder.joinpath("round.css").read_bytes()) < 9_000
    assert len(folder.joinpath("round.js").read_bytes()) < 13_500


def test_500_picks_stay_light() -> None:
    inputs = fleet_inputs(2000, n_picks=500)
    small = render_html(build_report(fleet_inputs(2000)))
    large = render_html(build_report(inputs))
    assert parse(large).table_rows("picks-table") == 500
    assert len(large) - len(small) < 1_000_000


@pytest.fixture(scope="module")
def nasty(inputs: ReportInputs) -> ReportInputs:
    """The fleet with markup in every name that a user or a log could bring in."""
    rename = dict.fromkeys(inputs.picks["scene_id"].to_pylist()[:1], NASTY)

    def renamed(table: pa.Table, column: str = "scene_id") -> pa.Table:
        values = [rename.get(value, value) for value in table[column].to_pylist()]
        return table.set_column(table.column_names.index(column), column, pa.array(values))

    picks = renamed(inputs.picks)
    return replace(
        inputs,
        workspace=NASTY,
        round_id=NASTY,
        model_id=NASTY,
        policy=NASTY,
        score=NASTY,
        cost_unit=NASTY,
        stage_digests={NASTY: NASTY},
        lead=None,
        picks=picks.set_column(2, "log_id", pa.array([NASTY] * picks.num_rows)),
        candidates=renamed(inputs.candidates),
        scenes=renamed(inputs.scenes).append_column("odd", pa.array([NASTY] * inputs.scenes.num_rows)),
        scene_map=renamed(inputs.scene_map),
        attributes={**inputs.attributes, "odd": ()},
    )


def test_markup_in_names_is_shown_and_never_run(nasty: ReportInputs, page: Page) -> None:
    report = build_report(nasty)
    html = render_html(report)
    found = parse(html)
    assert found.unclosed == []
    assert len(found.scripts) == len(page.scripts) == 2  # Plotly's and ours
    assert found.text.count(NASTY) > 40
    assert NASTY in json.loads(found.islands["report-data"])["map"]["scene_id"]
    assert "<script>alert" not in html


def test_json_is_plain_even_where_names_are_not(nasty: ReportInputs) -> None:
    text = report_json(build_report(nasty))
    assert "<" not in text
    assert json.loads(text)["provenance"]["workspace"] == NASTY
