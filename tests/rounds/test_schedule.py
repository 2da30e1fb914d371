"""The recipes of docs/how-to/schedule.md do what the page says: cron's line, the DAG in a real Airflow, the CronJob."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

import toy
from oddloop.errors import ConfigError, WorkspaceError
from oddloop.lake import Workspace
from oddloop.lake.lock import locked
from oddloop.rounds.ledger import open_ledger

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "docs/how-to/schedule"


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """`oddloop` as a command with a whole path, as cron and Airflow call it."""
    script = tmp_path / "oddloop"
    source = ROOT / "src"
    script.write_text(f'#!/bin/sh\nPYTHONPATH={source} exec {sys.executable} -m oddloop "$@"\n')
    script.chmod(0o755)
    return script


def cron(folder: Path, command: Path) -> subprocess.CompletedProcess[str]:
    """The crontab's command as cron starts it: by `sh`, with hardly any environment."""
    text = (RECIPES / "crontab").read_text()
    line = next(line for line in text.splitlines() if line.startswith("7 * * * * "))
    assert line in (ROOT / "docs/how-to/schedule.md").read_text()
    shell = line.removeprefix("7 * * * * ").replace("/opt/oddloop/bin/oddloop", str(command))
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "ODDLOOP_WORKSPACE": str(folder)}
    return subprocess.run(["sh", "-c", shell], env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.skipif(shutil.which("flock") is None, reason="there is no flock here, which the recipe for cron calls")
def test_the_line_for_cron(tmp_path: Path, command: Path) -> None:
    folder = tmp_path / "fleet"
    toy.make_workspace(folder)

    # A run of cron's own is at it still: nothing happens, and cron has nothing to mail.
    with (folder / ".cron.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        left = cron(folder, command)
    assert (left.returncode, left.stdout, left.stderr) == (0, "", "")
    assert not (folder / "ledger.db").exists()

    # Somebody else's run is at it: that is told, and nothing is changed.
    with locked(Workspace.open(folder).storage):
        refused = cron(folder, command)
    assert refused.stdout == f"oddloop run failed, see {folder}/cron.log\n"
    assert "another oddloop process is writing to this workspace" in (folder / "cron.log").read_text()
    assert not (folder / "ledger.db").exists()

    done = cron(folder, command)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "r001 is proposed, waiting for labels" in (folder / "cron.log").read_text()


def test_of_two_runs_at_once_one_goes_on_and_the_other_ends_at_once_with_1(tmp_path: Path, command: Path) -> None:
    folder = tmp_path / "fleet"
    toy.make_workspace(folder, train="--sleep-s 60")
    call = [str(command), "run", "-w", str(folder), "--json"]
    with subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        try:
            deadline = time.monotonic() + 60
            while not (folder / "ledger.db").exists():  # it has begun
                assert time.monotonic() < deadline
                time.sleep(0.05)
            second = subprocess.run(call, capture_output=True, text=True, timeout=60)
        finally:
            first.kill()
    assert second.returncode == 1
    assert second.stdout == ""
    assert re.search(r"^Error: .*another oddloop process is writing", second.stderr)
    # The first was killed: its lock went with it.
    with locked(Workspace.open(folder).storage):
        pass


def test_wrong_arguments_end_with_2(command: Path) -> None:
    assert subprocess.run([str(command), "run", "--no-such-option"], capture_output=True, timeout=60).returncode == 2


# Fields of the Kubernetes API that a manifest may have, by the object (API reference of batch/v1 and core/v1, 1.31).
FIELDS = {
    "CronJob": {"apiVersion", "kind", "metadata", "spec"},
    "CronJobSpec": {
        *("schedule", "timeZone", "concurrencyPolicy", "startingDeadlineSeconds", "suspend", "jobTemplate"),
        *("successfulJobsHistoryLimit", "failedJobsHistoryLimit"),
    },
    "JobSpec": {
        *("backoffLimit", "activeDeadlineSeconds", "podFailurePolicy", "template", "parallelism", "completions"),
        *("ttlSecondsAfterFinished", "suspend", "completionMode", "backoffLimitPerIndex", "maxFailedIndexes"),
    },
    "PodSpec": {"restartPolicy", "terminationGracePeriodSeconds", "containers", "volumes", "serviceAccountName"},
    "Container": {"name", "image", "command", "args", "env", "envFrom", "resources", "volumeMounts", "workingDir"},
}


def test_the_cron_job_for_kubernetes() -> None:
    job = yaml.safe_load((RECIPES / "cronjob.yaml").read_text())
    spec = job["spec"]
    work = spec["jobTemplate"]["spec"]
    pod = work["template"]["spec"]
    (container,) = pod["containers"]
    found: dict[str, Any] = {
        "CronJob": job,
        "CronJobSpec": spec,
        "JobSpec": work,
        "PodSpec": pod,
        "Container": container,
    }
    assert {kind: set(value) - FIELDS[kind] for kind, value in found.items()} == {kind: set() for kind in found}
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
    assert len(spec["schedule"].split()) == 5
    assert spec["concurrencyPolicy"] == "Forbid"
    # A policy for failed pods asks for `Never`; a container of a job may not be restarted with `Always` anyway.
    assert pod["restartPolicy"] == "Never"
    assert 0 < work["backoffLimit"] <= 6
    (rule,) = work["podFailurePolicy"]["rules"]
    assert (rule["action"], rule["onExitCodes"]["operator"], rule["onExitCodes"]["values"]) == ("FailJob", "In", [2])
    assert rule["onExitCodes"]["containerName"] == container["name"]
    assert container["command"][:2] == ["oddloop", "run"]
    # The ledger's URL comes from a Secret, and stands nowhere in the manifest.
    (url,) = [entry for entry in container["env"] if entry["name"] == "ODDLOOP_LEDGER_URL"]
    assert url["valueFrom"] == {"secretKeyRef": {"name": "oddloop-ledger", "key": "url"}}
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod["volumes"]}
    assert container["command"][3].startswith(container["volumeMounts"][0]["mountPath"])


def test_the_ledger_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "fleet"
    toy.make_workspace(folder, config=toy.CONFIG + '\n[ledger]\nurl_env = "ODDLOOP_LEDGER_URL"\n')
    monkeypatch.delenv("ODDLOOP_LEDGER_URL", raising=False)
    with pytest.raises(WorkspaceError, match="the environment variable ODDLOOP_LEDGER_URL is not set"):
        open_ledger(Workspace.open(folder))
    monkeypatch.setenv("ODDLOOP_LEDGER_URL", f"sqlite:///{tmp_path}/team.db")
    open_ledger(Workspace.open(folder)).close()
    assert (tmp_path / "team.db").exists()
    with pytest.raises(ConfigError, match="`url` and `url_env` both say where the ledger is"):
        toy.make_workspace(tmp_path / "both", config=toy.CONFIG + '\n[ledger]\nurl = "sqlite://"\nurl_env = "X"\n')


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """A Python that has Airflow, and an environment with a fresh Airflow in it."""
    python = os.environ.get("ODDLOOP_AIRFLOW", "")
    if not python:
        pytest.skip("ODDLOOP_AIRFLOW names no Python with Airflow; `make test-all` installs one into .venv-airflow")
    home = tmp_path_factory.mktemp("airflow")
    (home / "dags").mkdir()
    shutil.copy(RECIPES / "airflow_dag.py", home / "dags")
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment = kept | {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    migrate = [str(Path(python).parent / "airflow"), "db", "migrate"]
    subprocess.run(migrate, env=environment, capture_output=True, timeout=300, check=True)
    return python, environment


@pytest.mark.system
@pytest.mark.parametrize(("exit_code", "state"), [(0, "success"), (2, "failed")])
def test_the_dag_in_a_real_airflow(
    airflow: tuple[str, dict[str, str]], tmp_path: Path, command: Path, exit_code: int, state: str
) -> None:
    python, environment = airflow
    folder = tmp_path / "fleet"
    toy.make_workspace(folder)
    if exit_code:
        command.write_text(f"#!/bin/sh\nexit {exit_code}\n")
    page = (ROOT / "docs/how-to/schedule.md").read_text()
    (program,) = [block.split("```")[0] for block in page.split("```python\n")[1:]]
    environment = environment | {"ODDLOOP_COMMAND": str(command), "ODDLOOP_WORKSPACE": str(folder)}
    done = subprocess.run(
        [python, "-c", program],
        cwd=environment["AIRFLOW_HOME"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert re.search(rf"^{{}} {state}$", done.stdout, re.MULTILINE), done.stdout + done.stderr
    said = "r001 is proposed, waiting for labels of 3 of 3 scenes of r001"
    assert (said in done.stdout) == (exit_code == 0)
    assert ("trying again would not help" in done.stdout + done.stderr) == (exit_code == 2)
    if exit_code == 0:
        assert open_ledger(Workspace.open(folder)).round("r001").status == "proposed"
