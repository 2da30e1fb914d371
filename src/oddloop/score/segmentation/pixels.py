"""How unsure a segmentation is at each pixel, from the probabilities or logits of one model or of an ensemble.

With p_m the distribution of member m of M over C classes at a pixel, q their mean, q(1) >= q(2) its two largest
probabilities and H the entropy in nats:

    entropy            H(q), the predictive entropy                         [0, ln C]
    expected_entropy   mean_m H(p_m)                                        [0, H(q)]
    bald               H(q) - mean_m H(p_m), what the members disagree on   [0, H(q)]
    margin             1 - (q(1) - q(2)); a tie gives 1                     [0, 1]

**A pixel is NaN in every map where it is not valid**: where a member holds NaN, an infinity (-inf is a logit, of
probability 0) or a negative probability, or where its probabilities are off 1 by more than `SUM_TOLERANCE` (of uint8:
by more than half a step per class besides). Within that they are divided by their sum. One member has BALD 0.

Maps are float32 and within 1e-6 of the float64 reference, relative; BALD, a difference, within 1e-6 of the entropy.
Time grows with members x classes x pixels; memory, besides the maps, with one block of at most 2^18 numbers (per
thread). `run` says how the parts of a frame are run: `map` one after the other, or a thread pool's `map`; the result is
the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from oddloop.score.segmentation import calls
from oddloop.score.segmentation.tensor import PixelTensor, pixel_tensor

PIXEL_MEASURES = ("entropy", "expected_entropy", "bald", "margin")
"""The measures of a pixel."""
CLASSES = "classes"
"""What else can be asked for: the number of the class with the largest mean probability."""
PART_PIXELS = 1 << 16
"""Pixels of a part of a frame."""
PixelMap = npt.NDArray[np.float32]


class Run(Protocol):
    """`map`, or what can stand in for it, such as `concurrent.futures.ThreadPoolExecutor.map`."""

    def __call__(self, task: Callable[[int], None], parts: Iterable[int], /) -> Iterable[None]:
        """Call the task with each part."""


def pixel_entropy(tensor: npt.ArrayLike, **settings: Any) -> PixelMap:
    """Entropy of each pixel's mean distribution, in nats.

    Args:
        tensor: (M,C,H,W) or (C,H,W) probabilities or logits; float16, float32, float64 or uint8.
        settings: as of `compute_pixel_measures`.

    Returns:
        (H,W) float32 in [0, ln C]; NaN where a pixel is not valid.

    Raises:
        ValueError: see `pixel_tensor`.

    References:
        Kendall and Gal, What uncertainties do we need in Bayesian deep learning for computer vision?, 2017.

    >>> pixel_entropy(np.array([[[0.5, 1.0]], [[0.5, 0.0]]])).round(4)
    array([[0.6931, 0.    ]], dtype=float32)
    """
    return compute_pixel_measures(tensor, ("entropy",), **settings)["entropy"]


def pixel_expected_entropy(tensor: npt.ArrayLike, **settings: Any) -> PixelMap:
    """Mean of the members' entropies at each pixel, in nats; at most the entropy, and otherwise as `pixel_entropy`.

    >>> pixel_expected_entropy(np.array([[[[1.0]], [[0.0]]], [[[0.0]], [[1.0]]]]))
    array([[0.]], dtype=float32)
    """
    return compute_pixel_measures(tensor, ("expected_entropy",), **settings)["expected_entropy"]


def pixel_bald(tensor: npt.ArrayLike, **settings: Any) -> PixelMap:
    """Mutual information of class and member at each pixel, in nats; at most the entropy, 0 for one member.

    Otherwise as `pixel_entropy`.

    References:
        Houlsby et al., Bayesian active learning for classification and preference learning, 2011.

    >>> pixel_bald(np.array([[[[1.0]], [[0.0]]], [[[0.0]], [[1.0]]]])).round(4)
    array([[0.6931]], dtype=float32)
    """
    return compute_pixel_measures(tensor, ("bald",), **settings)["bald"]


def pixel_margin(tensor: npt.ArrayLike, **settings: Any) -> PixelMap:
    """One minus the lead of the first over the second class of the mean, in [0, 1]; otherwise as `pixel_entropy`.

    >>> pixel_margin(np.array([[[0.7, 0.4]], [[0.2, 0.4]], [[0.1, 0.2]]])).round(4)
    array([[0.5, 1. ]], dtype=float32)
    """
    return compute_pixel_measures(tensor, ("margin",), **settings)["margin"]


def predicted_classes(tensor: npt.ArrayLike, **settings: Any) -> npt.NDArray[np.uint16]:
    """Number of the class that the mean of the members finds most probable, the first of several.

    Args:
        tensor: (M,C,H,W) or (C,H,W) probabilities or logits.
        settings: as of `compute_pixel_measures`.

    Returns:
        (H,W) uint16; C where a pixel is not valid.

    >>> predicted_classes(np.array([[[0.1, 0.5, 0.1]], [[0.9, 0.5, 0.1]]]))
    array([[1, 0, 2]], dtype=uint16)
    """
    return compute_pixel_measures(tensor, (CLASSES,), **settings)[CLASSES]


def compute_pixel_measures(
    tensor: npt.ArrayLike | PixelTensor, names: Sequence[str], *, run: Run = map, **settings: Any
) -> dict[str, npt.NDArray[Any]]:
    """Several maps of one tensor in one pass, each as its own function gives it.

    Args:
        tensor: (M,C,H,W) or (C,H,W) probabilities or logits; or what `pixel_tensor` made of them.
        names: of `PIXEL_MEASURES`, and `classes`.
        run: how the parts of the frame are run, such as `pool.map` of a `ThreadPoolExecutor`.
        settings: `kind`, `temperature`, `scale`, `zero_point`; see `pixel_tensor`.

    Returns:
        (H,W) maps by name, float32 and, of `classes`, uint16.

    Raises:
        ValueError: a name that there is not, or see `pixel_tensor`.

    >>> found = compute_pixel_measures(np.zeros((2, 1, 1)), ("entropy", "classes"), kind="logits")
    >>> {name: values.tolist() for name, values in found.items()}
    {'entropy': [[0.6931471824645996]], 'classes': [[0]]}
    """
    known = (*PIXEL_MEASURES, CLASSES)
    if unknown := sorted(set(names) - set(known)):
        raise ValueError(f"no such measure: {', '.join(unknown)}; there are: {', '.join(known)}")
    given = tensor if isinstance(tensor, PixelTensor) else pixel_tensor(tensor, **settings)
    n_members, n_classes, n_pixels = given.values.shape
    if not n_members or not n_classes:
        maps = {name: np.full(n_pixels, n_classes if name == CLASSES else np.nan, calls.MAPS[name]) for name in names}
    else:
        maps = {name: np.empty(n_pixels, calls.MAPS[name]) for name in names}
        _measure(given, maps, run)
    return {name: values.reshape(given.height, given.width) for name, values in maps.items()}


def _measure(tensor: PixelTensor, maps: dict[str, npt.NDArray[Any]], run: Run) -> None:
    n_pixels = tensor.values.shape[2]
    measure = calls.measure_into(tensor, maps)

    def measure_part(start: int) -> None:
        measure(start, min(start + PART_PIXELS, n_pixels))

    for _ in run(measure_part, range(0, n_pixels, PART_PIXELS)):
        pass  # a lazy `map` does its work here, and a pool's raises here what a part raised
