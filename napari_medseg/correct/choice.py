"""The tools of the Correct panel: what there is, and what a user has chosen."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import medseg


class Tool(StrEnum):
    """What can be done to a structure."""

    THRESHOLD = "Threshold"
    HYSTERESIS = "Hysteresis threshold"
    OTSU = "Multi-Otsu threshold"
    GROW = "Region growing"
    LIKENESS = "Region growing (confidence connected)"
    KMEANS = "k-means clustering"
    MIXTURE = "Gaussian mixture"
    PIECES = "Supervoxels (SLIC)"
    BASINS = "Watershed basins"
    MARKERS = "Watershed from markers"
    CANNY = "Canny edges"
    GRADIENT = "Gradient edges"
    BODY = "Body mask of a CT"
    LUNGS = "Lung mask of a CT"
    EDGES = "Geodesic active contour"
    SMOOTH = "Smooth"
    HOLES = "Fill holes"
    LARGEST = "Keep largest"
    CUT = "Watershed, leaving a gap"
    SPLIT = "Watershed into structures"


class Combine(StrEnum):
    """What becomes of the structure where a tool has found a region."""

    ADD = "Add to the structure"
    REPLACE = "Replace the structure"
    REMOVE = "Take from the structure"
    WITHIN = "Keep the structure only there"


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What a tool needs.

    Attributes:
        settings: Class of its settings.
        tip: What it does.
        finds_region: Whether it finds a region in the scan, or changes the structure.
        needs_scan: Whether it looks at the scan.
        needs_seed: Whether it starts from a click, or takes what lies there.
        has_classes: Whether one of its classes is to be chosen.
        has_range: Whether it has a lower and an upper intensity.
    """

    settings: type[Any]
    tip: str
    finds_region: bool = True
    needs_scan: bool = True
    needs_seed: bool = False
    has_classes: bool = False
    has_range: bool = False


def _on_structure(settings: type[Any], tip: str, *, needs_scan: bool = False) -> Traits:
    return Traits(settings=settings, tip=tip, finds_region=False, needs_scan=needs_scan)


_c = medseg.classical
TRAITS = {
    Tool.THRESHOLD: Traits(
        settings=_c.ThresholdSettings, tip="A range of intensities.", has_range=True
    ),
    Tool.HYSTERESIS: Traits(
        settings=_c.HysteresisSettings,
        tip="Bright voxels, and less bright ones connected to them.",
    ),
    Tool.OTSU: Traits(
        settings=_c.OtsuSettings,
        tip="One of the classes that differ most in intensity.",
        has_classes=True,
    ),
    Tool.GROW: Traits(
        settings=_c.GrowSettings,
        tip="What is connected to a click through a range of intensities.",
        needs_seed=True,
        has_range=True,
    ),
    Tool.LIKENESS: Traits(
        settings=_c.ConfidenceSettings,
        tip="What is connected to a click and like it.",
        needs_seed=True,
    ),
    Tool.KMEANS: Traits(
        settings=_c.ClusterSettings,
        tip="One of the classes with the least variance within.",
        has_classes=True,
    ),
    Tool.MIXTURE: Traits(
        settings=_c.ClusterSettings,
        tip="One of the Gaussians that make up the histogram.",
        has_classes=True,
    ),
    Tool.PIECES: Traits(
        settings=_c.SupervoxelSettings,
        tip="The pieces of like size and intensity that you click on.",
        needs_seed=True,
    ),
    Tool.BASINS: Traits(
        settings=_c.WatershedSettings,
        tip="The basins of the gradient that you click on.",
        needs_seed=True,
    ),
    Tool.MARKERS: Traits(
        settings=_c.MarkerSettings,
        tip="Flood the scan from all structures as they are painted: a few voxels of "
        "each, and of the surroundings as a structure, too.",
    ),
    Tool.CANNY: Traits(settings=_c.CannySettings, tip="Thin edges."),
    Tool.GRADIENT: Traits(settings=_c.GradientSettings, tip="Where the scan is steep."),
    Tool.BODY: Traits(settings=_c.BodySettings, tip="The patient, without the table."),
    Tool.LUNGS: Traits(
        settings=_c.LungSettings, tip="Both lungs, with vessels and airways."
    ),
    Tool.EDGES: _on_structure(
        _c.ContourSettings, "Move the surface until it lies on edges.", needs_scan=True
    ),
    Tool.SMOOTH: _on_structure(_c.SmoothSettings, "Make the surface smoother."),
    Tool.HOLES: _on_structure(_c.HolesSettings, "Fill what the structure shuts in."),
    Tool.LARGEST: _on_structure(_c.LargestSettings, "Keep only the largest pieces."),
    Tool.CUT: _on_structure(
        _c.SplitSettings, "Part touching blobs by a gap at their necks."
    ),
    Tool.SPLIT: _on_structure(
        _c.SplitSettings, "Make touching blobs structures of their own."
    ),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Choice:
    """What the user has chosen beside the layers.

    Attributes:
        tool: The tool.
        settings: Its settings.
        structure: Name of the structure; empty where there is none.
        class_number: Class to take, for tools that find classes.
        combine: What becomes of the structure.
        keeps_others: Whether other structures are left as they are.
    """

    tool: Tool
    settings: Any
    structure: str
    class_number: int
    combine: Combine
    keeps_others: bool
