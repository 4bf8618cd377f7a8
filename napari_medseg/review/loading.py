"""Reading a case into what napari shows of it, ahead of time too; knows no Qt."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import medseg
from napari_medseg.layers.conversion import (
    LayerTuple,
    Origin,
    segmentation_layer,
    volume_layers,
)
from napari_medseg.layers.placement import Placement
from napari_medseg.review.cohort import Cohort, CohortCase, Measure

Position = tuple[float, float, float]

_CACHED_CASES = 3


@dataclass(frozen=True, eq=False, kw_only=True)
class LoadedCase:
    """A case in memory, as layers that are not yet in a viewer.

    Attributes:
        case: Which.
        scan: Image layers, one a channel.
        reference: Its Labels layer, if there is one.
        predictions: Labels layer of each model.
        place: Where to look first, (S, A, R) as shown, in mm; None for the middle.
        warning: What could not be read; empty if nothing.
    """

    case: CohortCase
    scan: tuple[LayerTuple, ...]
    reference: LayerTuple | None
    predictions: Mapping[str, LayerTuple]
    place: Position | None
    warning: str = ""


class CaseCache:
    """The last few cases that were read, so that going back and on is quick."""

    def __init__(self) -> None:
        self._cases: OrderedDict[str, LoadedCase] = OrderedDict()

    def __contains__(self, case_id: object) -> bool:
        return case_id in self._cases

    def add(self, loaded: LoadedCase) -> None:
        """Keep a case and forget the one that was used longest ago."""
        self._cases[loaded.case.case_id] = loaded
        self._cases.move_to_end(loaded.case.case_id)
        while len(self._cases) > _CACHED_CASES:
            self._cases.popitem(last=False)

    def take(self, case_id: str) -> LoadedCase | None:
        """A case, no longer kept: a user may now edit its labels."""
        return self._cases.pop(case_id, None)

    def clear(self) -> None:
        """Forget all."""
        self._cases.clear()


def load_case(cohort: Cohort, case: CohortCase, measure: Measure) -> LoadedCase:
    """Read the files of a case.

    A file that cannot be read is left out and named in the warning.

    Raises:
        MedSegError: When none of them can be read.
    """
    errors: list[medseg.MedSegError] = []
    scan = _scan(cohort, case, errors)
    reference = _labels(case.reference, cohort.labels, errors)
    predictions = {
        model: labels
        for model, path in case.predictions.items()
        if (labels := _labels(path, cohort.labels, errors)) is not None
    }
    if errors and scan is None and reference is None and not predictions:
        raise errors[0]
    return LoadedCase(
        case=case,
        scan=_scan_layers(scan, case),
        reference=None if reference is None else _layer(reference, "reference"),
        predictions={
            model: _layer(labels, model) for model, labels in predictions.items()
        },
        place=_place(cohort, case, measure, reference, predictions),
        warning="; ".join(f"{error.code}: {error.what}" for error in errors),
    )


def place_of_error(
    prediction: medseg.Segmentation, reference: medseg.Segmentation | None, label: int
) -> Position | None:
    """A point in the slice in which a structure differs most from the reference.

    Where they agree, or there is none to compare with, in its largest slice. The
    reference may have another number for the structure of that name.
    """
    placement = Placement.of(prediction.geometry)
    found = placement.to_shown(prediction.array) == label
    looked_for = found
    if reference is not None and prediction.geometry.is_same_grid(reference.geometry):
        of_reference = _label_in(reference, prediction, label)
        different = found != (placement.to_shown(reference.array) == of_reference)
        looked_for = different if different.any() else found
    if not looked_for.any():
        return None
    s = int(np.argmax(looked_for.sum(axis=(1, 2))))
    inside = np.argwhere(looked_for[s])
    centre = inside.mean(axis=0)
    a, r = inside[np.argmin(((inside - centre) ** 2).sum(axis=1))]
    shown = np.array((s, a, r)) * placement.scale + placement.translate
    return float(shown[0]), float(shown[1]), float(shown[2])


def _scan(
    cohort: Cohort, case: CohortCase, errors: list[medseg.MedSegError]
) -> medseg.Volume | None:
    if not case.images:
        return None
    first = case.images[0]
    try:
        return medseg.read_volume(first, channels=_channels(cohort, case.images))
    except medseg.MedSegError as error:
        errors.append(error)
        return None


def _scan_layers(
    scan: medseg.Volume | None, case: CohortCase
) -> tuple[LayerTuple, ...]:
    """Layers that know their file, where one file or folder is all there is to it."""
    if scan is None:
        return ()
    is_one = len(case.images) == len(scan.channels) == 1
    origin = Origin(path=case.images[0]) if is_one else None
    return tuple(volume_layers(scan, case.case_id, origin))


def _channels(cohort: Cohort, images: tuple[Path, ...]) -> dict[str, Path] | None:
    """File of each channel, which `read_volume` wants named where there are several."""
    names = cohort.channels
    if len(names) <= 1:
        return None
    files = images if len(images) == len(names) else images[:1] * len(names)
    return dict(zip(names, files, strict=True))


def _labels(
    path: Path | None,
    names: medseg.LabelSet | None,
    errors: list[medseg.MedSegError],
) -> medseg.Segmentation | None:
    if path is None:
        return None
    try:
        labels = medseg.read_segmentation(path)
    except medseg.MedSegError as error:
        errors.append(error)
        return None
    return labels if names is None else _with_names(labels, names)


def _with_names(
    segmentation: medseg.Segmentation, names: medseg.LabelSet
) -> medseg.Segmentation:
    """The same with the dataset's names for labels that have only a number."""
    known = {structure.id: structure for structure in names}
    labels = tuple(
        known.get(each.id, each) if each.name == f"label {each.id}" else each
        for each in segmentation.labels
    )
    if len({each.name for each in labels}) < len(labels):
        return segmentation
    return replace(segmentation, labels=medseg.LabelSet(labels))


def _label_in(
    other: medseg.Segmentation, segmentation: medseg.Segmentation, label: int
) -> int:
    """Number that a structure has in another label map; the same where not named."""
    name = next((each.name for each in segmentation.labels if each.id == label), "")
    return other.labels[name].id if name in other.labels.names else label


def _layer(segmentation: medseg.Segmentation, name: str) -> LayerTuple:
    return segmentation_layer(segmentation, name)


def _place(
    cohort: Cohort,
    case: CohortCase,
    measure: Measure,
    reference: medseg.Segmentation | None,
    predictions: Mapping[str, medseg.Segmentation],
) -> Position | None:
    """Where the first model did worst."""
    for model in cohort.models:
        made = predictions.get(model)
        if made is not None and len(made.labels):
            worst = case.worst_structure(model, measure)
            is_known = worst in made.labels.names
            label = made.labels[worst].id if is_known else made.labels.ids[0]
            place = place_of_error(made, reference, label)
            if place is not None:
                return place
    return None if reference is None else _middle(reference)


def _middle(labels: medseg.Segmentation) -> Position | None:
    return place_of_error(labels, None, labels.labels.ids[0]) if labels.labels else None
