"""What no log has shown yet agrees with scikit-bio, whose species are our kinds and whose individuals our logs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.coverage.measures import chao1, good_turing, unseen
from oracles.peers import load

pytestmark = pytest.mark.system

COUNTS = st.lists(st.integers(0, 4) | st.integers(0, 10**6), min_size=1, max_size=30).filter(any)
"""Few logs often, for then the numbers of kinds seen once and twice matter."""


@pytest.fixture(scope="module")
def diversity():
    return load("skbio.diversity.alpha", "scikit-bio is not installed; `make test-all` installs it ({error})")


class TestUnseen:
    @given(counts=COUNTS)
    def test_good_turing(self, diversity, counts):
        assert good_turing(counts) == pytest.approx(diversity.goods_coverage(counts), rel=1e-12, abs=1e-15)

    @given(counts=COUNTS)
    def test_unseen_mass(self, diversity, counts):
        assert unseen(counts).unseen_mass == pytest.approx(diversity.robbins(counts), rel=1e-12, abs=1e-15)

    @given(counts=COUNTS, bias_corrected=st.booleans())
    def test_chao1(self, diversity, counts, bias_corrected):
        theirs = diversity.chao1(counts, bias_corrected=bias_corrected)
        assert chao1(counts, bias_corrected=bias_corrected) == pytest.approx(theirs, rel=1e-12)

    @pytest.mark.parametrize(
        "counts",
        [[1], [2], [0, 7], [1] * 40, [2] * 40, [1, 2], [10**9, 1, 1, 2]],
        ids=["once", "twice", "unseen", "all_once", "all_twice", "one_each", "huge"],
    )
    def test_degenerate(self, diversity, counts):
        assert good_turing(counts) == pytest.approx(diversity.goods_coverage(counts), abs=1e-15)
        for corrected in (True, False):
            theirs = diversity.chao1(np.array(counts), bias_corrected=corrected)
            assert chao1(counts, bias_corrected=corrected) == pytest.approx(theirs)
