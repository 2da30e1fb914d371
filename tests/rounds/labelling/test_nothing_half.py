"""A delivery that is refused leaves the workspace as it was, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

import toy
from labelling_faults import BATCH, EXPORTS, SUFFIX, malformed
from labelling_rounds import ME
from oddloop.errors import LabellingError
from oddloop.lake import Workspace
from oddloop.rounds.labelling import receive_file
from oddloop.rounds.labelling.sent import write_units
from oddloop.rounds.ledger import open_ledger

CONFIG = "[labelling]\nclasses = ['car', 'van']\n"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace in which the batch that the exports are of was sent."""
    folder = tmp_path_factory.mktemp("half") / "ws"
    ids = [scene.scene_id for scene in BATCH.scenes]
    n = len(ids)
    scenes = {"scene_id": ids, "log_id": ids, "start_ns": pa.array(range(n), pa.int64()), "duration_s": [1.0] * n}
    toy.write(folder / "lake/scenes", pa.table(scenes))
    made = Workspace.create(folder, CONFIG)
    ledger = open_ledger(made)
    picks = [{"scene_id": s.scene_id, "log_id": s.log_id, "rank": s.rank, "cost": 1.0} for s in BATCH.scenes]
    ledger.append("r001", "proposed", {"picks": picks, "cost": 3.0}, key="p", author=ME)
    sent = {"tool": "label-studio", "project": "", "url": "", "jobs": {}, "digest": write_units(made, BATCH)}
    ledger.append("r001", "sent", sent, key="s", author=ME)
    ledger.close()
    return made


def everything(workspace: Workspace) -> dict[str, bytes]:
    """All files by path, the ledger as its events."""
    root = workspace.storage.local_path()
    kept = [p for p in root.rglob("*") if p.is_file() and p.name != ".lock" and "ledger" not in p.name]
    files = {str(p.relative_to(root)): p.read_bytes() for p in kept}
    ledger = open_ledger(workspace)
    events = repr(ledger.events()).encode()
    ledger.close()
    return {**files, "events": events}


def refuse(workspace: Workspace, folder: Path, case: tuple[str, str, bytes]) -> None:
    tool, _, content = case
    file = folder / f"export{SUFFIX[tool]}"
    file.write_bytes(content)
    with pytest.raises(LabellingError):
        receive_file(workspace, file, ME, tool=tool, finished=["all"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(malformed())
def test_nothing_is_half_imported(workspace: Workspace, folder: Path, case: tuple[str, str, bytes]) -> None:
    before = everything(workspace)
    refuse(workspace, folder, case)
    assert everything(workspace) == before


@pytest.mark.system
@settings(max_examples=1000, suppress_health_check=list(HealthCheck))
@given(malformed())
def test_nothing_is_half_imported_of_a_thousand(
    workspace: Workspace, folder: Path, case: tuple[str, str, bytes]
) -> None:
    before = everything(workspace)
    refuse(workspace, folder, case)
    assert everything(workspace) == before


@pytest.mark.parametrize("tool", sorted(EXPORTS))
def test_the_good_one_is_taken(workspace: Workspace, folder: Path, tool: str) -> None:
    file = folder / f"good{SUFFIX[tool]}"
    file.write_bytes(EXPORTS[tool])
    taken = receive_file(workspace, file, ME, finished=["all"])  # which tool wrote it is found out
    assert (taken.tool, len(taken.new) + len(taken.unchanged) + len(taken.corrected)) == (tool, 3)
