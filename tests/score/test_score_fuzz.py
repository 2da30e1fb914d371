"""Ten thousand malformed batches: a plain error or a score that says it is not valid, never anything else."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from oddloop.config import ScoreConfig
from oddloop.errors import TableError
from oddloop.score import KERNELS, score_columns
from oddloop.tables import TASKS
from score.malformed import random_batch, random_config

N_BATCHES = 10_000
PER_TASK = -(-N_BATCHES // len(KERNELS))
PLAIN = re.compile(r"`.*`.*(run `oddloop check`|there are: |sort them|a name of its own|; write |; give )", re.DOTALL)
"""A message names the place and then says what to do."""


@pytest.mark.slow
@pytest.mark.parametrize("task", list(KERNELS))
def test_malformed_batches_are_refused_plainly_or_not_valid(task: str) -> None:
    outcomes: Counter[str] = Counter()

    # A batch follows from one number: to draw each of its values by itself would take ten times as long.
    @settings(
        max_examples=PER_TASK,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(seed=st.integers(0, 2**64 - 1))
    def check(seed: int) -> None:
        rng = Random(seed)
        outcomes[outcome(task, random_batch(rng, TASKS[task]), random_config(rng))] += 1

    check()
    print(f"{task}: {outcomes.total():,} malformed batches: {dict(outcomes.most_common())}")
    assert outcomes.total() == PER_TASK
    assert [kind for kind in outcomes if kind.startswith("refused without")] == []
    assert all(outcomes[kind] > PER_TASK / 60 for kind in ("refused", "not valid", "partly valid"))


def outcome(task: str, batch: pa.Table, config: ScoreConfig) -> str:
    before = batch.to_string()
    try:
        found = KERNELS[task](batch, config)
    except TableError as error:
        return "refused" if PLAIN.search(str(error)) else f"refused without a cure: {error}"
    assert batch.to_string() == before
    found.validate(full=True)
    names = score_columns(found)
    assert names
    for name in names:
        assert found[f"{name}_valid"].to_pylist() == found[name].is_valid().to_pylist(), name
        assert np.isfinite(found[name].drop_null().to_numpy()).all(), name
    n_null = sum(found[name].null_count for name in names)
    return "not valid" if n_null == len(names) * found.num_rows else "partly valid" if n_null else "valid"
