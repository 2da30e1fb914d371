"""Rounds in a real MLflow: its own server with a SQLite store on loopback, and its store without a server."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import toy
from oddloop.lake import Workspace
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.run import run
from oddloop.rounds.state import TRACKER
from oddloop.rounds.tracking import push
from oracles.peers import load

pytestmark = [pytest.mark.system, pytest.mark.filterwarnings("ignore")]

TRACKED = '\n[tracker]\nkind = "{kind}"\ntracking_uri = "{uri}"\ntimeout_s = 5.0\n'
MODEL_URI = "s3://models/toy/v1"


@pytest.fixture(scope="module", autouse=True)
def mlflow():
    return load("mlflow", "MLflow is not installed; `make test-all` installs it into .venv-tracker ({error})")


class Server:
    """An `mlflow server` on a port of its own, which can be ended and begun again."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder, self.uri = folder, f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--backend-store-uri", "sqlite:///store.db", "--artifacts-destination", "./files", "--workers", "1"]
        with (self.folder / "server.log").open("ab") as log:
            environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 240
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "server.log").read_text()
            assert time.monotonic() < deadline, (self.folder / "server.log").read_text()
            time.sleep(0.5)

    def stop(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=2) as answer:
                return answer.read() == b"OK"
        except OSError:
            return False


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    load("mlflow.server", "MLflow's server is not installed; `make test-all` installs it into .venv-tracker ({error})")
    started = Server(tmp_path_factory.mktemp("server"))
    started.start()
    yield started
    started.stop()


def make_tracked(folder: Path, name: str, uri: str, kind: str = "mlflow") -> Path:
    """A workspace of its own name, so that tests share a server and no experiment."""
    config = toy.CONFIG.replace('name = "toy"', f'name = "{name}"') + TRACKED.format(kind=kind, uri=uri)
    toy.make_workspace(folder / "ws", config=config, train="")
    script = folder / "train.py"
    script.write_text(f'{script.read_text()}\n(out / "model_uri").write_text("{MODEL_URI}\\n")\n')
    return folder / "ws"


def run_at(folder: Path, warnings: list[str] | None = None) -> Any:
    told: list[str] = [] if warnings is None else warnings
    summary = run(Workspace.open(folder), replace(toy.shell(), warn=told.append, now_ns=time.time_ns))
    assert warnings is not None or told == []
    return summary


def push_at(folder: Path) -> Any:
    workspace = Workspace.open(folder)
    return push(workspace, open_ledger(workspace), replace(toy.shell(), now_ns=time.time_ns).stamp, everything=True)


def client_of(uri: str) -> Any:
    from mlflow.tracking import MlflowClient

    return MlflowClient(uri, registry_uri=uri)


def runs_of(client: Any, name: str) -> dict[str, Any]:
    """The runs of a workspace by round, "" for the loop's own; there is one of each."""
    experiment = client.get_experiment_by_name(name)
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    by_round = {run.data.tags["al.round_id"]: run for run in runs}
    assert len(by_round) == len(runs)
    return by_round


def assert_whole(client: Any, folder: Path, name: str) -> None:
    """MLflow has every round of the ledger once, as it is, and one version of each model."""
    states = {state.round_id: state for state in open_ledger(Workspace.open(folder)).rounds()}
    runs = runs_of(client, name)
    assert set(runs) == {"", *states}
    for round_id, state in states.items():
        told = runs[round_id].data
        assert told.tags["al.status"] == state.status
        assert told.tags["mlflow.parentRunId"] == runs[""].info.run_id
        assert runs[round_id].info.status == ("FINISHED" if state.status == "closed" else "RUNNING")
        for overall in state.evaluation.get("overall", []):
            assert told.metrics[overall["metric"]] == pytest.approx(overall["value"])
            history = client.get_metric_history(runs[round_id].info.run_id, overall["metric"])
            assert [(point.step, point.value) for point in history] == [(state.number, overall["value"])]
    trained = [state for state in states.values() if "digest" in state.training]
    versions = client.search_model_versions(f"name = '{name}'")
    assert sorted(version.tags["al.round_id"] for version in versions) == [state.round_id for state in trained]
    curve = client.get_metric_history(runs[""].info.run_id, "accuracy")
    assert sorted(point.step for point in curve) == [state.number for state in trained]


