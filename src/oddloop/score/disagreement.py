"""How far the members of an ensemble contradict each other: their votes, and the one furthest from the rest.

With p_m the distribution of member m of M over K classes, q their mean, and v_k the share of votes for class k, where
a member votes for its likeliest class, and its vote is split evenly where several are likeliest:

    variation ratio         1 - max_k v_k                        [0, 1 - 1/K]
    vote entropy            -sum_k v_k ln v_k, in nats           [0, ln K]
    consensus disagreement  max_m sum_k p_mk ln (p_mk / q_k)     [0, ln M]

Split votes make the order of the classes irrelevant, but a single member that wavers between two classes has a vote
entropy of ln 2. Larger is more worth labelling. **NaN where any member is not a distribution** (see `measures`), or
there is no member. Time grows with the number of probabilities; memory, besides the result, is one block.
"""

from __future__ import annotations

import numpy.typing as npt

from oddloop.score.arrays import FloatArray
from oddloop.score.ensembles import compute_ensemble_measures


def variation_ratio(probs: npt.ArrayLike) -> FloatArray:
    """Share of the members' votes that the most voted class did not get.

    Args:
        probs: (..., M, K) probabilities, float16, float32 or float64.

    Returns:
        (...) float64 in [0, 1 - 1/K]; NaN where a member is not a distribution, or there is none.

    Raises:
        ValueError: fewer than two axes, or no floats.

    References:
        Freeman, Elementary applied statistics, 1965; for ensembles: Beluch et al., The power of ensembles for active
        learning in image classification, 2018.

    >>> variation_ratio([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]]).round(4)
    np.float64(0.3333)
    """
    return _measure("variation_ratio", probs)


def vote_entropy(probs: npt.ArrayLike) -> FloatArray:
    """Entropy of the members' votes, in nats; in [0, ln K], otherwise as `variation_ratio`.

    References:
        Dagan and Engelson, Committee-based sampling for training probabilistic classifiers, 1995; there divided by
        ln min(M, K).

    >>> vote_entropy([[0.9, 0.1], [0.3, 0.7]]).round(4)
    np.float64(0.6931)
    """
    return _measure("vote_entropy", probs)


def consensus_disagreement(probs: npt.ArrayLike) -> FloatArray:
    """Largest Kullback-Leibler divergence of a member from the mean, in nats; in [0, ln M], else as `variation_ratio`.

    References:
        McCallum and Nigam, Employing EM and pool-based active learning for text classification, 1998; there the mean
        over members, which is BALD.

    >>> consensus_disagreement([[1.0, 0.0], [0.0, 1.0]]).round(4)
    np.float64(0.6931)
    """
    return _measure("consensus", probs)


def _measure(name: str, probs: npt.ArrayLike) -> FloatArray:
    return compute_ensemble_measures(probs, (name,))[name]
