"""What a method found, as a label map with its provenance."""

from dataclasses import fields, replace
from importlib.metadata import version
from typing import Any

import numpy as np
from jaxtyping import Integer

from medseg.classical.images import Mask
from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.geometry import Points
from medseg.core.labels import LabelSet
from medseg.core.provenance import AlgorithmFamily, Provenance
from medseg.core.versions import package_versions
from medseg.core.volume import Segmentation, Volume

_MOST_LABELS = 65535
_FAMILIES = {
    "otsu": AlgorithmFamily.HISTOGRAM_ANALYSIS,
    "threshold": AlgorithmFamily.HISTOGRAM_ANALYSIS,
    "hysteresis": AlgorithmFamily.NEIGHBORHOOD_ANALYSIS,
    "grow": AlgorithmFamily.NEIGHBORHOOD_ANALYSIS,
    "grow-by-confidence": AlgorithmFamily.NEIGHBORHOOD_ANALYSIS,
    "watershed": AlgorithmFamily.MORPHOLOGICAL_OPERATIONS,
    "watershed-from-markers": AlgorithmFamily.MORPHOLOGICAL_OPERATIONS,
    "canny": AlgorithmFamily.EDGE_DETECTION,
    "gradient-edges": AlgorithmFamily.EDGE_DETECTION,
    "kmeans": AlgorithmFamily.CLUSTER_ANALYSIS,
    "gaussian-mixture": AlgorithmFamily.CLUSTER_ANALYSIS,
    "supervoxels": AlgorithmFamily.CLUSTER_ANALYSIS,
    "body-mask": AlgorithmFamily.MORPHOLOGICAL_OPERATIONS,
    "lung-mask": AlgorithmFamily.MORPHOLOGICAL_OPERATIONS,
}
_INTERACTIVE = {"grow", "grow-by-confidence", "watershed-from-markers"}


def found(
    volume: Volume,
    array: Mask | Integer[np.ndarray, "i j k"],
    labels: LabelSet,
    method: str,
    settings: Any,
    seeds_ras_mm: Points = (),
) -> Segmentation:
    """A label map on the scan's grid.

    Args:
        volume: The scan.
        array: Labels, or one mask, which becomes label 1.
        labels: What they are called.
        method: What the method is called on the command line.
        settings: Its settings, a dataclass.
        seeds_ras_mm: Points (R, A, S) it began from, where it did.
    """
    dtype = np.uint8 if max(labels.ids, default=0) < 256 else np.uint16
    return Segmentation(
        array=array.astype(dtype, copy=False),
        geometry=volume.geometry,
        labels=labels,
        case_id=volume.case_id,
        provenance=Provenance(
            case_id=volume.case_id,
            input_sha256=volume.sha256,
            model=f"classical {method}",
            model_sha256="",
            versions=(*package_versions(), ("SimpleITK", version("SimpleITK"))),
            settings=(*settings_as_text(settings), *_seeds_as_text(seeds_ras_mm)),
            notes=volume.notes,
            family=_FAMILIES[method],
            is_interactive=method in _INTERACTIVE,
        ),
    )


def one_label(name: str) -> LabelSet:
    """The label set of a mask."""
    return LabelSet.from_names([(1, name)])


def numbered_labels(name: str, count: int) -> LabelSet:
    """Labels "name 1", "name 2" and so on.

    Raises:
        UnusableInput: NOT_A_LABEL_MAP, when there are more than 16 bits count.
    """
    if count > _MOST_LABELS:
        raise UnusableInput(
            ErrorCode.NOT_A_LABEL_MAP,
            f"{count} pieces are more than a label map can number",
            where=name,
            remedy="Smooth more, ask for larger pieces, or give a box.",
        )
    return LabelSet.from_names((n, f"{name} {n}") for n in range(1, count + 1))


def settings_as_text(settings: Any) -> tuple[tuple[str, str], ...]:
    """Name and value of each setting of a dataclass."""
    return tuple((f.name, str(getattr(settings, f.name))) for f in fields(settings))


def _seeds_as_text(seeds_ras_mm: Points) -> tuple[tuple[str, str], ...]:
    if not len(seeds_ras_mm):
        return ()
    seeds = np.atleast_2d(np.asarray(seeds_ras_mm, dtype=np.float64))
    return (
        ("seeds_ras_mm", ", ".join(f"{r:.1f} {a:.1f} {s:.1f}" for r, a, s in seeds)),
    )


def with_mask(
    segmentation: Segmentation, structure: str, mask: Mask, note: str
) -> Segmentation:
    """The label map with one structure where the mask is and nowhere else.

    Other structures are left as they are: the structure spreads over background only.

    Args:
        segmentation: The label map.
        structure: Name of the structure.
        mask: Where it is to be.
        note: What was done, for the provenance.
    """
    id_ = segmentation.labels[structure].id
    array = segmentation.array.copy()
    array[(array == id_) & ~mask] = 0
    array[(array == 0) & mask] = id_
    return noted(replace(segmentation, array=array), note)


def noted(segmentation: Segmentation, note: str) -> Segmentation:
    """The label map with a line more in its notes and its provenance."""
    made = segmentation.provenance
    told = None if made is None else replace(made, notes=(*made.notes, note))
    return replace(segmentation, notes=(*segmentation.notes, note), provenance=told)


def require_order(low_name: str, low: float, high_name: str, high: float) -> None:
    """Refuse two numbers that are the wrong way round.

    Raises:
        WrongUse: INVALID_OPTION.
    """
    if low > high:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"{low_name} {low:g} is above {high_name} {high:g}",
            where=f"--{low_name}",
            remedy=f"Give {low_name} up to {high_name}.",
        )


def require_range(lower: float | None, upper: float | None) -> None:
    """Refuse a range of intensities without any end, or with ends the wrong way round.

    Raises:
        WrongUse: INVALID_OPTION.
    """
    if lower is None and upper is None:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "without any limit everything is found",
            where="--lower, --upper",
            remedy="Give the lowest intensity, the highest, or both.",
        )
    if lower is not None and upper is not None:
        require_order("lower", lower, "upper", upper)


def require_structure(segmentation: Segmentation, structure: str) -> Mask:
    """Where a structure is.

    Raises:
        WrongUse: INVALID_OPTION, when the label map has none of that name.
    """
    if structure not in segmentation.labels:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"there is no structure {structure!r}",
            where="--structure",
            remedy=f"Use one of {', '.join(segmentation.labels.names)}.",
        )
    return segmentation.mask(structure)
