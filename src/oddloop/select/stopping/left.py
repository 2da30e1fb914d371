"""Rules that ask what is left to do: candidates that the model is unsure of, and segments that miss their target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from oddloop.select.stopping.answer import Answer


def stop_at_low_scores(scores: npt.ArrayLike, name: str, threshold: float, limit: float) -> Answer:
    """Ask whether few candidates are left that the model is unsure of.

    Args:
        scores: (n,) scores of the candidates, larger = more worth labelling; NaN: none, not counted.
        name: the score.
        threshold: a candidate above it is worth labelling, in the score's unit.
        limit: share of such candidates that may be left, in [0, 1].

    Returns:
        stop where the share of candidates above the threshold is at most `limit`; no answer where none has a score.

    >>> stop_at_low_scores([0.1, 0.4, 0.2, 0.3], "entropy", 0.35, 0.25).sentence
    '1 of 4 candidates (25.0 %) has entropy above 0.35, where 25 % may be left; the highest is 0.4'
    """
    values = np.asarray(scores, dtype=np.float64)
    values = values[~np.isnan(values)]
    if not len(values):
        return Answer("uncertain_score", None, "no candidate has a score that the policy ranks by")
    n_above = int((values > threshold).sum())
    verb = "has" if n_above == 1 else "have"
    return Answer(
        "uncertain_score",
        bool(n_above <= limit * len(values) * (1 + 1e-9)),
        f"{n_above:,} of {len(values):,} candidates ({100 * n_above / len(values):.1f} %) {verb} {name} above "
        f"{threshold:g}, where {100 * limit:g} % may be left; the highest is {values.max():.4g}",
    )


def stop_at_targets(verdicts: Sequence[str], supports: npt.ArrayLike) -> Answer:
    """Ask whether every segment that can be judged meets its targets.

    Args:
        verdicts: (n,) verdict of each segment and metric that has a target.
        supports: (n,) things that its value is a mean of, 0 where it was not measured.

    Returns:
        stop where all verdicts with support are `ok`; no answer where none has support.

    Raises:
        ValueError: there are not as many supports as verdicts.

    >>> stop_at_targets(["ok", "data_limited", "eval_limited"], [40, 12, 0]).sentence
    '1 of 2 measured targets is met; not met or not sure: 1 data_limited; 1 has no support'
    """
    names, support = np.asarray(verdicts, dtype=np.str_), np.asarray(supports, dtype=np.float64)
    if names.shape != support.shape:
        raise ValueError(f"each verdict has one support; got {names.shape} verdicts and {support.shape} supports")
    measured = names[support > 0]
    n_without = len(names) - len(measured)
    without = f"; {n_without:,} {'has' if n_without == 1 else 'have'} no support" if n_without else ""
    if not len(measured):
        return Answer("targets_met", None, f"no segment with a target was measured{without}")
    kinds, counts = np.unique(measured[measured != "ok"], return_counts=True)
    n_met = len(measured) - int(counts.sum())
    others = ", ".join(f"{n:,} {kind}" for kind, n in zip(kinds.tolist(), counts.tolist(), strict=True))
    rest = f"; not met or not sure: {others}" if others else ""
    verb = "is" if n_met == 1 else "are"
    return Answer(
        "targets_met", not others, f"{n_met:,} of {len(measured):,} measured targets {verb} met{rest}{without}"
    )
