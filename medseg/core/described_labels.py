"""What the numbers in the label maps of a dataset mean."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from medseg.core.labels import LabelSet, Structure
from medseg.core.regions import Region, require_regions_of
from medseg.core.volume import Segmentation

_IGNORED_NAME = "ignored voxels"
_GREY = (128, 128, 128)


@dataclass(frozen=True, kw_only=True)
class DescribedLabels:
    """What the numbers in the label maps of a dataset mean.

    Attributes:
        labels: Name of each number.
        regions: Overlapping structures to learn and to score; empty where labels are.
        ignore_id: Number of voxels that nobody looked at, if there is one: neither loss
            nor scores count them. It is not among `labels`.
    """

    labels: LabelSet
    regions: tuple[Region, ...] = ()
    ignore_id: int | None = None

    def __post_init__(self) -> None:
        require_regions_of(self.labels.ids, self.regions)
        if self.ignore_id in self.labels.ids:
            raise ValueError(f"label {self.ignore_id} is ignored and a structure")

    @property
    def scored_names(self) -> tuple[str, ...]:
        """What there are scores of: the regions, or else the structures."""
        if self.regions:
            return tuple(region.name for region in self.regions)
        return self.labels.names

    @property
    def all_labels(self) -> LabelSet:
        """Every number that a reference may hold: that to ignore is named, too."""
        if self.ignore_id is None:
            return self.labels
        ignored = Structure(id=self.ignore_id, name=_IGNORED_NAME, colour=_GREY)
        return LabelSet((*self.labels, ignored))


def all_labels_of(described: DescribedLabels | None) -> LabelSet | None:
    """Every number that a reference may hold, where that is known."""
    return None if described is None else described.all_labels


def without_ignored(
    prediction_or_reference: Segmentation,
    ignored: Bool[np.ndarray, "i j k"],
    labels: LabelSet,
) -> Segmentation:
    """A label map of the structures alone, with background where nobody looked."""
    array = prediction_or_reference.array
    return Segmentation(
        array=np.where(ignored, array.dtype.type(0), array) if ignored.any() else array,
        geometry=prediction_or_reference.geometry,
        labels=labels,
        case_id=prediction_or_reference.case_id,
        provenance=prediction_or_reference.provenance,
        notes=prediction_or_reference.notes,
    )
