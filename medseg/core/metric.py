"""The measures of agreement: their names, what they mean, which side is better."""

from dataclasses import dataclass
from enum import StrEnum


class WhenMissed(StrEnum):
    """What stands for a distance when just one of the two masks is empty.

    Overlap measures need no rule: they are 0 then. A distance has no value; dropping
    it would reward a missed structure.
    """

    DIAGONAL = "diagonal"
    LEAVE_OUT = "leave-out"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One measure, a column of the table of scores.

    Attributes:
        name: Of the column and of the attribute of `StructureScore`.
        title: As people write it.
        unit: "" for a fraction.
        digits: After the decimal point, in tables.
        is_higher_better: None where neither side is (a signed difference).
        is_distance: In mm from one mask to the other, so undefined when one is empty.
        definition: One or two sentences, with the source.
    """

    name: str
    title: str
    definition: str
    unit: str = ""
    digits: int = 3
    is_higher_better: bool | None = True
    is_distance: bool = False


def _distance(name: str, title: str, definition: str) -> Metric:
    return Metric(
        name=name,
        title=title,
        definition=definition,
        unit="mm",
        digits=2,
        is_higher_better=False,
        is_distance=True,
    )


METRICS: tuple[Metric, ...] = (
    Metric(
        name="dice",
        title="Dice",
        definition="2 |A and B| / (|A| + |B|), with A the voxels of the prediction and "
        "B those of the reference (Dice, 1945). 1 is perfect, 0 no overlap.",
    ),
    Metric(
        name="iou",
        title="IoU",
        definition="|A and B| / |A or B|, also called Jaccard index (Jaccard, 1912). "
        "It equals Dice / (2 - Dice).",
    ),
    Metric(
        name="precision",
        title="Precision",
        definition="|A and B| / |A|, also called positive predictive value. It has no "
        "value where the prediction is empty.",
    ),
    Metric(
        name="recall",
        title="Recall",
        definition="|A and B| / |B|, also called sensitivity. It has no value where "
        "the reference is empty.",
    ),
    _distance(
        "hd_mm",
        "HD",
        "Hausdorff distance: the greatest distance from a border voxel of one mask to "
        "the nearest border voxel of the other. A border voxel has a face neighbour "
        "outside the mask; what lies beyond the image is outside. Of an image of one "
        "slice the outline in its plane is the border.",
    ),
    _distance(
        "hd95_mm",
        "HD95",
        "The larger of the two directed 95th percentiles of the distances between "
        "border voxels, by linear interpolation, each voxel counting the same (as "
        "MONAI and Metrics Reloaded have it; not the percentile of both pooled).",
    ),
    _distance(
        "assd_mm",
        "ASSD",
        "Average symmetric surface distance: mean of the distances of all border "
        "voxels of both masks to the other's border.",
    ),
    _distance(
        "masd_mm",
        "MASD",
        "Mean average surface distance: the mean of the two directed means of the "
        "same distances, so that each mask counts the same.",
    ),
    Metric(
        name="nsd",
        title="NSD",
        definition="Normalised surface distance, or surface Dice: the share of both "
        "surfaces' area that lies within the tolerance of the other surface (Nikolov "
        "et al., 2021; surface elements and areas as in DeepMind's surface-distance).",
    ),
    Metric(
        name="boundary_iou",
        title="Boundary IoU",
        definition="IoU of the two rims: the voxels of each mask nearer than the "
        "tolerance to one of its border voxels, these included (Cheng et al., 2021).",
    ),
    Metric(
        name="volume_difference_ml",
        title="Volume difference",
        definition="Volume of the prediction minus that of the reference.",
        unit="ml",
        digits=2,
        is_higher_better=None,
    ),
    Metric(
        name="volume_difference_percent",
        title="Relative volume difference",
        definition="The same as a percentage of the reference's volume. It has no "
        "value where the reference is empty.",
        unit="%",
        digits=1,
        is_higher_better=None,
    ),
    _distance(
        "centroid_distance_mm",
        "Centroid distance",
        "Distance between the two centres of mass.",
    ),
)

_BY_NAME = {metric.name: metric for metric in METRICS}


def metric_named(name: str) -> Metric:
    """The measure of that name.

    Raises:
        KeyError: There is none; the message lists those there are.
    """
    if name not in _BY_NAME:
        raise KeyError(f"no metric {name!r}; there are {', '.join(_BY_NAME)}")
    return _BY_NAME[name]
