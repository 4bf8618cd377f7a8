"""Scores as a dataset's description asks for them: of regions, and of what was seen."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace
from typing import TypeVar

import numpy as np

from medseg.core.described_labels import DescribedLabels, without_ignored
from medseg.core.labels import LabelSet, Structure, kind_of, standard_colour
from medseg.core.lesions import LesionRules, LesionScores
from medseg.core.regions import Region
from medseg.core.scores import Scores
from medseg.core.structure_score import StructureScore
from medseg.core.volume import Segmentation, Volume, require_same_grid
from medseg.metrics.naming import require_same_meaning
from medseg.metrics.scoring import DEFAULT_LESION_RULES, score

Tolerance = float | Mapping[str, float] | None


def score_described(
    prediction: Segmentation,
    reference: Segmentation,
    described: DescribedLabels | None,
    scan: Volume | None = None,
    *,
    tolerance_mm: Tolerance = None,
    lesions: LesionRules = DEFAULT_LESION_RULES,
) -> Scores:
    """Scores of every structure, or of every region where a dataset has regions.

    Training, `evaluate`, studies and cohorts all score by this. Voxels that nobody
    looked at count for neither map: they are background in both. A region's row carries
    the label it is painted as.

    Args:
        prediction: The label map to judge.
        reference: The one to compare with, where there is one with the label to ignore.
        described: What is scored and what is ignored; None for every label.
        scan: As `score` takes it.
        tolerance_mm: Likewise, by name of a region where there are regions; those of
            structures in neither map, which other cases may have, are passed over.
        lesions: Likewise.

    Raises:
        UnusableInput: As `score`.
        WrongUse: Likewise.
    """
    if described is not None:
        _require_comparable(prediction, reference)
    scored = [
        score(
            predicted,
            wanted,
            scan,
            tolerance_mm=_tolerance_here(tolerance_mm, predicted, wanted),
            lesions=lesions,
        )
        for predicted, wanted in compared_maps(prediction, reference, described)
    ]
    return Scores(
        case_id=scored[0].case_id,
        rows=_by_label(row for scores in scored for row in scores.rows),
        lesions=_by_label(each for scores in scored for each in scores.lesions),
        notes=scored[0].notes,
    )


def compared_maps(
    prediction: Segmentation,
    reference: Segmentation,
    described: DescribedLabels | None,
) -> tuple[tuple[Segmentation, Segmentation], ...]:
    """The pairs of label maps that are compared in place of the two.

    Without regions that is one pair, else one a region, which is the only structure of
    both maps, and one of the labels that a prediction holds and no region has. What the
    reference ignores is background in all.

    Args:
        prediction: On the reference's grid.
        reference: With the label to ignore if there is one.
        described: Says what is compared and what is ignored.
    """
    if described is None:
        return ((prediction, reference),)
    if described.ignore_id is not None:
        ignored = reference.array == described.ignore_id
        kept = [each for each in reference.labels if each.id != described.ignore_id]
        reference = without_ignored(reference, ignored, LabelSet(tuple(kept)))
        prediction = without_ignored(prediction, ignored, prediction.labels)
    if not described.regions:
        return ((prediction, reference),)
    pairs = [
        (_region_of(prediction, region), _region_of(reference, region))
        for region in described.regions
    ]
    in_regions = {id_ for region in described.regions for id_ in region.ids}
    beyond = _without(prediction, in_regions)
    if beyond.array.any():
        pairs.append((beyond, _without(reference, in_regions)))
    return tuple(pairs)


def _require_comparable(prediction: Segmentation, reference: Segmentation) -> None:
    """What `score` checks of two maps, before they become others."""
    where = f"prediction and reference of {prediction.case_id}"
    require_same_grid(prediction.geometry, reference.geometry, where=where)
    require_same_meaning(prediction.labels, reference.labels, where=where)


def _tolerance_here(
    tolerance_mm: Tolerance, predicted: Segmentation, wanted: Segmentation
) -> Tolerance:
    """Those by name of the structures of two maps, that of others left out."""
    if not isinstance(tolerance_mm, Mapping):
        return tolerance_mm
    names = {*predicted.labels.names, *wanted.labels.names}
    return {name: mm for name, mm in tolerance_mm.items() if name in names}


Labelled = TypeVar("Labelled", StructureScore, LesionScores)


def _by_label(scores: Iterable[Labelled]) -> tuple[Labelled, ...]:
    return tuple(sorted(scores, key=lambda each: each.label))


def _without(segmentation: Segmentation, ids: Set[int]) -> Segmentation:
    """The label map without some of its labels."""
    kept = tuple(each for each in segmentation.labels if each.id not in ids)
    others = np.isin(segmentation.array, [*ids], invert=True)
    return replace(
        segmentation, array=segmentation.array * others, labels=LabelSet(kept)
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
        array=inside * np.uint16(label),
        labels=LabelSet((structure,)),
    )
