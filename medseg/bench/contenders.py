"""What is measured: the same scores by MedSeg and by other libraries."""

import importlib.util
import warnings
from collections.abc import Mapping
from enum import StrEnum
from typing import assert_never

import lazy_loader
import numpy as np
import torch
from jaxtyping import Float
from monai.metrics.hausdorff_distance import compute_hausdorff_distance
from monai.metrics.meandice import compute_dice
from monai.metrics.meaniou import compute_iou
from monai.metrics.surface_dice import compute_surface_dice
from monai.metrics.surface_distance import compute_average_surface_distance

from medseg.bench.scenes import Scene
from medseg.core.errors import ErrorCode, WrongUse
from medseg.metrics.scoring import score

surface_distance = lazy_loader.load("surface_distance")

Measured = Mapping[str, Float[np.ndarray, " _"]]


class Contender(StrEnum):
    """Who measures."""

    MEDSEG = "MedSeg"
    DEEPMIND = "surface-distance"
    MONAI = "MONAI"


def require_installed(module: str = "surface_distance") -> None:
    """Refuse to start without the library that is not there by default.

    Raises:
        WrongUse: INVALID_OPTION, with the command that installs it.
    """
    if importlib.util.find_spec(module) is None:
        package = module.replace("_", "-")
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"the package {package} is not installed",
            where="bench metrics",
            remedy=f"Install it: pip install {package}.",
        )


def measure(contender: Contender, scene: Scene) -> Measured:
    """Everything the contender offers; what MedSeg defines likewise, by structure."""
    match contender:
        case Contender.MEDSEG:
            return _by_medseg(scene)
        case Contender.DEEPMIND:
            return _by_deepmind(scene)
        case Contender.MONAI:
            return _by_monai(scene)
        case _:
            assert_never(contender)


def _by_medseg(scene: Scene) -> Measured:
    """One call for all structures and measures."""
    scores = score(scene.prediction, scene.reference, tolerance_mm=scene.tolerance_mm)
    rows = [row for row in scores.rows if row.label in scene.present]
    return {
        name: np.array([getattr(row, name) for row in rows])
        for name in ("dice", "iou", "hd_mm", "hd95_mm", "assd_mm", "nsd")
    }


def _by_deepmind(scene: Scene) -> Measured:
    """One distance computation a structure, then all measures from it.

    HD, HD95 and the average distance are computed too but not compared: those are
    weighted by area.
    """
    dice, nsd = [], []
    spacing_mm = scene.reference.geometry.spacing_mm
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for label in scene.present:
            wanted = scene.reference.array == label
            predicted = scene.prediction.array == label
            distances = surface_distance.compute_surface_distances(
                wanted, predicted, spacing_mm
            )
            surface_distance.compute_robust_hausdorff(distances, 100)
            surface_distance.compute_robust_hausdorff(distances, 95)
            surface_distance.compute_average_surface_distance(distances)
            nsd.append(
                surface_distance.compute_surface_dice_at_tolerance(
                    distances, scene.tolerance_mm
                )
            )
            dice.append(surface_distance.compute_dice_coefficient(wanted, predicted))
    return {"dice": np.array(dice), "nsd": np.array(nsd)}


def _by_monai(scene: Scene) -> Measured:
    """One call for each structure and measure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        measured = [_structure_by_monai(scene, label) for label in scene.present]
    return {
        name: np.array([float(each[name]) for each in measured]) for name in measured[0]
    }


def _structure_by_monai(scene: Scene, label: int) -> dict[str, torch.Tensor]:
    predicted, wanted = (
        torch.from_numpy(each.array == label)[None, None].float()
        for each in (scene.prediction, scene.reference)
    )
    spacing_mm = scene.reference.geometry.spacing_mm
    return {
        "dice": compute_dice(predicted, wanted),
        "iou": compute_iou(predicted, wanted),
        "hd_mm": compute_hausdorff_distance(
            predicted, wanted, include_background=True, spacing=spacing_mm
        ),
        "hd95_mm": compute_hausdorff_distance(
            predicted,
            wanted,
            include_background=True,
            percentile=95,
            spacing=spacing_mm,
        ),
        "assd_mm": compute_average_surface_distance(
            predicted,
            wanted,
            include_background=True,
            symmetric=True,
            spacing=spacing_mm,
        ),
        "nsd": compute_surface_dice(
            predicted,
            wanted,
            [scene.tolerance_mm],
            include_background=True,
            spacing=spacing_mm,
            use_subvoxels=True,
        ),
    }
