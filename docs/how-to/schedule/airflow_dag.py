"""Airflow: run oddloop every hour. Copy it to your DAGs folder and set the two variables in the workers' environment.

oddloop lives in an environment of its own, since Airflow pins what it needs; so it is called, never imported.
"""

from __future__ import annotations

import json
import os
import subprocess
from datetime import datetime, timedelta

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowFailException

ODDLOOP = os.environ.get("ODDLOOP_COMMAND", "oddloop")  # such as /opt/oddloop/bin/oddloop
WORKSPACE = os.environ.get("ODDLOOP_WORKSPACE", "/data/fleet")
USAGE = 2


@dag(
    dag_id="oddloop",
    schedule="@hourly",
    start_date=datetime(2026, 1, 1),
    catchup=False,  # a run does whatever is stale now: one makes up for all that were missed
    max_active_runs=1,  # a second run of a workspace would only be refused
    tags=["oddloop"],
)
def oddloop_loop() -> None:
    """Whatever is stale: labels in, training, scores, picks, report; then say what the loop waits for."""

    @task(retries=2, retry_delay=timedelta(minutes=5), execution_timeout=timedelta(hours=24))
    def run() -> dict[str, str]:
        """One `oddloop run`; what it says on stderr is in the task's log. Safe to try again: it goes on where it was."""
        done = subprocess.run([ODDLOOP, "run", "--workspace", WORKSPACE, "--json"], stdout=subprocess.PIPE, text=True)
        if done.returncode == USAGE:
            raise AirflowFailException("oddloop does not know these arguments; trying again would not help")
        if done.returncode != 0:
            raise RuntimeError(f"oddloop run ended with exit code {done.returncode}; its error stands above")
        summary = json.loads(done.stdout)
        return {name: summary[name] for name in ("round_id", "status", "waiting_for", "report")}

    @task
    def say(summary: dict[str, str]) -> str:
        """What the loop waits for; put your own message to the team here."""
        text = f"{summary['round_id']} is {summary['status']}, waiting for {summary['waiting_for']}"
        print(text)
        return text

    say(run())


oddloop_loop()
