"""How a command of the team's own is run: filled in, limited, watched, tried again, and ended with all it started."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import toy
from oddloop.config import TrainConfig, config_from_mapping, load_config
from oddloop.errors import ConfigError, TrainError
from oddloop.lake import Workspace
from oddloop.rounds.hook import Call, read_attempts, run_hook
from oddloop.rounds.hook.heartbeat import Heartbeat
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.run import train_if_due

PYTHON = shlex.quote(sys.executable)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "ws/derived/train/x").mkdir(parents=True)
    return tmp_path / "ws"


def call(place: Path, command: str, **settings: object) -> Call:
    folder = place / "derived/train/x"
    config = TrainConfig(command=command, **settings)  # type: ignore[arg-type]
    values = {"workspace": str(place), "seed": "7"}
    return Call("train", "training of m001", config, values, folder, folder / "output", place, place / "logs")


def log(place: Path, number: int = 1) -> str:
    return (place / f"logs/train-attempt-{number}.log").read_text()


def test_variables_are_filled_in_and_beside_those_of_oddloop(place: Path) -> None:
    shown = "$STAGE $OMP_NUM_THREADS $MKL_NUM_THREADS {{$HOME}}; pwd; echo {cpus} {memory_mb}"
    env = {"STAGE": "fit-{seed}", "MKL_NUM_THREADS": "1"}
    run_hook(call(place, f"sh -c 'echo {shown}'", env=env, cpus=3, memory_mb=4096, cwd="derived"))
    assert log(place).splitlines() == [f"fit-7 3 1 {{{os.environ['HOME']}}}", str(place / "derived"), "3 4096"]
    assert (place / "derived/train/x/train.log").read_text() == log(place)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"env": {"A": "{nothing}"}}, r"train\.env\.A: cannot fill in '\{nothing\}'"),
        ({"cwd": "nowhere"}, r"train\.cwd: .*nowhere is no folder"),
        ({"secrets": ("ODDLOOP_TEST_UNSET",)}, r"train\.secrets: ODDLOOP_TEST_UNSET is not set"),
    ],
)
def test_what_cannot_be_started_says_which_setting(place: Path, settings: dict, message: str) -> None:
    with pytest.raises(TrainError, match=message):
        run_hook(call(place, "true", **settings))


@pytest.mark.parametrize("name", ["HF_TOKEN", "password", "MY_API_KEY", "AWS_SECRET"])
def test_a_secret_is_refused_where_it_would_be_recorded(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"recorded in the ledger; name {name} in `secrets`"):
        config_from_mapping({"train": {"env": {name: "x"}}})
    assert config_from_mapping({"train": {"env": {"TOKENIZERS_PARALLELISM": "false"}}}).train.env


def test_the_value_of_a_secret_is_in_no_log_and_no_message(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", "hush-4711")
    with pytest.raises(TrainError, match=r"signed in with \*\*\*") as failed:
        run_hook(call(place, "sh -c 'echo signed in with $REGISTRY_TOKEN; exit 1'", secrets=("REGISTRY_TOKEN",)))
    assert "hush" not in str(failed.value) + log(place)
    assert [f for f in place.rglob("*") if f.is_file() and b"hush" in f.read_bytes()] == []


def test_memory_is_limited_per_process(place: Path) -> None:
    eat = f"{PYTHON} -c 'x = bytearray(600 << 20); print(len(x))'"
    with pytest.raises(TrainError, match="MemoryError"):
        run_hook(call(place, eat, memory_mb=400))
    run_hook(call(place, eat, memory_mb=1500))


def test_listed_exit_codes_are_tried_again_with_an_empty_output_and_logs_of_all(place: Path) -> None:
    command = "sh -c 'ls {output} | wc -l; touch {output}/half; echo attempt {attempt}; [ {attempt} = 3 ] || exit 75'"
    done = run_hook(call(place, command, retries=3, retry_wait_s=0.05))
    assert [one["ended"] for one in done] == ["exit code 75", "exit code 75", "exit code 0"]
    assert [one["log"] for one in done] == [f"logs/train-attempt-{n}.log" for n in (1, 2, 3)]
    assert [log(place, n).split() for n in (1, 2, 3)] == [["0", "attempt", str(n)] for n in (1, 2, 3)]
    assert read_attempts(place / "logs", "train") == done


@pytest.mark.parametrize(
    ("command", "settings", "n_attempts", "ended"),
    [
        ("sh -c 'exit 3'", {"retries": 5}, 1, "with exit code 3; nothing was kept but its log, logs/train-attempt-1"),
        ("sh -c 'exit 3'", {"retries": 1, "retry_exit_codes": (3,)}, 2, "with exit code 3 at attempt 2"),
        ("sh -c 'kill -9 $$'", {"retries": 1}, 2, "with exit code 137 at attempt 2"),
        ("sleep 60", {"timeout_s": 0.2, "retries": 1}, 2, r"after 0\.2 s \(train\.timeout_s\) at attempt 2"),
        ("sleep 60", {"timeout_s": 0.2, "retries": 1, "retry_timeouts": False}, 1, r"after 0\.2 s"),
    ],
)
def test_only_what_is_worth_it_is_tried_again(
    place: Path, command: str, settings: dict, n_attempts: int, ended: str
) -> None:
    with pytest.raises(TrainError, match=ended) as failed:
        run_hook(call(place, command, retry_wait_s=0.01, **settings))
    assert [one["attempt"] for one in failed.value.attempts] == list(range(1, n_attempts + 1))


def test_waits_double(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("oddloop.rounds.hook.attempts.time.sleep", waits.append)
    with pytest.raises(TrainError, match="at attempt 4"):
        run_hook(call(place, "sh -c 'exit 75'", retries=3, retry_wait_s=5.0))
    assert [wait for wait in waits if wait >= 1] == [5.0, 10.0, 20.0]  # beside those for processes to end


def test_a_hung_command_is_ended_by_its_silence_and_a_beating_one_is_not(place: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(TrainError, match=r"after 0\.4 s of silence \(train\.heartbeat_timeout_s\)"):
        run_hook(call(place, "sh -c 'echo x >> {heartbeat}; sleep 60'", heartbeat_timeout_s=0.4))
    assert time.monotonic() - begun < 30
    beat = "sh -c 'for i in 1 2 3 4 5 6 7 8; do touch {heartbeat}; sleep 0.3; done'"
    assert run_hook(call(place, beat, heartbeat_timeout_s=2.0))[0]["ended"] == "exit code 0"


def test_progress_is_told_from_the_heartbeat(place: Path) -> None:
    told: list[tuple[str, int, int]] = []
    (place / "beat.py").write_text(
        "import sys, time, json\n"
        "print(json.dumps({'step': 2, 'of': 10, 'loss': 0.25, 'note': 'x'}), file=open(sys.argv[1], 'w'))\n"
        "time.sleep(1.2)\n"
    )
    one = call(place, f"{PYTHON} beat.py {{heartbeat}}")
    run_hook(Call(**{**one.__dict__, "progress": lambda *beat: told.append(beat)}))
    assert told == [("training of m001 loss 0.25", 2, 10)]


LINES = st.sampled_from([b'{"step": 1, "of": 4}\n', b"\n", b'{"step": NaN}\n', b"[1]\n", b'{"step": "a"}\n'])


@given(st.lists(st.one_of(st.binary(max_size=20), LINES), max_size=8))
def test_no_bytes_in_a_heartbeat_are_an_error(tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]) -> None:
    file = tmp_path_factory.mktemp("beat") / "heartbeat.jsonl"
    watch = Heartbeat(file)
    assert not watch.look()
    for part in parts:
        with file.open("ab") as stream:
            stream.write(part)
        watch.look()
        assert watch.step >= 0
    with file.open("ab") as stream:
        stream.write(b'\n{"step": 3, "of": 9, "loss": 1}\n{"step": 4')
    assert watch.look()
    assert (watch.step, watch.of, dict(watch.numbers)) == (3, 9, {"loss": 1})


def test_no_child_is_left_even_in_a_session_of_its_own(place: Path) -> None:
    pids = place / "pids"
    run_hook(call(place, f"sh -c 'sleep 300 & echo $! > {pids}; setsid sleep 300 & echo $! >> {pids}; sleep 0.2'"))
    assert [pid for pid in pids.read_text().split() if is_running(int(pid))] == []


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


def test_a_round_keeps_the_logs_of_failed_attempts_and_records_them(tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    workspace = toy.make_workspace(folder, train="")
    script = tmp_path / "train.py"
    good = script.read_text()
    script.write_text("import sys; print('disk full'); sys.exit(75)")
    with pytest.raises(TrainError, match=r"but its log, rounds/r000/logs/train-attempt-1\.log"):
        train_if_due(workspace, toy.shell())
    failed = open_ledger(workspace).events("r000")[-1]
    assert (failed.kind, failed.payload["attempts"][0]["ended"]) == ("train_failed", "exit code 75")
    script.write_text(good)
    record = train_if_due(workspace, toy.shell())
    assert record["attempts"][0]["log"] == "rounds/r000/logs/train-attempt-2.log"
    logs = folder / "rounds/r000/logs"
    assert (logs / "train-attempt-1.log").read_text() == "disk full\n"
    assert (logs / "train-attempt-2.log").read_text() == "trained on 6 scenes\n"


def test_bad_output_is_never_tried_again(tmp_path: Path) -> None:
    workspace = toy.make_workspace(tmp_path / "ws", train="--fail model_id")
    config = toy.CONFIG + (tmp_path / "ws/oddloop.toml").read_text().split(toy.CONFIG)[1] + "retries = 3\n"
    (tmp_path / "ws/oddloop.toml").write_text(config)
    with pytest.raises(TrainError, match="metrics are of another model"):
        train_if_due(Workspace.open(workspace.storage.url), toy.shell())
    assert len(list((tmp_path / "ws/rounds/r000/logs").glob("*.log"))) == 1


def test_a_run_killed_in_mid_training_is_resumed_and_no_process_is_left(tmp_path: Path) -> None:
    folder, marker = tmp_path / "ws", tmp_path / "begun"
    workspace = toy.make_workspace(folder, train="")
    script = tmp_path / "train.py"
    good = script.read_text()
    hang = (
        f"import os, subprocess, time\nopen({str(marker)!r}, 'w').write(str(os.getpid()))\nprint('hangs', flush=True)\n"
    )
    script.write_text(f"{hang}subprocess.Popen(['setsid', 'sleep', '300'])\ntime.sleep(300)\n")
    command = [sys.executable, "-m", "oddloop", "train", "--workspace", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not (marker.exists() and marker.read_text()) and time.monotonic() < until:
        time.sleep(0.02)
    pid = int(marker.read_text())
    process.send_signal(signal.SIGKILL)
    process.wait()
    script.write_text(good)
    record = train_if_due(workspace, toy.shell())
    assert record["model_id"] == "m000"
    assert not is_running(pid)
    sleepers = [p for p in Path("/proc").iterdir() if p.name.isdigit() and carries(p, str(folder))]
    assert sleepers == []
    assert (folder / "rounds/r000/logs/train-attempt-1.log").read_text() == "hangs\n"
    assert [e.kind for e in open_ledger(workspace).events("r000")] == ["labelled", "trained"]


def carries(entry: Path, folder: str) -> bool:
    try:
        return f"ODDLOOP_TRAINING={folder}/".encode() in (entry / "environ").read_bytes()
    except OSError:
        return False


def test_the_settings_on_the_page_are_settings() -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/train.md").read_text()
    blocks = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    trains = [load_config(block).train for block in blocks]
    assert trains[0].timeout_s == 7200.0
    assert load_config(blocks[2]).evaluate.timeout_s == 14400.0
    assert (trains[1].secrets, trains[1].retry_exit_codes) == (("REGISTRY_TOKEN",), (75, 137, 143))
