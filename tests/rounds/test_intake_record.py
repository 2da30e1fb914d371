"""The intake's record: the same question once, limits over restarts and several writers, on each database."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from oddloop.config import load_config
from oddloop.errors import ConfigError, LedgerError
from oddloop.rounds.intake import Desk, IntakeRecord, Question, Recorded, Rulebook, Ruling, rulebook, why
from oddloop.rounds.intake.desk import AT_ONCE
from oddloop.rounds.intake.record import HOUR_NS
from oddloop.rounds.intake.rulebook import first_value
from oddloop.select.intake import Rules

RULES = Rules(threshold=0.2, per_hour=20, per_segment=9, limits={"snow": 2})
DRAWS = replace(RULES, how="reservoir", per_hour=None)


def questions(n: int, seed: int = 0) -> list[Question]:
    """Questions about 60 scenes, some of them asked again under the same request id or another."""
    rng = np.random.default_rng(seed)
    return [
        Question(
            f"s{scene}", f"r{rng.integers(2)}", ("dry", "rain", "snow")[scene % 3], float(scene * 7 % 10) / 10, "van"
        )
        for scene in rng.integers(60, size=n).tolist()
    ]


def kept_at_a_time(answers: list[Recorded]) -> list[Counter[str]]:
    """Scenes that are kept, by segment, after each answer."""
    kept: dict[str, str] = {}
    counts = []
    for answer in sorted({a.seq: a for a in answers}.values(), key=lambda a: a.seq):
        if answer.reason in ("kept", "drawn"):
            assert answer.scene_id not in kept
            kept[answer.scene_id] = answer.segment
            if answer.instead_of:
                del kept[answer.instead_of]
        counts.append(Counter(kept.values()))
    return counts


def check_limits(answers: list[Recorded], rules: Rules) -> None:
    for counts in kept_at_a_time(answers):
        assert all(n <= rules.limit_of(segment) for segment, n in counts.items())
        assert rules.per_hour is None or counts.total() <= rules.per_hour


@pytest.mark.parametrize("rules", [RULES, DRAWS], ids=["first", "reservoir"])
def test_batches_and_restarts_change_no_answer(ledger_url: str, tmp_path: Path, rules: Rules) -> None:
    asked = questions(150)
    # GIVEN the answers of a record that is asked one by one
    one = IntakeRecord(f"sqlite:///{tmp_path / 'one.db'}")
    expected = [one.answer([question], rules, "m", 5)[0] for question in asked]
    one.close()
    # WHEN another is asked in batches, and opened anew between them
    found: list[Recorded] = []
    for start in range(0, len(asked), 40):
        record = IntakeRecord(ledger_url)
        found += record.answer(asked[start : start + 40], rules, "m", 5)
        record.close()
    # THEN the answers are the same, each question is recorded once, and what was answered stays
    assert found == expected
    check_limits(found, rules)
    record = IntakeRecord(ledger_url)
    assert record.answer(asked, Rules(), "another", 9 * HOUR_NS) == expected
    recorded = record.answers()
    assert sorted({a.seq: a for a in expected}.values(), key=lambda a: a.seq) == recorded
    assert [a.seq for a in recorded] == list(range(1, len({q.key for q in asked}) + 1))
    assert record.answers(since=3, limit=2) == recorded[3:5]
    final = kept_at_a_time(recorded)[-1]
    assert record.kept() == [(0, segment, n) for segment, n in sorted(final.items())]
    record.close()


def test_each_hour_has_its_own_places(tmp_path: Path) -> None:
    record = IntakeRecord(f"sqlite:///{tmp_path / 'a.db'}")
    rules = Rules(per_segment=1)
    reasons = [
        record.answer([Question(scene, request)], rules, "", hour * HOUR_NS + 1)[0].reason
        for scene, request, hour in [
            ("a", "1", 0),
            ("b", "1", 0),
            ("b", "2", 1),
            ("c", "1", 1),
            ("a", "2", 1),
            ("c", "2", 0),
        ]
    ]
    # The clock may go back: places that were taken stay taken.
    assert reasons == ["kept", "segment_full", "kept", "segment_full", "kept_before", "segment_full"]
    record.close()


def test_a_scene_that_was_let_go_may_be_kept_in_another_hour(tmp_path: Path) -> None:
    record = IntakeRecord(f"sqlite:///{tmp_path / 'a.db'}")
    rules = Rules(per_segment=1, how="reservoir")
    (first,) = record.answer([Question("a", "1")], rules, "", 0)
    others = record.answer([Question(f"b{i}", "1") for i in range(20)], rules, "", 0)
    gone = next(answer.instead_of for answer in others if answer.instead_of)
    assert (first.reason, gone) == ("kept", "a")
    assert record.answer([Question("a", "2")], rules, "", HOUR_NS)[0].reason == "kept"
    assert record.kept() == [(0, "", 1), (1, "", 1)]
    record.close()


def test_several_writers_together_keep_to_the_limits(ledger_url: str) -> None:
    answers: list[Recorded] = []

    def ask(seed: int) -> None:
        record = IntakeRecord(ledger_url)
        asked = questions(90, seed)
        for start in range(0, 90, 9):
            answers.extend(record.answer(asked[start : start + 9], DRAWS, "m", 5))
        record.close()

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 270
    by_key: dict[tuple[str, str], Recorded] = {}
    for answer in answers:
        assert by_key.setdefault((answer.scene_id, answer.request_id), answer) == answer
    check_limits(answers, DRAWS)


def test_a_record_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    IntakeRecord(url).close()
    with sa.create_engine(url).begin() as connection:
        connection.execute(sa.text("UPDATE intake_meta SET format = 9"))
    with pytest.raises(LedgerError, match=r"has format 9, this oddloop reads 1; upgrade"):
        IntakeRecord(url)


def make_desk(folder: Path, read: Ruling | None = None) -> Desk:
    ruling = read or Ruling(RULES)
    return Desk(IntakeRecord(f"sqlite:///{folder / 'a.db'}"), lambda: ruling, lambda: 5)


def test_the_desk_answers_in_turn_and_ends_with_what_waits(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    asked = questions(3 * AT_ONCE)
    waiting = [desk.ask(question) for question in asked]
    waiting[7].cancel()  # who has gone away is told nothing
    desk.close()
    answers = [future.result() for future in waiting if not future.cancelled()]
    record = IntakeRecord(f"sqlite:///{tmp_path / 'a.db'}")
    assert record.answer(asked[:7], RULES, "", 5) == answers[:7]
    record.close()


def test_the_desk_tells_what_went_wrong_and_goes_on(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    broken = replace(Question("a", "1"), score="high")  # type: ignore[arg-type]
    with pytest.raises(Exception, match="must be real number"):
        desk.ask(broken).result()
    assert desk.ask(Question("b", "1", score=0.5)).result().reason == "kept"
    desk.close()


def test_reasons_in_words(tmp_path: Path) -> None:
    record = IntakeRecord(f"sqlite:///{tmp_path / 'a.db'}")
    (low,) = record.answer([Question("a", "1", score=0.123456789)], RULES, "", 5)
    (full,) = record.answer([Question("b", "1", "rain=heavy")], Rules(per_segment=0), "", 5)
    assert why(low) == "not kept: its score 0.123457 is below 0.2"
    assert why(full) == "not kept: the limit of rain=heavy for this hour is reached"
    record.close()


CONFIG = """
[attributes.weather]
values = ["clear", "rain & fog"]
[attributes.rain]
kind = "binned"
column = "rain_mm_h"
edges = [0.0, 2.5]
values = ["none", "light", "heavy"]
[attributes.users]
kind = "multilabel"
"""


def test_a_segment_is_named_by_the_taxonomy() -> None:
    text = CONFIG + '[intake]\nby = ["weather", "rain"]\n[intake.limits]\n"rain = light & weather = rain && fog" = 3\n'
    config = load_config(text)
    ruling = Ruling(Rules(), config)
    assert config.intake.limits_by_segment() == {"weather=rain && fog & rain=light": 3}
    assert ruling.segment_of({"weather": "rain & fog", "rain_mm_h": 2}) == "weather=rain && fog & rain=light"
    assert ruling.segment_of({"weather": "hail"}) == "weather=unknown & rain=unknown"
    assert Ruling(Rules()).segment_of({"weather": "clear"}) == ""


@pytest.mark.parametrize("value", [-1, 0, 0.0, 1e-9, 2.5, 2.6, 7, 1e308])
def test_a_bin_is_found_as_coverage_finds_it(value: float) -> None:
    ruling = Ruling(Rules(), load_config(CONFIG + '[intake]\nby = ["rain"]\nper_hour = 1\n'))
    assert (
        ruling.segment_of({"rain_mm_h": value})
        == f"rain={first_value('rain', ruling.config.attributes['rain'], value)}"
    )


def test_values_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rulebook, "_REMEMBERED", 3)
    ruling = Ruling(Rules(), load_config(CONFIG + '[intake]\nby = ["weather"]\nper_hour = 1\n'))
    found = [ruling.segment_of({"weather": text}) for text in ("clear", "a", "b", "c", "d", "clear")]
    assert found == ["weather=clear", *["weather=unknown"] * 4, "weather=clear"]
    assert len(ruling._found) <= 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('by = ["users"]', "`users` is no attribute of which a scene has one value; such are: weather, rain"),
        (
            'by = ["weather"]\nlimits = {"rain=light" = 1}',
            "'rain=light' must name a value of each of weather, and no other",
        ),
        ('by = ["weather"]\nlimits = {"weather=wet" = 1}', "`weather` has no value 'wet'; it has: clear, rain & fog"),
        ('limits = {"weather=clear" = 1}', "`limits` are of segments; name the attributes in `by`"),
        ('score = "x"\nat_least = 1.0\nquantile = 0.5', "`at_least` and `quantile` both say"),
        ("at_least = 1.0", "are of a score; name it in `score`"),
        ('how = "reservoir"', "set `per_segment_hour` or `limits`"),
        ('score = "x"\nweighted = true', '`weighted` is of how = "reservoir"'),
    ],
)
def test_settings_that_do_not_fit_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(f"{CONFIG}[intake]\n{text}\n")
    assert message in str(caught.value)


def test_the_rules_are_read_again_and_stay_while_that_fails() -> None:
    read: list[Ruling | ConfigError] = [Ruling(RULES), ConfigError("being edited"), Ruling(DRAWS)]
    seen: Future[None] = Future()

    def read_next() -> Ruling:
        if not read:
            seen.done() or seen.set_result(None)
            return Ruling(DRAWS)
        found = read.pop(0)
        if isinstance(found, ConfigError):
            raise found
        return found

    rulebook = Rulebook(read_next, every_s=0.01)
    assert rulebook.ruling().rules == RULES
    seen.result(timeout=10)
    assert rulebook.ruling().rules == DRAWS
    rulebook.close()
