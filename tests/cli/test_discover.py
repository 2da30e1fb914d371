"""`oddloop discover`: cards, names, questions and events, as people and programs see them."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

import toy
from oddloop.cli.app import app
from oddloop.errors import LedgerError, WorkspaceError

RUN = CliRunner()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    toy.make_workspace(tmp_path / "ws")
    return tmp_path / "ws"


def call(folder: Path, *arguments: str) -> str:
    result = RUN.invoke(app, ["discover", *arguments, "-w", str(folder)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_cards_are_named_judged_and_shown(folder: Path) -> None:
    cards = json.loads(call(folder, "--json"))["clusters"]
    first = cards[0]["cluster_id"]
    assert call(folder, "name", first, "odd one", "--risk", "S3E4C3", "--priority", "1", "--note", "look") == (
        f"{first}: odd one, confirmed, risk S3E4C3, priority 1\n"
    )
    listed = call(folder)
    assert "odd one" in listed
    assert f"Clusters: {len(cards)} of {len(cards)}" in listed
    shown = call(folder, "show", first)
    assert "odd one" in shown.splitlines()[0]
    assert "risk 16 x rarity" in shown  # ASIL D
    assert "tester" not in shown
    assert ": look" in shown
    plain = json.loads(call(folder, "show", first, "--json"))
    assert (plain["said"]["name"], len(plain["scene_ids"])) == ("odd one", cards[0]["n_scenes"])
    events = json.loads(call(folder, "events", "--json"))
    assert [e["event"] for e in events] == ["emerged"] * len(cards)


def test_what_is_not_there_is_named(folder: Path) -> None:
    call(folder)
    with pytest.raises(LedgerError, match="'c9999' is not in the newest discovery"):
        call(folder, "show", "c9999")
    with pytest.raises(LedgerError, match="'c9999' does not exist"):
        call(folder, "name", "c9999", "x")
    with pytest.raises(LedgerError, match="has no open question"):
        call(folder, "settle", "c0001")


def test_the_page_is_written_where_it_is_wanted_and_draws_what_has_tracks(folder: Path, tmp_path: Path) -> None:
    cards = json.loads(call(folder, "--json"))["clusters"]
    first, scene = cards[0]["cluster_id"], cards[0]["typical"][0]
    call(folder, "name", first, "odd one")
    assert call(folder, "page").split(":")[0].endswith("discovery.html")
    text = (folder / "discovery.html").read_text()
    assert f'<details class="card" id="{first}" data-status="confirmed"' in text
    assert ("odd one" in text, "No drawings" in text, "<use " in text) == (True, True, False)
    ids = {"scene_id": [scene], "agent_id": ["a"], "timestamp_ns": [0]}
    toy.write(folder / "drawn", pa.table({**ids, "x_m": [0.0], "y_m": [0.0], "heading_rad": [0.0]}))
    (folder / "oddloop.toml").write_text(f'{toy.CONFIG}\n[discover.page]\ntracks = "drawn"\n')
    call(folder, "page", str(tmp_path / "cards.html"))
    drawn = (tmp_path / "cards.html").read_text()
    assert f"{scene} from above" in drawn
    assert json.loads(call(folder, "--json"))["digest"] in {p.name for p in (folder / "derived/discover").iterdir()}
    assert len(list((folder / "derived/discover").iterdir())) == 1  # how the page looks changes no cluster
    with pytest.raises(WorkspaceError, match="cannot be written"):
        call(folder, "page", str(tmp_path / "nowhere" / "cards.html"))


def test_a_new_basis_is_told_on_stderr_and_refit_asks_for_one(tmp_path: Path) -> None:
    toy.make_workspace(tmp_path / "ws")
    said = [
        RUN.invoke(app, ["discover", *more, "-w", str(tmp_path / "ws")], catch_exceptions=False).stderr
        for more in ((), (), ("--refit",))
    ]
    found = [[line.split("new basis: ")[1] for line in text.splitlines() if "new basis: " in line] for text in said]
    assert found == [["first discovery"], [], ["asked for; it is the same again"]]