def test_the_whole_loop(server: Server, tmp_path: Path) -> None:
    folder, client = make_tracked(tmp_path, "whole", server.uri), client_of(server.uri)
    run_at(folder)
    toy.label_all_picks(folder, "r001")
    run_at(folder)
    assert_whole(client, folder, "whole")
    runs = runs_of(client, "whole")
    told = runs["r001"].data
    assert {name: told.params[name] for name in ("policy", "score", "budget", "seed", "scored_by")} == {
        "policy": "uncertainty",
        "score": "classification_entropy_mean",
        "budget": "3.0",
        "seed": "3",
        "scored_by": "m000",
    }
    assert told.metrics["round/cost"] == 3.0
    assert 0 < told.metrics["segment/weather:rain/accuracy"] < 1
    assert runs["r002"].data.params == {}  # its picks may still change
    files = {file.path for file in client.list_artifacts(runs["r001"].info.run_id)}
    wanted = {"picks.parquet", "picks.csv", "manifest.json", "policy_source.py", "segment_metrics.csv", "model"}
    assert wanted <= files
    code = Path(client.download_artifacts(runs["r001"].info.run_id, "policy_source.py", str(tmp_path))).read_text()
    assert "def pick_by_score(" in code
    version = next(v for v in client.search_model_versions("name = 'whole'") if v.tags["al.round_id"] == "r001")
    assert (version.tags["al.model_id"], version.source) == ("m001", MODEL_URI)
    assert version.run_id == runs["r001"].info.run_id


def test_search_by_dataset_digest_finds_the_training_run(server: Server, tmp_path: Path) -> None:
    import mlflow

    folder, client = make_tracked(tmp_path, "digest", server.uri), client_of(server.uri)
    run_at(folder)
    run_ = runs_of(client, "digest")["r000"]
    found = run_.inputs.dataset_inputs[0]
    query = f"dataset.digest = '{found.dataset.digest}' and dataset.context = 'training'"
    everywhere = [e.experiment_id for e in client.search_experiments()]
    assert run_.info.run_id in [r.info.run_id for r in client.search_runs(everywhere, query)]
    same = [r.data.tags["al.round_id"] for r in client.search_runs([run_.info.experiment_id], query)]
    assert same == ["r000"]
    assert len(found.dataset.digest) <= 36
    assert Path(mlflow.data.get_source(found).uri.removeprefix("file://")).exists()
    trained = open_ledger(Workspace.open(folder)).round("r000").training
    whole = trained.get("dataset", {}).get("digest", found.dataset.digest)
    assert {tag.key: tag.value for tag in found.tags}["al.digest"] == whole


def test_a_server_that_goes_down_holds_nothing_up(server: Server, tmp_path: Path) -> None:
    folder, client = make_tracked(tmp_path, "down", server.uri), client_of(server.uri)
    run_at(folder)
    server.stop()
    try:
        toy.label_all_picks(folder, "r001")
        warnings: list[str] = []
        begun = time.monotonic()
        summary = run_at(folder, warnings)
        waited = sum(step.seconds for step in summary.steps if step.name == "tracker")
        assert (summary.round_id, summary.status) == ("r002", "proposed")
        assert len(warnings) == 1
        assert warnings[0].startswith("the tracker did not take r001")
        assert waited < 20, time.monotonic() - begun
        assert push_at(folder).waiting == ("r001", "r002")
    finally:
        server.start()
    run_at(folder)
    assert_whole(client, folder, "down")
    assert push_at(folder).done == ()


KILLING = '''
import os, signal
from pathlib import Path
from oddloop.rounds.tracking.mlflow_tracker import MlflowTracker

class Killing(MlflowTracker):
    """Killed after it has done its work, before that is recorded."""
    def push_round(self, record):
        ref = super().push_round(record)
        if Path(__file__).with_name(f"die-at-{record.round_id}").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return ref
'''
PUSH = [sys.executable, "-W", "ignore", "-m", "oddloop", "rounds", "push", "--json"]


def test_killed_between_push_and_record(server: Server, tmp_path: Path) -> None:
    folder = make_tracked(tmp_path, "killed", server.uri, kind="killing:Killing")
    (folder / "killing.py").write_text(KILLING)
    sys.path.append(str(folder))
    run_at(folder)
    toy.label_all_picks(folder, "r001")
    (folder / "die-at-r001").touch()
    command = [sys.executable, "-W", "ignore", "-m", "oddloop", "run", "-w", str(folder)]
    assert subprocess.run(command, timeout=240, capture_output=True).returncode == -signal.SIGKILL
    told = [
        e.payload["seq"] for e in open_ledger(Workspace.open(folder)).events(TRACKER) if e.payload["what"] == "r001"
    ]
    labelled = [e.seq for e in open_ledger(Workspace.open(folder)).events("r001") if e.kind == "labelled"]
    assert max(told) < labelled[0]  # MLflow has it, the ledger does not say so
    (folder / "die-at-r001").unlink()
    run_at(folder)
    assert_whole(client_of(server.uri), folder, "killed")
    answer = subprocess.run([*PUSH, "-w", str(folder)], timeout=240, capture_output=True, check=True)
    assert json.loads(answer.stdout) == {"done": [], "waiting": [], "error": ""}


