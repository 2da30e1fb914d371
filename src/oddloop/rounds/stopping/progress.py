"""What the last rounds gained, on the same held-out scenes, with intervals over whole logs."""

from __future__ import annotations

from oddloop.config import leading_metric
from oddloop.errors import ConfigError
from oddloop.lake.workspace import Workspace
from oddloop.rounds.paired import compare_overall
from oddloop.rounds.stages import make_generator
from oddloop.rounds.state import RoundState
from oddloop.select.stopping import Answer, Gain, stop_at_plateau, stop_at_small_gain, stop_at_worth

_UNKNOWN = float("nan")


def ask_plateau(workspace: Workspace, rounds: list[RoundState]) -> Answer:
    """Ask whether each of the last rounds' models is no surer better than the one before them all."""
    stop, evaluated = workspace.config.stop, _evaluated(rounds)
    n_rounds = stop.plateau_rounds or 1
    last = evaluated[-n_rounds - 1 :]
    gains = [measure_gain(workspace, last[0], state) for state in last[1:]]
    return stop_at_plateau(gains, n_rounds, stop.plateau_gain)


def ask_small_gain(workspace: Workspace, rounds: list[RoundState]) -> Answer:
    """Ask whether the last round's gain per cost is below its noise."""
    gain, cost = _last_gain(workspace, rounds)
    return stop_at_small_gain(gain, cost, workspace.config.cost.unit)


def ask_worth(workspace: Workspace, rounds: list[RoundState]) -> Answer:
    """Ask whether the last round's gain per cost is surely below what it is worth."""
    gain, cost = _last_gain(workspace, rounds)
    return stop_at_worth(gain, cost, workspace.config.stop.gain_per_cost or 0.0, workspace.config.cost.unit)


def _last_gain(workspace: Workspace, rounds: list[RoundState]) -> tuple[Gain | None, float]:
    """What the last evaluated round gained over the one before, and what its labels cost: as predicted if not known."""
    evaluated = _evaluated(rounds)
    if len(evaluated) < 2:
        return None, 0.0
    before, after = evaluated[-2:]
    cost = after.labels.get("cost")
    spent = after.cost if cost is None else float(cost)
    return measure_gain(workspace, before, after), spent


def measure_gain(workspace: Workspace, before: RoundState, after: RoundState) -> Gain:
    """How much better the later round's model is, in the metric of `[stop]`.

    Raises:
        ConfigError: `oddloop.toml` does not say what is better.
    """
    metric = _metric(workspace, after)
    rng = make_generator(workspace.config.workspace.seed, "stop")
    rows = compare_overall(workspace, after, before, metric, rng).to_pylist() if metric else []
    if not rows:
        return Gain(before.round_id, after.round_id, metric, _UNKNOWN, _UNKNOWN, _UNKNOWN, 0, 0)
    (row,) = rows
    value, low, high = (_UNKNOWN if row[n] is None else row[n] for n in ("difference", "ci_low", "ci_high"))
    if workspace.config.metrics[metric].better == "lower":
        value, low, high = -value, -high, -low
    return Gain(before.round_id, after.round_id, metric, value, low, high, row["n_scenes"], row["n_logs"])


def _metric(workspace: Workspace, state: RoundState) -> str:
    """The metric to follow; "" where nothing was measured that has a direction."""
    config = workspace.config
    wanted = config.stop.metric or config.coverage.metric
    if wanted and wanted not in config.metrics:
        raise ConfigError(
            f"[stop] follows {wanted!r}, and oddloop.toml does not say what is good for it; "
            f'add [metrics.{wanted}] with better = "lower" or "higher"'
        )
    return wanted or leading_metric((str(row["metric"]) for row in state.evaluation["overall"]), config)


def _evaluated(rounds: list[RoundState]) -> list[RoundState]:
    return [state for state in rounds if state.evaluation]
