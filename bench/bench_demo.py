"""Is the demo's advice right on more than one seed? Policies against the random control."""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path

from common import print_machine
from oddloop.demo.experiment import DemoSettings, prepare, run_rounds
from oddloop.demo.outcome import summarize_outcome
from oddloop.engine import LocalEngine
from oddloop.rounds.shell import Shell

POLICIES = {
    "uncertainty, summed spread": ("uncertainty", "trajectory_endpoint_spread_sum_sum"),
    "uncertainty, mean spread": ("uncertainty", "trajectory_endpoint_spread_mean_mean"),
    "kcenter": ("kcenter", ""),
}


EXPLAINED = """
Three rounds of 300 EUR per arm; each seed has a fleet, trainings and a control of its own. The metric is the final
displacement error: a minus sign means that the policy's model errs less. Five seeds show the direction, not the size.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=None, help="keep the workspaces here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        print("## Is the demo's advice right?\n")
        print_machine("scikit-learn", "eclipse-sumo")
        print(EXPLAINED)
        print("| policy | segment | policy minus random in m, one figure per seed | mean | seeds better |")
        print("|---|---|---|---|---|")
        for name, (policy, score) in POLICIES.items():
            print_rows(name, [measure(folder, seed, policy, score) for seed in range(arguments.seeds)])


def measure(folder: Path, seed: int, policy: str, score: str) -> dict[str, float]:
    """Policy minus control after three rounds, by segment."""
    settings = DemoSettings(policy=policy, score=score, seed=seed)
    shell = Shell("bench", LocalEngine(2))
    place = folder / f"seed{seed}-{policy}-{score}"
    fleet = next(folder.glob(f"seed{seed}-*/fleet"), None)
    if fleet is not None and not place.exists():  # each policy meets the same fleet; it is simulated once
        shutil.copytree(fleet, place / "fleet")
    arms = prepare(place, settings, shell)
    run_rounds(arms, settings.n_rounds, shell, lambda _text: None)
    return {row["segment_id"]: row["difference"] for row in summarize_outcome(arms, seed).differences}


def print_rows(name: str, differences: list[dict[str, float]]) -> None:
    for segment in differences[0]:
        values = [found[segment] for found in differences]
        shown = ", ".join(f"{value:+.2f}" for value in values)
        n_better = sum(value < 0 for value in values)
        print(f"| {name} | {segment} | {shown} | {statistics.mean(values):+.2f} | {n_better} of {len(values)} |")


if __name__ == "__main__":
    main()
