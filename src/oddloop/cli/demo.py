"""Simulate a fleet, run a policy and a random control at equal cost; show what was gained, and why gaps remain."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from oddloop.cli.discover_page import write_cards
from oddloop.cli.options import JsonOption
from oddloop.cli.shell import user_name
from oddloop.cli.terminal import Talk, out, print_json, print_table
from oddloop.demo.experiment import Arms, DemoSettings, prepare, run_rounds
from oddloop.demo.outcome import Outcome, summarize_outcome
from oddloop.engine import LocalEngine
from oddloop.report import say_where_to_look, write_report
from oddloop.rounds.curves import run_curves
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.shell import Shell


def run(
    folder: Annotated[Path, typer.Argument(help="Folder for the demo; made where it is missing.")] = Path(
        "demo-workspace"
    ),
    seed: Annotated[int, typer.Option(help="Seed of the fleet, the policies and the trainings.", min=0)] = 0,
    rounds: Annotated[int, typer.Option(help="Rounds of labels for each arm.", min=1)] = 3,
    as_json: JsonOption = False,
) -> None:
    settings = DemoSettings(seed=seed, n_rounds=rounds)
    with Talk(quiet=as_json) as talk:
        shell = Shell(user_name(), LocalEngine(), progress=talk.progress, on_step=talk.step)
        talk.say("Simulating a fleet with SUMO ...")
        arms = prepare(folder, settings, shell)
        talk.say(f"Fleet: {arms.fleet.n_scenes:,} scenes of {arms.fleet.n_logs} logs, {arms.fleet.n_frames:,} frames")
        run_rounds(arms, settings.n_rounds, shell, talk.say)
        talk.say("\nLearning curves: why do the gaps exist?")
        run_curves(arms.policy, shell)
        outcome = summarize_outcome(arms, seed)
        report = write_report(arms.policy)
        cards, _ = write_cards(arms.policy)
    if as_json:
        print_json({**dataclasses.asdict(outcome), "report": report.url, "cards": cards})
    else:
        _print(outcome, f"Look at {report.url}: {say_where_to_look(arms.policy)}")
        out.print(f"Look at {cards}: scenes that are alike, as cards with drawings", markup=False)
        out.print(f"Follow a pick: oddloop rounds trace {_first_pick(arms)} -w {folder}", markup=False)
        out.print(
            f"All of it in a browser, gaps, clusters and picks to review: oddloop serve -w {folder}", markup=False
        )


def _first_pick(arms: Arms) -> str:
    """A scene whose whole life can be told: the first pick of the first round."""
    with contextlib.closing(open_ledger(arms.policy)) as ledger:
        return next(pick for state in ledger.rounds() for pick in state.pick_ids)


def _print(outcome: Outcome, where: str) -> None:
    columns = ("arm", "round", "cost so far", "all", "95 % interval", *outcome.planted)
    print_table(f"{outcome.metric} on held-out logs (lower is better)", columns, outcome.rows)
    out.print(outcome.verdict)
    causes = [(c.segment_id, c.planted, c.verdict, c.tier, c.because) for c in outcome.causes]
    title = f"Data or model? {outcome.n_told} of {len(causes)} planted causes are told right"
    print_table(title, ("segment", "planted", "verdict", "evidence", "because"), causes)
    out.print(where)
