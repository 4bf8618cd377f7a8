from .boxes import Box, box_between, cropped_labels, cropped_scan, pasted
from .cleaning import fill_holes, keep_largest, smooth
from .clustering import gaussian_mixture, kmeans, supervoxels
from .contours import active_contour
from .ct_masks import body_mask, lung_mask
from .edges import canny, gradient_edges
from .growing import grow, grow_by_confidence
from .pieces import pieces_at
from .settings import (
    BodySettings,
    CannySettings,
    ClusterSettings,
    ConfidenceSettings,
    ContourSettings,
    GradientSettings,
    GrowSettings,
    HolesSettings,
    HysteresisSettings,
    LargestSettings,
    LungSettings,
    MarkerSettings,
    OtsuSettings,
    SmoothSettings,
    SplitSettings,
    SupervoxelSettings,
    ThresholdSettings,
    WatershedSettings,
)
from .splitting import cut_touching, split_touching
from .thresholds import hysteresis, otsu, threshold
from .watersheds import watershed, watershed_from_markers

__all__ = [
    "BodySettings",
    "Box",
    "CannySettings",
    "ClusterSettings",
    "ConfidenceSettings",
    "ContourSettings",
    "GradientSettings",
    "GrowSettings",
    "HolesSettings",
    "HysteresisSettings",
    "LargestSettings",
    "LungSettings",
    "MarkerSettings",
    "OtsuSettings",
    "SmoothSettings",
    "SplitSettings",
    "SupervoxelSettings",
    "ThresholdSettings",
    "WatershedSettings",
    "active_contour",
    "body_mask",
    "box_between",
    "canny",
    "cropped_labels",
    "cropped_scan",
    "cut_touching",
    "fill_holes",
    "gaussian_mixture",
    "gradient_edges",
    "grow",
    "grow_by_confidence",
    "hysteresis",
    "keep_largest",
    "kmeans",
    "lung_mask",
    "otsu",
    "pasted",
    "pieces_at",
    "smooth",
    "split_touching",
    "supervoxels",
    "threshold",
    "watershed",
    "watershed_from_markers",
]
