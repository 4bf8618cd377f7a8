"""Prediction and reference -> scores of one case."""

from medseg.core.scores import Scores, StructureScore
from medseg.core.volume import Segmentation, Volume, require_same_grid
from medseg.metrics.hounsfield import Hounsfield, hounsfield_of_labels
from medseg.metrics.naming import require_same_meaning
from medseg.metrics.overlap import Overlap, VoxelCounts, count_voxels


def score(
    prediction: Segmentation, reference: Segmentation, scan: Volume | None = None
) -> Scores:
    """Dice, IoU and volumes of every structure, and HU where the scan is a CT.

    Structures are matched by their number; names that say these were swapped are
    refused. There is a row for every structure of the
    reference's label set, found or not, and for every other label that has a voxel:
    what the reference does not know counts as wrong (Dice 0), it is never dropped.

    Args:
        prediction: The label map to judge.
        reference: The one to compare with; its names are used.
        scan: Gives Hounsfield units over the prediction when it is a CT.

    Raises:
        UnusableInput: GRID_MISMATCH when the grids are not the same; LABEL_MISMATCH
            when both name their labels and one name stands for different numbers.
    """
    case_id = prediction.case_id
    require_same_grid(
        prediction.geometry,
        reference.geometry,
        where=f"prediction and reference of {case_id}",
    )
    if scan is not None:
        require_same_grid(
            prediction.geometry,
            scan.geometry,
            where=f"prediction and scan of {case_id}",
        )
    require_same_meaning(
        prediction.labels,
        reference.labels,
        where=f"prediction and reference of {case_id}",
    )
    counts = count_voxels(prediction.array, reference.array)
    hounsfield = _hounsfield(scan, prediction)
    voxel_ml = prediction.geometry.voxel_volume_ml
    return Scores(
        case_id=case_id,
        rows=tuple(
            _row(label, name, counts.of(label), voxel_ml, hounsfield.get(label))
            for label, name in _names(prediction, reference, counts).items()
        ),
    )


def _row(
    label: int,
    name: str,
    overlap: Overlap,
    voxel_ml: float,
    hounsfield: Hounsfield | None,
) -> StructureScore:
    return StructureScore(
        structure=name,
        label=label,
        state=overlap.state,
        dice=overlap.dice,
        iou=overlap.iou,
        volume_ml=overlap.predicted * voxel_ml,
        reference_volume_ml=overlap.reference * voxel_ml,
        mean_hu=hounsfield.mean if hounsfield else None,
        sd_hu=hounsfield.sd if hounsfield else None,
        median_hu=hounsfield.median if hounsfield else None,
    )


def _hounsfield(scan: Volume | None, prediction: Segmentation) -> dict[int, Hounsfield]:
    if scan is None or not scan.is_ct:
        return {}
    return hounsfield_of_labels(scan.array[0], prediction.array)


def _names(
    prediction: Segmentation, reference: Segmentation, counts: VoxelCounts
) -> dict[int, str]:
    """Name of every label to score, by ascending label, each name once."""
    known = {structure.id: structure.name for structure in reference.labels}
    suggested = {structure.id: structure.name for structure in prediction.labels}
    for label in {*counts.predicted_labels, *counts.reference_labels} - set(known):
        name = suggested.get(label, f"label {label}")
        known[label] = f"label {label}" if name in known.values() else name
    return dict(sorted(known.items()))