def test_killed_at_any_moment_of_a_push(server: Server, tmp_path: Path) -> None:
    folder = make_tracked(tmp_path, "moments", server.uri, kind="")
    for round_id in ("", "r001"):
        if round_id:
            toy.label_all_picks(folder, round_id)
        run_at(folder)
    settings = folder / "oddloop.toml"
    settings.write_text(settings.read_text().replace('kind = ""\ntracking_uri', 'kind = "mlflow"\ntracking_uri'))
    driver = (
        "import sys, time; from oddloop.lake import Workspace; from oddloop.rounds.ledger import Author, open_ledger\n"
        "from oddloop.rounds.tracking import push; import mlflow.tracking, mlflow.data.meta_dataset\n"
        "workspace = Workspace.open(sys.argv[1]); print('ready', flush=True)\n"
        "told = push(workspace, open_ledger(workspace), lambda: Author('me', time.time_ns()))\n"
        "print(told.error, flush=True)\n"
    )
    moments, n_killed, within_s = random.Random(7), 0, 1.0
    for _ in range(12):
        if n_killed == 6:
            break
        command = [sys.executable, "-W", "ignore", "-c", driver, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(moments.uniform(0.0, within_s))
            process.kill()
            was_killed = process.wait() == -signal.SIGKILL
        n_killed += was_killed
        within_s *= 1.0 if was_killed else 0.6  # on a fast machine a push is over before that
    assert n_killed >= 3
    assert push_at(folder).error == ""
    assert_whole(client_of(server.uri), folder, "moments")


def test_two_processes_that_push_at_once_keep_one_run(server: Server, tmp_path: Path) -> None:
    from oddloop.config import TrackerConfig
    from oddloop.rounds.tracking import Loop, RoundRecord
    from oddloop.rounds.tracking.mlflow_tracker import MlflowTracker

    config = TrackerConfig(kind="mlflow", tracking_uri=server.uri)
    record = RoundRecord("r001", 1, "proposed", seq=1, begun_at_ns=10**18, at_ns=10**18)
    program = (
        "import sys; from oddloop.config import TrackerConfig; from oddloop.rounds.tracking import Loop, RoundRecord\n"
        "from oddloop.rounds.tracking.mlflow_tracker import MlflowTracker\n"
        "t = MlflowTracker(TrackerConfig(kind='mlflow', tracking_uri=sys.argv[1]), Loop('race', 'race'))\n"
        "print('ready', flush=True); input()\n"
        "print(t.push_round(RoundRecord('r001', 1, 'proposed', seq=1, begun_at_ns=10**18, at_ns=10**18)))\n"
    )
    MlflowTracker(config, Loop("other", "race")).push_round(record)  # the experiment is there
    command = [sys.executable, "-W", "ignore", "-c", program, server.uri]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in both:  # one whose run was taken from it has failed, and pushes again later
        process.communicate(timeout=120)
    ref = MlflowTracker(config, Loop("race", "race")).push_round(record)
    client = client_of(server.uri)
    experiment = client.get_experiment_by_name("race").experiment_id
    runs = client.search_runs([experiment], "tags.`al.loop_id` = 'race' and tags.`al.round_id` = 'r001'")
    assert [run.info.run_id for run in runs] == [ref]


def test_the_embedded_default_needs_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = make_tracked(tmp_path, "embedded", "")
    monkeypatch.chdir(tmp_path)  # a relative path begins at the workspace all the same
    for round_id in ("", "r001", "r002"):
        if round_id:
            toy.label_all_picks(folder, round_id)
        run_at(folder)
    client = client_of(f"sqlite:///{folder}/mlflow.db")
    assert_whole(client, folder, "embedded")
    run_id = runs_of(client, "embedded")["r001"].info.run_id
    assert list((folder / "mlflow-artifacts").glob(f"{run_id}/artifacts/picks.csv"))
    assert not (tmp_path / "mlruns").exists()


def test_a_promoted_model_gets_the_alias(server: Server, tmp_path: Path) -> None:
    from oddloop.rounds.deploy import promote

    folder, client = make_tracked(tmp_path, "promoted", server.uri), client_of(server.uri)
    run_at(folder)
    toy.label_all_picks(folder, "r001")
    run_at(folder)
    for model_id in ("m001", "m000"):  # and back again
        workspace = Workspace.open(folder)
        promote(workspace, open_ledger(workspace), model_id, "why not", replace(toy.shell(), now_ns=time.time_ns).stamp)
        assert [job["what"] for job in push_at(folder).done] == ["promoted"]
        served = client.get_model_version_by_alias("promoted", "in_service")
        assert served.tags["al.model_id"] == model_id
        assert runs_of(client, "promoted")[""].data.tags["al.in_service"] == model_id


@pytest.mark.parametrize(
    "name",
    [
        "segment/weather=rain & road=city/recall",
        "segment/größe=a/b..c/recall",
        "segment/a=../recall",
        "x" * 400,
        "evidence/gain%/[0.5, 1)",
    ],
)
def test_mlflow_takes_every_name_of_ours(name: str) -> None:
    from mlflow.utils.validation import _validate_metric

    from oddloop.rounds.tracking.mlflow_names import metric_name

    _validate_metric(metric_name(name), 1.0, 0, 0)
    assert metric_name(name) != metric_name(f"{name}!")
