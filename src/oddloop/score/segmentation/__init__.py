"""Segmentations: how unsure a model is at each pixel, per frame, and per instance mask.

`compute_pixel_measures` makes maps from a tensor of probabilities or logits; `reduce_map` makes numbers of a map;
`mask_confidence` and its kin judge instance masks. `score_segmentation` scores a batch of the prediction table.
"""

from oddloop.score.segmentation.kernel import score_segmentation
from oddloop.score.segmentation.masks import mask_confidence, mask_iou, member_stability, threshold_stability
from oddloop.score.segmentation.pixels import (
    CLASSES,
    PIXEL_MEASURES,
    compute_pixel_measures,
    pixel_bald,
    pixel_entropy,
    pixel_expected_entropy,
    pixel_margin,
    predicted_classes,
)
from oddloop.score.segmentation.reductions import (
    boundary_excluded_mean,
    class_balanced_mean,
    largest_region,
    map_mean,
    top_share_mean,
)
from oddloop.score.segmentation.tensor import PixelTensor, pixel_tensor

__all__ = [
    "CLASSES",
    "PIXEL_MEASURES",
    "PixelTensor",
    "boundary_excluded_mean",
    "class_balanced_mean",
    "compute_pixel_measures",
    "largest_region",
    "map_mean",
    "mask_confidence",
    "mask_iou",
    "member_stability",
    "pixel_bald",
    "pixel_entropy",
    "pixel_expected_entropy",
    "pixel_margin",
    "pixel_tensor",
    "predicted_classes",
    "score_segmentation",
    "threshold_stability",
    "top_share_mean",
]
