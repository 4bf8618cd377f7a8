"""Prediction and reference -> scores of one case."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import Geometry
from medseg.core.labels import StructureKind
from medseg.core.lesions import LesionRules, LesionScores
from medseg.core.scores import Scores
from medseg.core.structure_score import MaskState, StructureScore
from medseg.core.volume import Segmentation, Volume, require_same_grid
from medseg.io.checks import MAX_SHEAR_DEG, largest_shear_deg
from medseg.metrics.hounsfield import Hounsfield, hounsfield_of_labels
from medseg.metrics.lesions import score_lesions
from medseg.metrics.naming import names_by_label, require_same_meaning
from medseg.metrics.overlap import Overlap, count_voxels
from medseg.metrics.surfaces import SurfaceScore, surface_scores
from medseg.metrics.tolerances import tolerances_by_label

DEFAULT_LESION_RULES = LesionRules()


def score(
    prediction: Segmentation,
    reference: Segmentation,
    scan: Volume | None = None,
    *,
    tolerance_mm: float | Mapping[str, float] | None = None,
    lesions: LesionRules = DEFAULT_LESION_RULES,
) -> Scores:
    """Overlap, surface distances and volumes of every structure, and its lesions.

    `medseg.core.metric.METRICS` defines each measure. Structures are matched by their
    number; names that say these were swapped are refused. There is a row for every
    structure of the reference's label set, found or not, and for every other label that
    has a voxel: what the reference does not know counts as wrong (Dice 0), it is never
    dropped.

    Args:
        prediction: The label map to judge.
        reference: The one to compare with; its names are used.
        scan: Gives Hounsfield units over the prediction when it is a CT.
        tolerance_mm: How far off a surface may be and still count as right, for nsd and
            boundary_iou: the same for all structures, or by name. A structure without
            one has neither.
        lesions: How the lesions of structures that are things are told apart.

    Raises:
        UnusableInput: GRID_MISMATCH when the grids are not the same; SHEARED_AFFINE
            when their axes are not at right angles; LABEL_MISMATCH when both name their
            labels and one name stands for different numbers.
        WrongUse: INVALID_OPTION for a tolerance that is not above 0, or of a structure
            there is not.
    """
    _require_comparable(prediction, reference, scan)
    counts = count_voxels(prediction.array, reference.array)
    found = {*counts.predicted_labels, *counts.reference_labels}
    names = names_by_label(prediction.labels, reference.labels, found)
    known = {*prediction.labels.names, *reference.labels.names}
    tolerances_mm = tolerances_by_label(tolerance_mm, names, known)
    surfaces = surface_scores(
        prediction.array,
        reference.array,
        reference.geometry.spacing_mm,
        [label for label in names if counts.of(label).state is MaskState.BOTH_PRESENT],
        tolerances_mm,
    )
    hounsfield = _hounsfield(scan, prediction)
    rows = (
        _row(
            label,
            name,
            _Measured(
                overlap=counts.of(label),
                surface=surfaces.get(label),
                tolerance_mm=tolerances_mm.get(label),
                hounsfield=hounsfield.get(label),
            ),
            reference.geometry,
        )
        for label, name in names.items()
    )
    return Scores(
        case_id=prediction.case_id,
        rows=tuple(rows),
        lesions=tuple(_lesions(prediction, reference, names, lesions)),
    )


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """What the passes found of one structure."""

    overlap: Overlap
    surface: SurfaceScore | None
    tolerance_mm: float | None
    hounsfield: Hounsfield | None


def _row(
    label: int, name: str, measured: _Measured, geometry: Geometry
) -> StructureScore:
    overlap, surface = measured.overlap, measured.surface
    hounsfield, voxel_ml = measured.hounsfield, geometry.voxel_volume_ml
    is_anywhere = overlap.state is not MaskState.BOTH_EMPTY
    # Of a mask that is empty no surface lies near the other's.
    no_surface = 0.0 if is_anywhere and measured.tolerance_mm is not None else None
    surplus = overlap.predicted - overlap.reference
    return StructureScore(
        structure=name,
        label=label,
        state=overlap.state,
        dice=overlap.dice,
        iou=overlap.iou,
        precision=overlap.precision,
        recall=overlap.recall,
        hd_mm=surface.hd_mm if surface else None,
        hd95_mm=surface.hd95_mm if surface else None,
        assd_mm=surface.assd_mm if surface else None,
        masd_mm=surface.masd_mm if surface else None,
        nsd=surface.nsd if surface else no_surface,
        boundary_iou=surface.boundary_iou if surface else no_surface,
        tolerance_mm=measured.tolerance_mm,
        volume_ml=overlap.predicted * voxel_ml,
        reference_volume_ml=overlap.reference * voxel_ml,
        volume_difference_ml=surplus * voxel_ml if is_anywhere else None,
        volume_difference_percent=100 * surplus / overlap.reference
        if overlap.reference
        else None,
        centroid_distance_mm=surface.centroid_distance_mm if surface else None,
        diagonal_mm=diagonal_mm(geometry),
        mean_hu=hounsfield.mean if hounsfield else None,
        sd_hu=hounsfield.sd if hounsfield else None,
        median_hu=hounsfield.median if hounsfield else None,
    )


def diagonal_mm(geometry: Geometry) -> float:
    """From the first voxel centre to the one at the opposite corner."""
    first, *_, last = geometry.corners_ras_mm()
    return float(np.linalg.norm(last - first))


def _require_comparable(
    prediction: Segmentation, reference: Segmentation, scan: Volume | None
) -> None:
    """Refuse grids that differ or shear, and names that were swapped."""
    case_id = prediction.case_id
    both = f"prediction and reference of {case_id}"
    require_same_grid(prediction.geometry, reference.geometry, where=both)
    if scan is not None:
        where = f"prediction and scan of {case_id}"
        require_same_grid(prediction.geometry, scan.geometry, where=where)
    shear_deg = largest_shear_deg(reference.geometry.affine[:3, :3])
    if shear_deg > MAX_SHEAR_DEG:
        raise UnusableInput(
            ErrorCode.SHEARED_AFFINE,
            f"the axes are {shear_deg:.2f} degrees away from right angles",
            where=both,
            remedy="Resample both onto a grid with right angles first.",
        )
    require_same_meaning(prediction.labels, reference.labels, where=both)


def _lesions(
    prediction: Segmentation,
    reference: Segmentation,
    names: Mapping[int, str],
    rules: LesionRules,
) -> Iterator[LesionScores]:
    """Lesions of every structure that is a thing, by the reference where it knows."""
    kinds = {each.id: each.kind for each in (*prediction.labels, *reference.labels)}
    for label, name in names.items():
        if kinds.get(label) is StructureKind.THING:
            yield score_lesions(
                prediction.array == label,
                reference.array == label,
                reference.geometry,
                rules,
                structure=name,
                label=label,
            )


def _hounsfield(scan: Volume | None, prediction: Segmentation) -> dict[int, Hounsfield]:
    if scan is None or not scan.is_ct:
        return {}
    return hounsfield_of_labels(scan.array[0], prediction.array)
