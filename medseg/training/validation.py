"""Scores of a held-out case."""

from dataclasses import replace

import numpy as np

from medseg.core.case import Dataset
from medseg.core.labels import LabelSet, Structure, kind_of, standard_colour
from medseg.core.regions import Region
from medseg.core.scores import Scores
from medseg.core.volume import Segmentation
from medseg.metrics import score
from medseg.training.cases import without_ignored


def scored_names(dataset: Dataset) -> tuple[str, ...]:
    """What `score_case` has a row for: the regions, or else the structures."""
    if dataset.regions:
        return tuple(region.name for region in dataset.regions)
    return dataset.labels.names


def score_case(
    prediction: Segmentation, reference: Segmentation, dataset: Dataset
) -> Scores:
    """Scores of every structure, or of every region where the dataset has regions.

    Voxels that nobody looked at count for neither map: they are background in both. A
    region's row carries the label it is painted as.

    Args:
        prediction: Label map of the network.
        reference: From `read_case`, with the label to ignore if there is one.
        dataset: Says what is learned and what is ignored.

    Raises:
        UnusableInput: As `medseg.score`.
    """
    if dataset.ignore_id is not None:
        ignored = reference.array == dataset.ignore_id
        reference = without_ignored(reference, ignored, dataset.labels)
        if prediction.array.shape == ignored.shape:
            prediction = without_ignored(prediction, ignored, prediction.labels)
    if not dataset.regions:
        return score(prediction, reference)
    of_regions = [
        score(_region_of(prediction, region), _region_of(reference, region))
        for region in sorted(dataset.regions, key=lambda region: region.painted_as)
    ]
    return Scores(
        case_id=of_regions[0].case_id,
        rows=tuple(row for scores in of_regions for row in scores.rows),
        lesions=tuple(each for scores in of_regions for each in scores.lesions),
        notes=of_regions[0].notes,
    )


def _region_of(segmentation: Segmentation, region: Region) -> Segmentation:
    """The region alone: as a label map of one structure."""
    inside = np.isin(segmentation.array, region.ids)
    label = region.painted_as
    structure = Structure(
        id=label,
        name=region.name,
        colour=standard_colour(label),
        kind=kind_of(region.name),
    )
    return replace(
        segmentation,
        array=inside * segmentation.array.dtype.type(label),
        labels=LabelSet((structure,)),
    )
