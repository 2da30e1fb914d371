"""Do whatever is stale, in order, from training to the report; safe to call at any time."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.shell import make_shell
from oddloop.cli.terminal import Talk, out, print_json
from oddloop.errors import PublishError
from oddloop.lake.lock import locked
from oddloop.lake.workspace import Workspace
from oddloop.report import write_report
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.run import run as run_loop
from oddloop.rounds.shell import RunSummary, Shell
from oddloop.rounds.tracking.in_run import Outbox

if TYPE_CHECKING:
    from oddloop.publish import Published


def run(
    workspace: WorkspaceOption = ".",
    as_json: JsonOption = False,
    go_on: Annotated[
        bool, typer.Option("--go-on", help="Propose a round even where a rule of \\[stop] says that it is enough.")
    ] = False,
) -> None:
    opened = Workspace.open(workspace)
    with Talk(quiet=as_json) as talk:
        shell = make_shell(opened, talk)
        with contextlib.redirect_stdout(sys.stderr):  # what a policy of the team's own prints is talk
            summary = run_loop(opened, shell, go_on=go_on)
        with locked(opened.storage):
            round_id = _shown_round(opened, summary)
            report = write_report(opened, round_id) if round_id else None
            if report and report.written:
                push_report(opened, shell, summary)
            published = publish_if_asked(opened, shell)
    if as_json:
        places = {"report": report and report.url, "published": published and asdict(published)}
        print_json({**summary.to_json(), **places})
        return
    out.print(closing_line(summary))
    if report:
        out.print(f"Report: {report.url}")
    if published:
        from oddloop.cli.publish import published_line  # here: see `publish_if_asked`

        out.print(published_line(published))


def publish_if_asked(workspace: Workspace, shell: Shell) -> Published | None:
    """What dashboards read, where `[publish] after_run` says so; a database that is down costs a warning."""
    if not workspace.config.publish.after_run:
        return None
    from oddloop.publish import publish  # here: slow to load, and most runs do not publish

    try:
        return publish(workspace, shell.now_ns())
    except PublishError as error:
        shell.warn(str(error))
        return None


def push_report(workspace: Workspace, shell: Shell, summary: RunSummary) -> None:
    """Push the page that was written just now, unless the tracker was found to be down during the run."""
    if any(step.name == "tracker" and step.detail["waiting"] for step in summary.steps):
        return
    with contextlib.closing(open_ledger(workspace)) as ledger:
        for step in Outbox(workspace, ledger, shell).push():
            shell.on_step(step)


def _shown_round(workspace: Workspace, summary: RunSummary) -> str:
    """The round to show; where it has no picks yet, or the loop was stopped, the last one that has; else ""."""
    if summary.status not in ("stopped", "opened"):
        return summary.round_id
    return next((state.round_id for state in reversed(open_ledger(workspace).rounds()) if state.picks), "")


def closing_line(summary: RunSummary) -> str:
    """What was done, and what the loop waits for."""
    n_steps = len(summary.steps)
    done = (
        f"{summary.n_computed} of {n_steps} steps done"
        if summary.n_computed
        else f"Nothing to do: all {n_steps} steps are up to date"
    )
    if summary.status == "stopped":
        return f"{done}. No round is proposed; that takes {summary.waiting_for}."
    return f"{done}. {summary.round_id or 'No round'} is {summary.status}, waiting for {summary.waiting_for}."
