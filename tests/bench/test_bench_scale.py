"""The benchmark of whole runs: its fleet has no fault, and every stage is told."""

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))  # benchmarks are scripts, not a package

import bench_incremental
import bench_scale
import planted_lake
from oddloop.lake import Workspace
from oddloop.lake.validate import find_faults


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planted_lake, "SCENES_PER_LOG", 10)
        patch.setattr(planted_lake, "LOGS_PER_BLOCK", 20)
        planted_lake.write_lake(folder, 600)
    return folder


def test_the_fleet_has_no_fault_and_a_file_per_block_of_logs(fleet: Path) -> None:
    workspace = Workspace.open(fleet)
    assert find_faults(workspace) == []
    assert len(workspace.config.attributes) == 12
    assert [len(list(folder.rglob("*.parquet"))) for folder in sorted((fleet / "lake").iterdir())] == [3] * 6
    boxes = pq.read_table(fleet / "lake/predictions/detection" / planted_lake.MODEL)["boxes"]
    sizes = boxes.combine_chunks().value_lengths().to_numpy()
    assert len(boxes) == 600 * 20
    assert (sizes.min(), sizes.max()) == (5, 15)


def test_a_run_tells_of_every_stage(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench_scale.measure_run(fleet)
    told = json.loads(capsys.readouterr().out)
    assert [stage for stage in bench_scale.STAGES if not told[f"{stage}_mb"] > 0] == []
    assert told["all"] == pytest.approx(sum(told[stage] for stage in bench_scale.STAGES))
    assert pq.read_metadata(fleet / "rounds/r001/picks.parquet").num_rows == 6
    assert (fleet / "rounds/r001/report.html").exists()


def test_a_day_on_top_is_told_beside_all_from_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(planted_lake, "SCENES_PER_LOG", 10)
    monkeypatch.setattr(bench_incremental, "N_DAYS", 3)
    bench_incremental.measure_whole(600)
    found = json.loads(capsys.readouterr().out)
    for what in bench_incremental.INSIDE:
        assert 0 < found[f"day_of it: {what}"] < found["day_all"]
    assert found["anew_basis"] > 0
    assert "day_basis" not in found  # none of its own: the one that is kept suits
    bench_incremental.print_whole(600, found)
    assert "| all |" in capsys.readouterr().out
