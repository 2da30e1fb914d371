"""The training hook: what it gives, what it takes, and that a failed training leaves no trace."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import toy
from oddloop.config import TrainConfig
from oddloop.errors import TrainError
from oddloop.lake import Workspace
from oddloop.rounds.train_hook import TrainRequest, train, trained_tables

LABELLED = pa.table(
    {"scene_id": ["log0/s0", "log0/s1"], "log_id": ["log0"] * 2, "round_id": [None, "r001"], "cost": [1.0, None]}
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return toy.make_workspace(tmp_path / "ws", train="")


def request(workspace: Workspace, command: str | None = None, extra: str = "", timeout_s: float = 60.0) -> TrainRequest:
    root = workspace.storage.local_path()
    toy_command = (
        f"{sys.executable} {root.parent / 'train.py'} --frames {root}/lake/frames/part-0.parquet "
        f"--scenes {root}/lake/scenes/part-0.parquet --labelled {{labelled}} --output {{output}} "
        f"--model-id {{model_id}} --seed {{seed}} {extra}"
    )
    hook = TrainConfig(command=toy_command if command is None else command, timeout_s=timeout_s)
    return TrainRequest(hook, LABELLED, "m001", 5, {"labels": "abc"})


def leftovers(workspace: Workspace) -> list[str]:
    folder = workspace.storage.local_path("derived/train")
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def test_the_output_is_kept_in_table_form_with_its_log(workspace: Workspace) -> None:
    trained = train(workspace, request(workspace))
    assert trained.computed
    assert sorted(trained_tables(trained.storage)) == ["metrics", "predictions/classification"]
    assert trained.manifest["rows"] == {"predictions/classification": 192, "metrics": 12}
    assert trained.storage.read_bytes("train.log") == b"trained on 2 scenes\n"
    assert pq.read_table(trained.storage.local_path("labelled.parquet")).to_pylist() == LABELLED.to_pylist()


def test_the_same_request_is_not_trained_again(workspace: Workspace) -> None:
    first, second = train(workspace, request(workspace)), train(workspace, request(workspace))
    assert (first.digest, second.computed) == (second.digest, False)
    other = dataclasses.replace(request(workspace), seed=6)
    assert train(workspace, other).digest != first.digest


@pytest.mark.parametrize(
    ("command", "extra", "message"),
    [
        (
            None,
            "--fail exit",
            "ended with exit code 1; nothing was kept. Its last lines:\n    trained on 2 scenes\n    cannot allocate",
        ),
        (None, "--fail model_id", "metrics are of another model than 'm001'"),
        ("true", "", "ended well but wrote no predictions; it must write predictions/<task>/"),
        ("no-such-program --x", "", "cannot start 'no-such-program': No such file or directory"),
        (
            "train {modelid}",
            "",
            r"cannot fill in 'train \{modelid\}': 'modelid'; it may use \{labelled\}, \{model_id\}",
        ),
        ("train 'unbalanced", "", "cannot fill in .*No closing quotation"),
    ],
)
def test_a_failed_training_says_why_and_leaves_nothing(
    workspace: Workspace, command: str | None, extra: str, message: str
) -> None:
    with pytest.raises(TrainError, match=message):
        train(workspace, request(workspace, command, extra))
    assert leftovers(workspace) == []


def test_a_training_that_takes_too_long_is_ended_with_its_children(workspace: Workspace, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    command = f"sh -c 'sleep 300 & echo $! > {pid_file}; wait'"
    with pytest.raises(TrainError, match=r"ended after 0\.5 s"):
        train(workspace, request(workspace, command, timeout_s=0.5))
    assert leftovers(workspace) == []
    assert not is_running(int(pid_file.read_text()))


def test_a_table_with_a_wrong_column_is_named(workspace: Workspace, tmp_path: Path) -> None:
    script = tmp_path / "bad.py"
    script.write_text(
        "import sys, pathlib, pyarrow as pa, pyarrow.parquet as pq\n"
        "out = pathlib.Path(sys.argv[1], 'predictions/classification'); out.mkdir(parents=True)\n"
        "pq.write_table(pa.table({'frame_id': ['a'], 'scene_id': ['b'], 'prob': [[[1.0]]]}), out / 'p.parquet')\n"
    )
    none = r"none of the columns `probs`, `logits` is there \(there is `prob`\)"
    with pytest.raises(TrainError, match=rf"  predictions/classification/p\.parquet: {none}"):
        train(workspace, request(workspace, f"{sys.executable} {script} {{output}}"))
    assert leftovers(workspace) == []


def test_a_killed_run_takes_its_training_with_it(workspace: Workspace, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import test_train\n"
        "from oddloop.lake import Workspace\n"
        "ws = Workspace.open(sys.argv[2])\n"
        "test_train.train(ws, test_train.request(ws, f\"sh -c 'echo $$ > {sys.argv[3]}; exec sleep 300'\"))\n"
    )
    tests = Path(__file__).parent
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tests), str(workspace.storage.local_path()), str(pid_file)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tests.parent), os.environ.get("PYTHONPATH", "")])},
    )
    wait_for(pid_file.exists)
    wait_for(lambda: pid_file.read_text().strip() != "")
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(lambda: not is_running(int(pid_file.read_text())))


def wait_for(condition, timeout_s: float = 20.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False
