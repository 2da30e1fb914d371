"""What is kept of the scenes that come in: limits hold, a draw depends on no order, and weights count."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop.select.intake import Answer, Asked, Hour, Rules, answer_all, draw

SEGMENTS = ("dry", "rain", "snow")
scenes = st.lists(
    st.builds(
        Asked,
        scene_id=st.integers(0, 30).map(str),
        segment=st.sampled_from(SEGMENTS),
        score=st.none() | st.floats(0, 1),
    ),
    max_size=60,
)
rules = st.builds(
    Rules,
    threshold=st.none() | st.floats(0, 1),
    per_hour=st.none() | st.integers(1, 8),
    per_segment=st.none() | st.integers(0, 5),
    limits=st.dictionaries(st.sampled_from(SEGMENTS), st.integers(0, 4)),
    how=st.sampled_from(["first", "reservoir"]),
    weighted=st.booleans(),
    seed=st.integers(0, 3),
)


@dataclass
class Record:
    """What is kept of one hour, written down in the simplest way."""

    kept: dict[str, tuple[str, float]] = field(default_factory=dict)

    def hour(self) -> Hour:
        weakest = {
            segment: sorted((drawn, name) for name, (at, drawn) in self.kept.items() if at == segment)
            for segment in SEGMENTS
        }
        return Hour(7, Counter(at for at, _ in self.kept.values()), weakest, set(self.kept))

    def take(self, asked: list[Asked], answers: list[Answer]) -> None:
        for scene, answer in zip(asked, answers, strict=True):
            if answer.reason in ("kept", "drawn"):
                assert scene.scene_id not in self.kept
                self.kept[scene.scene_id] = (scene.segment, answer.drawn)
                if answer.instead_of:
                    assert self.kept.pop(answer.instead_of)[0] == scene.segment


@settings(max_examples=150, deadline=None)
@given(asked=scenes, rules=rules, cut=st.integers(1, 20))
def test_limits_hold_after_every_answer_and_batches_change_none(asked: list[Asked], rules: Rules, cut: int) -> None:
    record, batched = Record(), []
    for start in range(0, len(asked), cut):
        part = asked[start : start + cut]
        answers = answer_all(part, rules, record.hour())
        record.take(part, answers)
        batched += answers
    one_by_one = Record()
    for scene, answer in zip(asked, batched, strict=True):
        assert answer_all([scene], rules, one_by_one.hour()) == [answer]
        one_by_one.take([scene], [answer])
        counts = Counter(segment for segment, _ in one_by_one.kept.values())
        assert all(n <= rules.limit_of(segment) for segment, n in counts.items())
        assert rules.per_hour is None or counts.total() <= rules.per_hour
    low = [s for s, a in zip(asked, batched, strict=True) if a.keep and a.reason != "kept_before"]
    assert all((s.score or 0) >= (rules.threshold or 0) for s in low)


@settings(max_examples=60, deadline=None)
@given(asked=st.lists(st.integers(0, 30).map(str), unique=True), limit=st.integers(1, 5), seed=st.integers(0, 9))
def test_a_reservoir_keeps_the_same_scenes_in_any_order(asked: list[str], limit: int, seed: int) -> None:
    rules = Rules(per_segment=limit, how="reservoir", seed=seed)
    shuffled = [str(i) for i in np.random.default_rng(seed).permutation(len(asked))]
    kept = []
    for order in (asked, [asked[int(i)] for i in shuffled]):
        record = Record()
        questions = [Asked(name, "dry") for name in order]
        record.take(questions, answer_all(questions, rules, record.hour()))
        kept.append(set(record.kept))
    assert kept[0] == kept[1] == set(sorted(asked, key=lambda name: draw(name, seed, 7))[-limit:])


def test_a_draw_goes_by_weight() -> None:
    """Of a scene of weight 3 and one of weight 1, the first wins in 3 of 4 hours: 5 standard errors are .034."""
    wins = 0
    for hour in range(4000):
        rules = Rules(per_segment=1, how="reservoir", weighted=True)
        answers = answer_all([Asked("a", "dry", 3.0), Asked("b", "dry", 1.0)], rules, Hour(hour))
        wins += answers[1].reason == "outdrawn"
    assert wins / 4000 == pytest.approx(0.75, abs=0.034)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        # nothing limits
        (Rules(), ["kept", "kept", "kept", "kept_before"]),
        # a score: as high as the threshold will do, and one that is missing will not
        (Rules(threshold=0.5), ["kept", "low_score", "no_score", "kept_before"]),
        (Rules(per_segment=5, how="reservoir", weighted=True), ["kept", "kept", "no_score", "kept_before"]),
        # limits of all and of one segment
        (Rules(per_hour=1), ["kept", "hour_full", "hour_full", "kept_before"]),
        (Rules(per_segment=1), ["kept", "kept", "segment_full", "kept_before"]),
        (Rules(per_segment=1, limits={"rain": 2}), ["kept", "kept", "kept", "kept_before"]),
        (Rules(limits={"rain": 0}, how="reservoir"), ["segment_full", "kept", "segment_full", "segment_full"]),
    ],
)
def test_reasons(rules: Rules, expected: list[str]) -> None:
    asked = [Asked("a", "rain", 0.5), Asked("b", "dry", 0.4), Asked("c", "rain"), Asked("a", "rain", 0.5)]
    assert [answer.reason for answer in answer_all(asked, rules, Hour(7))] == expected


def test_a_scene_that_was_let_go_is_not_kept() -> None:
    names = sorted("abcdefgh", key=lambda name: draw(name, 0, 7))
    rules = Rules(per_segment=1, how="reservoir")
    answers = answer_all([Asked(name, "dry") for name in (*names[:3], names[0])], rules, Hour(7))
    assert [answer.reason for answer in answers] == ["kept", "drawn", "drawn", "outdrawn"]
    assert [answer.instead_of for answer in answers] == ["", names[0], names[1], ""]


def test_a_weight_that_is_not_positive_only_fills_free_places() -> None:
    rules = Rules(per_segment=1, how="reservoir", weighted=True)
    answers = answer_all([Asked("a", "dry", 0.0), Asked("b", "dry", -1.0), Asked("c", "dry", 0.1)], rules, Hour(7))
    assert [answer.reason for answer in answers] == ["kept", "drawn", "drawn"]
