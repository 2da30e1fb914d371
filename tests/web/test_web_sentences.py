"""What stages say in English is said in the reader's language; who changes a sentence there changes it here."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path
from string import Formatter
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pytest
from fastapi import FastAPI

from oddloop.config import EvidenceConfig
from oddloop.coverage.diagnosis.sentences import explain, name_change
from oddloop.discover.cards.sentences import reasons_of
from oddloop.rounds.evidence.forecast import calibration
from oddloop.rounds.evidence.sentences import change_sentence, forecast_sentence
from oddloop.rounds.evidence.verdict import judge_lift
from oddloop.rounds.review import describe
from oddloop.rounds.state import Event
from oddloop.select.registry import POLICIES
from oddloop.web import messages
from oddloop.web.messages import Messages, load_sentences
from oddloop.web.said import said
from web.web_server import PAGE, client

TOLD = load_sentences("ja")
VERDICTS = ("ok", "eval_limited", "coverage_gap", "data_limited", "model_limited", "label_noise_limited", "undecided")
ROW: dict[str, Any] = {
    "metric": "min_fde_m", "value": 2.5, "half_width": 0.3, "target": 2.4, "gap": 0.1, "support": 1, "n_logs": 8,
    "n_labelled": 3, "hedged": False, "tier": "strong", "chance": 0.9, "c": 2.0, "c_low": 1.9, "c_high": 2.2,
    "target_error": 2.4, "n_needed": 69.2, "n_needed_low": 15.0, "n_needed_high": 361.0, "n_to_label": 70,
    "n_to_drive": 0, "disagreement": None,
}  # fmt: skip
CHANGES: list[dict[str, Any]] = [
    {}, {"value": None}, {"half_width": None}, {"gap": -0.1}, {"hedged": True}, {"tier": "middle"}, {"chance": None},
    {"c": None}, {"n_needed": None}, {"n_needed_high": None}, {"disagreement": 0.2},
]  # fmt: skip


def assert_told(text: str) -> None:
    assert TOLD is not None
    found = TOLD.find(text)
    assert found is not None, f"sentences_ja.toml has no pattern for: {text}"
    assert re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", found), found


@pytest.mark.parametrize("verdict", VERDICTS)
def test_verdicts_are_told(verdict: str) -> None:
    for change in CHANGES:
        met = {"gap": -0.1} if verdict == "ok" else {}
        assert_told(explain({**ROW, "verdict": verdict, **change, **met}))
    assert_told(name_change({"verdict": verdict}, 20))


def test_reasons_of_every_policy_are_told() -> None:
    for policy in POLICIES.values():
        for _, text in (policy.reason, policy.reason_without_gain, *policy.rules.values()):
            if text:
                assert_told(text.format(gain=0.25, quotas="rain=heavy"))


def test_evidence_is_told() -> None:
    row = {
        "metric": "recall",
        "value": 0.8,
        "other_value": 0.7,
        "lift": 0.1,
        "ci_low": 0.04,
        "ci_high": 0.16,
        "n_logs": 9,
    }
    for change in ({}, {"lift": -0.1}, {"ci_low": None}):
        assert_told(f"{change_sentence(row | change, ('m002', 'm001'))}.")
    for inside, others in itertools.product((True, False), ([], [True], [True, False, True])):
        checked = calibration([{"inside": inside}, *({"inside": one} for one in others)])["sentence"]
        forecast = forecast_sentence({"low": 2.0, "high": 2.4, "came": 2.1, "inside": inside})
        assert_told(f"{forecast.capitalize()}; {checked}.")
    look = {"lift": 0.1, "luck": 0.1, "held_out": 0.0, "freedom": 8.0, "n_logs": 40}
    for change in (
        {},
        {"held_out": 0.2},
        {"lift": 0.0},
        {"freedom": 4.0},
        {"freedom": None},
        {"freedom": None, "n_logs": 3},
    ):
        settle = judge_lift(look | change, 2, EvidenceConfig()).settle
        assert_told(settle)
        assert_told(
            "Cannot tell yet: with gap_driven (r002) recall 0.8 against 0.7 with the control arm (r002), at half the "
            "cost of the picks so far, 120 EUR: 0.1 better (94 % interval -0.1 to +0.3), or +0.0008 per EUR "
            "(-0.0008 to +0.002). It rests on 40 held-out logs (300 scenes), 16 trainings, 24 and 26 picks. "
            f"What would settle it: {settle}."
        )


def test_cards_are_told() -> None:
    card = {
        "per_hour": None, "log_share": 0.1, "n_logs": 4, "log_share_low": 0.05, "log_share_high": 0.2,
        "n_measured": 12, "n_logs_measured": 9, "metric": "recall", "error": 0.4, "error_elsewhere": 0.3,
        "error_lift": 0.2, "score": "entropy", "score_lift": 0.3, "score_lift_low": 0.1, "score_lift_high": 0.6,
        "novel_share": 0.2, "novel_lift_low": 0.1,
        "n_labelled": 3, "n_scenes": 9, "rarity_bits": 3.3,
        "traits": [{"attribute": "rain", "value": "heavy", "share": 0.9, "share_elsewhere": 0.1, "lift": 9.0}] * 2,
    }  # fmt: skip
    for low, high in ((None, None), (0.1, 0.3), (-0.3, -0.1), (-0.1, 0.2)):
        rows = pa.Table.from_pylist([card | {"error_lift_low": low, "error_lift_high": high}])
        for reason in reasons_of(rows)[0]:
            if reason["code"] in ("error", "uncertainty", "novelty", "traits"):
                assert_told(str(reason["text"]))


@pytest.mark.parametrize("decision", ["approve", "reject", "defer", "undo"])
def test_decisions_are_told(decision: str) -> None:
    for reason in ["blurred"] if decision == "reject" else [""]:
        payload = {"scene_id": "a", "decision": decision, "reason": reason}
        assert_told(describe(Event(3, "k", "r001", "decided", 0, "Ann", "1", payload), when=False))


@pytest.mark.parametrize(
    ("english", "japanese"),
    [
        (
            "min_fde_m 7.58 ± 0.955, target 2.4; 2,975 things in 8 held-out logs. "
            "Curves: 0 % that the target is reached; floor of the error 6.5 [5.79, 7.2], target 2.4.",
            "min_fde_m は 7.58 ± 0.955、目標は 2.4（評価用ログ 8 本の 2,975 件）。学習曲線：目標に届く確率は 0 %、"
            "誤差の下限は 6.5（5.79～7.2）、目標は 2.4。",
        ),
        (
            "picked in r004 by `uncertainty` as number 1 of 27, because: spread 211: higher than 99 % of 965 "
            "candidates; rain=heavy & light=night has 1 labelled log",
            "r004 で `uncertainty` により 27 件中 1 番目に選定。理由：spread は 211：候補 965 件の 99 % より高い、"
            "rain=heavy & light=night のラベル付きログは 1 本",
        ),
    ],
)
def test_a_sentence_of_several_parts_is_told_part_by_part(english: str, japanese: str) -> None:
    assert TOLD is not None
    assert TOLD.find(english) == japanese


def test_nothing_is_said_that_the_english_does_not_say() -> None:
    texts = tomllib.loads((Path(messages.__file__).parent / "sentences_ja.toml").read_text("utf-8"))
    assert len(texts) > 100
    for english, other in texts.items():
        holes = {name for _, name, _, _ in Formatter().parse(other) if name}
        assert holes <= set(re.findall(r"\{(\w+)\}", english)), english


def test_what_is_put_in_is_escaped() -> None:
    text = "<script> has 2 labelled logs"
    assert said(text, Messages("ja", {})) == "&lt;script&gt; のラベル付きログは 2 本"


def test_pages_say_all_of_it_in_japanese(app: FastAPI) -> None:
    viewer, japanese = client(app, "viewer"), PAGE | {"accept-language": "ja"}
    picks = viewer.get("/api/v1/rounds/r002").json()["picks"]["items"]
    clusters = viewer.get("/api/v1/clusters").json()["clusters"]["items"]
    paths = ["/", "/clusters", "/review", "/rounds/r001", "/coverage/segment?id=rain%3Dlight"]
    paths += [f"/scenes/scene?id={quote(pick['scene_id'])}" for pick in picks[:2]]
    paths += [f"/clusters/{cluster['cluster_id']}" for cluster in clusters[:2]]
    for path in paths:
        page = viewer.get(path, headers=japanese).text
        assert re.findall(r'<span lang="en">(.*?)</span>', page) == [], path
