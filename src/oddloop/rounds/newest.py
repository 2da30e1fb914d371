"""Which derived folders show the workspace as it is now."""

from __future__ import annotations

from collections.abc import Sequence

from oddloop.rounds.state import RoundState


def newest_stages(rounds: Sequence[RoundState]) -> dict[str, str]:
    """Digest of the newest folder by stage: those of the newest proposal, its coverage after a later evaluation.

    Args:
        rounds: states, oldest first.

    >>> newest_stages([RoundState("r000", "closed", evaluation={"coverage_digest": "1f"})])
    {'coverage': '1f'}
    """
    proposed = next((s for s in reversed(rounds) if s.proposal), None)
    measured = next((s for s in reversed(rounds) if s.evaluation), None)
    stages = {str(name): str(digest) for name, digest in proposed.proposal["stages"].items()} if proposed else {}
    if measured and (proposed is None or measured.number >= proposed.number):
        stages["coverage"] = str(measured.evaluation["coverage_digest"])
        stages.pop("diagnosis", None)
    return stages
