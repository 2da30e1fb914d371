"""Review: what people decide on picks is kept, told to each other, remembered, and within the budget."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

import toy
from oddloop.errors import ConflictError, LedgerError
from oddloop.lake import Workspace
from oddloop.report.write import collect_inputs
from oddloop.rounds.labelling import send_files
from oddloop.rounds.labels import receive_labels
from oddloop.rounds.ledger import Author, Ledger, open_ledger
from oddloop.rounds.review import Board, decide, finish, take_back
from oddloop.rounds.state import Event
from toy import run_at

ANN, BEN = Author("Ann", 1_000_000_000), Author("Ben", 2_000_000_000)


@pytest.fixture(scope="module")
def proposed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with r001 proposed: three picks of 0.8 each under a budget of 3."""
    folder = tmp_path_factory.mktemp("review") / "ws"
    toy.make_workspace(folder)
    run_at(folder)
    return folder


class Desk:
    """A round on a desk, and those who review it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.workspace = folder, Workspace.open(folder)
        self.ledger: Ledger = open_ledger(self.workspace)
        self.picks = self.ledger.round("r001").pick_ids

    def say(self, scene: str, decision: str, reason: str = "", who: Author = ANN, seen: int = 0) -> Event:
        return decide(self.workspace, self.ledger, "r001", scene, decision, reason, who, seen=seen)

    @property
    def board(self) -> Board:
        return Board.of(self.ledger.round("r001"))

    @property
    def kept(self) -> list[str]:
        return [standing.scene_id for standing in self.board.kept]


@pytest.fixture
def desk(proposed: Path, tmp_path: Path) -> Desk:
    shutil.copytree(proposed, tmp_path / "ws")
    return Desk(tmp_path / "ws")


def test_the_same_decision_twice_is_agreement_and_a_retry_adds_nothing(desk: Desk) -> None:
    scene = desk.picks[0]
    first = desk.say(scene, "approve")
    n = len(desk.ledger.events())
    assert desk.say(scene, "approve") == first  # a retry
    assert desk.say(scene, "approve", who=BEN) == first  # agreement
    assert len(desk.ledger.events()) == n


def test_one_may_change_ones_mind_and_back(desk: Desk) -> None:
    scene, seen = desk.picks[0], 0
    for decision in ("approve", "reject", "approve", "undo", "approve", "defer", "undo"):
        event = desk.say(scene, decision, "dull", seen=seen)
        assert event.seq > seen
        seen = event.seq
    assert desk.board.find(scene).decision == ""
    with pytest.raises(LedgerError, match="nothing is decided on"):
        desk.say(desk.picks[1], "undo")


def test_the_later_of_two_reviewers_is_told_and_nothing_is_overwritten(desk: Desk) -> None:
    scene = desk.picks[0]
    rejected = desk.say(scene, "reject", "the lens is wet")
    n = len(desk.ledger.events())
    told = r"Ann rejected it on 1970-01-01 at 00:00:01 UTC \(the lens is wet\), which you had not seen; nothing was"
    for decision in ("approve", "defer", "swap", "undo"):
        with pytest.raises(ConflictError, match=told):
            desk.say(scene, decision, "x", BEN)
    assert len(desk.ledger.events()) == n
    assert desk.board.find(scene).event == rejected
    desk.say(scene, "approve", who=BEN, seen=rejected.seq)
    assert desk.board.find(scene).decision == "approve"
    with pytest.raises(ConflictError, match=r"Ben approved it"):
        desk.say(scene, "defer", seen=rejected.seq)


def test_a_swap_brings_in_the_next_best_with_its_own_reasons(desk: Desk) -> None:
    scene = desk.picks[0]
    event = desk.say(scene, "swap", "dull")
    pick = event.payload["replacement"]
    # `uncertainty` takes the highest score: the next best is the fourth of the pool
    pool = desk.workspace.storage.read_table("rounds/r001/pool.parquet").sort_by([("score", "descending")])
    assert pick["scene_id"] == pool["scene_id"][3].as_py()
    assert pick["reasons"][-1]["text"] == f"instead of {scene}, rejected by Ann: dull"
    assert {"score", "cost"} <= {reason["code"] for reason in pick["reasons"]}
    assert desk.kept == [*desk.picks[1:], pick["scene_id"]]
    assert desk.board.cost == pytest.approx(2.4)
    assert desk.say(scene, "swap", "dull", BEN) == event
    second = desk.say(pick["scene_id"], "swap", "dull too").payload["replacement"]["scene_id"]
    assert second == pool["scene_id"][4].as_py()
    with pytest.raises(LedgerError, match=f"was swapped for {pick['scene_id']}, and Ann swapped it for {second}"):
        desk.say(scene, "undo", seen=event.seq)


def test_a_scene_that_left_and_came_back_is_decided_on_anew(desk: Desk) -> None:
    scene = desk.picks[0]
    swapped = desk.say(scene, "swap", "dull")
    other = swapped.payload["replacement"]["scene_id"]
    approved = desk.say(other, "approve")
    with pytest.raises(LedgerError, match="undo that first"):
        desk.say(scene, "approve", seen=swapped.seq)
    desk.say(other, "undo", seen=approved.seq)
    undone = desk.say(scene, "undo", seen=swapped.seq)
    with pytest.raises(LedgerError, match="is no pick of r001"):
        desk.say(other, "approve")
    assert desk.say(scene, "swap", "dull", seen=undone.seq).payload["replacement"]["scene_id"] == other
    assert desk.board.find(other).decision == ""
    assert desk.say(other, "approve").seq > approved.seq
    assert desk.board.find(other).decision == "approve"


def test_what_the_others_have_used_cannot_come_back(desk: Desk) -> None:
    # 3.0 is the budget. Scenes of 0.8: with one rejected, the other two swapped, nothing is over; a fourth would be.
    first = desk.say(desk.picks[0], "reject", "dull")
    replaced = [desk.say(scene, "swap", "dull").payload["replacement"]["scene_id"] for scene in desk.picks[1:]]
    assert desk.kept == replaced
    desk.say(desk.picks[0], "undo", seen=first.seq)
    assert desk.board.cost == pytest.approx(2.4)


def test_nothing_that_fits_is_said_and_the_pick_stays(desk: Desk) -> None:
    scene = desk.picks[0]
    ids = toy.scenes_table()["scene_id"].to_pylist()
    rest = [s for s in ids if s not in desk.picks]
    known = set(desk.workspace.storage.read_table("lake/labels/part-0.parquet")["scene_id"].to_pylist())
    table = pa.table({"scene_id": [s for s in rest if s not in known]})
    receive_labels(desk.workspace, table, None, at_ns=7)
    with pytest.raises(LedgerError, match=f"{scene} stays as it was, there is no replacement .*no other candidate"):
        desk.say(scene, "swap", "dull")
    assert desk.kept == desk.picks


@pytest.mark.parametrize(
    ("decision", "reason", "message"),
    [
        ("reject", " ", "say why you reject it"),
        ("swap", "", "say why you swap it"),
        ("like", "x", "decision 'like' is not known; there are: approve, reject, defer, swap, undo"),
    ],
)
def test_words_that_cannot_be_taken(desk: Desk, decision: str, reason: str, message: str) -> None:
    with pytest.raises(LedgerError, match=message):
        desk.say(desk.picks[0], decision, reason)
    with pytest.raises(LedgerError, match="'nobody' is no pick of r001"):
        desk.say("nobody", "approve")


def test_finishing_leaves_the_approved_in_order_up_to_the_cut(desk: Desk) -> None:
    first, second, third = desk.picks
    with pytest.raises(LedgerError, match=rf"3 picks of r001 are not decided: {first}, {second}, {third}; decide"):
        finish(desk.ledger, "r001", ANN)
    new = desk.say(first, "swap", "dull").payload["replacement"]["scene_id"]
    desk.say(second, "defer", who=BEN)
    desk.say(third, "approve", who=BEN)
    event = finish(desk.ledger, "r001", ANN, approve_rest=True, keep=1)
    assert finish(desk.ledger, "r001", BEN, approve_rest=True, keep=1) == event
    payload = event.payload
    assert [(p["scene_id"], p["rank"]) for p in payload["picks"]] == [(third, 1)]
    assert payload["cost"] == payload["picks"][0]["cumulative_cost"] == pytest.approx(0.8)
    assert payload["rejected"] == [{"scene_id": first, "reason": "dull", "author": "Ann", "replacement": new}]
    assert payload["deferred"] == [{"scene_id": second, "reason": "", "author": "Ben"}]
    assert (payload["cut"], payload["approved_by"]) == ([new], {third: "Ben"})
    with pytest.raises(LedgerError, match="r001 is reviewed; picks are decided on while it is proposed"):
        desk.say(third, "reject", "x")
    with pytest.raises(LedgerError, match="it cannot become reviewed"):
        finish(desk.ledger, "r001", ANN, approve_rest=True, keep=2)


def test_a_decision_while_the_review_is_finished_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    append = desk.ledger.append

    def slowly(*arguments, **more) -> Event:
        if arguments[1] == "reviewed":
            other = open_ledger(desk.workspace)
            decide(desk.workspace, other, "r001", desk.picks[0], "reject", "dull", BEN)
        return append(*arguments, **more)

    monkeypatch.setattr(desk.ledger, "append", slowly)
    with pytest.raises(ConflictError, match=r"Ben rejected it .* \(dull\), while the review was being finished"):
        finish(desk.ledger, "r001", ANN, approve_rest=True)
    assert desk.ledger.round("r001").status == "proposed"


def test_rejected_and_deferred_scenes_stay_away_as_long_as_they_should(desk: Desk) -> None:
    rejected, deferred, third = desk.picks
    desk.say(rejected, "reject", "blurred")
    desk.say(deferred, "defer")
    desk.say(third, "approve")
    finish(desk.ledger, "r001", ANN)
    assert run_at(desk.folder).n_computed == 1  # the files of the round follow its review
    assert desk.workspace.storage.read_table("rounds/r001/picks.parquet")["scene_id"].to_pylist() == [third]
    manifest = json.loads(desk.workspace.storage.read_bytes("rounds/r001/manifest.json"))
    assert (manifest["cost"], manifest["review"]["deferred"][0]["scene_id"]) == (0.8, deferred)
    reported = collect_inputs(desk.workspace, desk.ledger.round("r001"))
    assert reported.picks["scene_id"].to_pylist() == [third]

    toy.label_all_picks(desk.folder, "r001")
    counts = [excluded(run_at(desk.folder))]
    second = desk.ledger.round("r002")
    assert second.picks
    assert not {rejected, deferred} & set(second.pick_ids)
    assert desk.ledger.round("r001").labels["predicted_cost"] == 0.8
    toy.label_all_picks(desk.folder, "r002")
    counts.append(excluded(run_at(desk.folder)))
    third_round = desk.ledger.round("r003").pick_ids
    assert deferred in third_round
    assert rejected not in third_round
    assert counts == [(1, 1), (1, 0)]

    take_back(desk.ledger, rejected, "it was the wrong one", BEN)
    run_at(desk.folder)  # nobody has begun to review r003
    assert rejected in desk.ledger.round("r003").pick_ids
    with pytest.raises(LedgerError, match="nobody has rejected or deferred it"):
        take_back(desk.ledger, rejected, "", BEN)


def excluded(summary) -> tuple[int, int]:
    (detail,) = (step.detail for step in summary.steps if step.name == "select")
    return detail.get("excluded_rejected", 0), detail.get("excluded_deferred", 0)


def test_a_review_that_leaves_nothing_closes_the_round(desk: Desk) -> None:
    for scene in desk.picks:
        desk.say(scene, "reject", "dull")
    finish(desk.ledger, "r001", ANN)
    assert run_at(desk.folder).round_id == "r002"
    assert desk.ledger.round("r001").status == "closed"


def test_a_required_review_comes_before_labels(desk: Desk) -> None:
    path = desk.folder / "oddloop.toml"
    path.write_text(path.read_text() + "\n[review]\nrequired = true\n")
    desk.workspace = Workspace.open(desk.folder)
    state = desk.ledger.round("r001")
    table = pa.table({"scene_id": desk.picks[:2]})
    with pytest.raises(LedgerError, match=r"2 picks of r001, first .* cannot be labelled before they are reviewed"):
        receive_labels(desk.workspace, table, state, at_ns=5)
    assert run_at(desk.folder).waiting_for == "the review of 3 picks of r001: `oddloop review`"
    finish(desk.ledger, "r001", ANN, approve_rest=True)
    assert receive_labels(desk.workspace, table, desk.ledger.round("r001"), at_ns=5).n_new == 2
    with pytest.raises(LedgerError, match="r001 is reviewed"):
        desk.say(desk.picks[0], "reject", "x")


def test_picks_are_not_sent_in_the_middle_of_a_review(desk: Desk) -> None:
    author = Author("Ann", 3)
    desk.say(desk.picks[0], "reject", "dull")
    with pytest.raises(LedgerError, match="the review of r001 has begun and is not finished"):
        send_files(desk.workspace, "csv", author)
    finish(desk.ledger, "r001", ANN, approve_rest=True)
    send_files(desk.workspace, "csv", author)
    assert desk.ledger.round("r001").status == "sent"


def test_a_labelled_pick_stays(desk: Desk) -> None:
    receive_labels(desk.workspace, pa.table({"scene_id": desk.picks[:1]}), desk.ledger.round("r001"), at_ns=5)
    with pytest.raises(LedgerError, match="has labels already; it stays a pick"):
        desk.say(desk.picks[0], "reject", "dull")
    assert desk.say(desk.picks[0], "approve").payload["decision"] == "approve"
