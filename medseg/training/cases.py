"""Cases ready to be trained on, in memory or on disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Integer

from medseg.core.case import Case, Dataset
from medseg.core.errors import ErrorCode, MedSegError, UnusableInput
from medseg.core.panoptic import InstanceArray
from medseg.core.plan import IGNORED, Plan
from medseg.core.prepared import Prepared
from medseg.core.volume import Segmentation, Volume, require_same_grid
from medseg.io import read_segmentation, read_volume
from medseg.preprocessing import prepare, prepare_instances, prepare_reference

_MOST_PLACES = 5000

Places = Integer[np.ndarray, "_ 3"]


@runtime_checkable
class Voxels(Protocol):
    """Voxels of which a box is read at a time: an array, or a file that holds one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Size along each axis."""

    def __getitem__(self, box: tuple[slice, ...], /) -> np.ndarray:
        """The voxels of a box."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingCase:
    """One case, prepared.

    Attributes:
        id: Name of the case.
        sha256: Hash of its image file.
        image: Network input (channel, R, A, S).
        labels: Place in the label set, background 0, or IGNORED.
        centres: Voxels of each structure that is present, a sample of them.
        annotated: A sample of the voxels that somebody looked at; None when that is
            all of them.
        instances: Number of the thing at each voxel, 0 for none; None where they are
            not learned.
    """

    id: str
    sha256: str
    image: Voxels
    labels: Voxels
    centres: tuple[Places, ...]
    annotated: Places | None = None
    instances: Voxels | None = None


def training_case(
    case_id: str,
    volume: Volume,
    reference: Segmentation,
    plan: Plan,
    ignore_id: int | None = None,
    instances: InstanceArray | None = None,
) -> TrainingCase:
    """Prepare one case and note where its structures are.

    Args:
        case_id: Name of the case.
        volume: Its scan.
        reference: Its label map, on the scan's grid.
        plan: How to prepare it.
        ignore_id: Label in the label map of voxels that nobody looked at.
        instances: Number of the thing at each voxel of the label map, where the plan
            has a head that learns them.
    """
    prepared = prepare(volume, plan)
    labels = prepare_reference(reference, prepared, ignore_id)
    masks = (labels == label for label in range(1, len(plan.labels) + 1))
    places = [_places(mask) for mask in masks]
    ignored = labels == IGNORED
    return TrainingCase(
        id=case_id,
        sha256=volume.sha256,
        image=prepared.image,
        labels=labels,
        centres=tuple(each for each in places if len(each)),
        annotated=_places(~ignored) if ignored.any() else None,
        instances=_instances(instances, labels, prepared, plan),
    )


def _instances(
    instances: InstanceArray | None, labels: np.ndarray, prepared: Prepared, plan: Plan
) -> np.ndarray | None:
    if instances is None or plan.head is None:
        return None
    places = [1 + plan.labels.names.index(name) for name in plan.head.things]
    return prepare_instances(instances, prepared, np.isin(labels, places))


def _places(mask: np.ndarray) -> Places:
    """Voxels of a mask; of too many, some by chance, the same ones each time.

    Not at regular steps, which may all meet the same slice.
    """
    chosen = np.flatnonzero(mask)
    if len(chosen) > _MOST_PLACES:
        rng = np.random.Generator(np.random.Philox(key=len(chosen)))
        places = rng.choice(len(chosen), _MOST_PLACES, replace=False, shuffle=False)
        chosen = chosen[np.sort(places)]
    return np.stack(np.unravel_index(chosen, mask.shape), axis=-1).astype(np.int32)


@contextmanager
def naming(case: Case) -> Iterator[None]:
    """Put the case's name into errors that do not have it."""
    try:
        yield
    except MedSegError as error:
        if case.id in f"{error.what} {error.where}":
            raise
        raise type(error)(
            error.code,
            f"case {case.id}: {error.what}",
            where=error.where,
            remedy=error.remedy,
        ) from error


def read_case(case: Case, dataset: Dataset) -> tuple[Volume, Segmentation]:
    """Scan and reference of a case, checked against each other.

    Where the dataset has a label to ignore, the reference has it, too.

    Raises:
        UnusableInput: When a file is unusable, labels are not the dataset's or the
            grids differ; the case is named.
    """
    if case.reference is None:
        raise UnusableInput(
            ErrorCode.INVALID_DATASET,
            "the case has no reference to learn from",
            where=case.id,
            remedy="Give it a label map, or take it out of the training list.",
        )
    with naming(case):
        volume = read_case_volume(case, dataset)
        labels = dataset.described.all_labels
        reference = read_segmentation(case.reference, labels=labels)
        require_same_grid(volume.geometry, reference.geometry, where=case.id)
    return volume, reference


def read_case_volume(case: Case, dataset: Dataset) -> Volume:
    """Scan of a case: one file with every channel, or one file a channel."""
    files = case.images * (len(dataset.channels) if len(case.images) == 1 else 1)
    channels = dict(zip(dataset.channels, files, strict=True))
    return read_volume(case.images[0], channels=channels)
