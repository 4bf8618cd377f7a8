"""A plan's rules as MONAI's transforms, in the words of a bundle's configuration."""

from typing import Any, assert_never

import numpy as np

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.plan import (
    MonaiStep,
    Normalisation,
    NormalisationKind,
    Plan,
    Recipe,
    StoredAxes,
)
from medseg.models.foreign.bundle_input import NONZERO_EXPRESSION, POSITIVE_EXPRESSION

Transform = dict[str, Any]
_IMAGE, _PREDICTION = {"keys": "image"}, {"keys": "pred"}
_UNCLIPPED = float(np.finfo(np.float32).max)


def preprocessing_of(plan: Plan) -> list[Transform]:
    """What brings a scan to the network.

    Raises:
        UnusableInput: UNSUPPORTED_MODEL, naming what MONAI has no transform for.
    """
    return [
        {"_target_": "LoadImaged", **_IMAGE},
        {"_target_": "EnsureChannelFirstd", **_IMAGE},
        *_orientation(plan),
        *(transform for step in _steps(plan) for transform in _step(step, plan)),
        {"_target_": "EnsureTyped", **_IMAGE},
    ]


def postprocessing_of(plan: Plan, largest_ids: list[int]) -> list[Transform]:
    """What makes labels on the scan's own grid of the network's output."""
    activation = "sigmoid" if plan.regions else "softmax"
    activated = {"_target_": "Activationsd", **_PREDICTION, activation: True}
    decision = {"threshold": 0.5} if plan.regions else {"argmax": True}
    decided = {"_target_": "AsDiscreted", **_PREDICTION, **decision}
    inverted = {
        "_target_": "Invertd",
        **_PREDICTION,
        "transform": "@preprocessing",
        "orig_keys": "image",
        "nearest_interp": plan.labels_by_nearest,
        "to_tensor": True,
    }
    order = [decided, inverted] if plan.labels_by_nearest else [inverted, decided]
    return [activated, *order, *_numbers(plan), *_largest(largest_ids), _SAVED]


def unsupported(what: str, where: str) -> UnusableInput:
    """The error for what cannot be written as a bundle."""
    return UnusableInput(
        ErrorCode.UNSUPPORTED_MODEL,
        f"{what} has no equal in a MONAI bundle",
        where=where,
        remedy="Use the model with MedSeg.",
    )


def _orientation(plan: Plan) -> list[Transform]:
    if not isinstance(plan.axes, StoredAxes):
        return [{"_target_": "Orientationd", **_IMAGE, "axcodes": plan.axes.codes}]
    if plan.axes.order != (0, 1, 2):
        raise unsupported(f"the axis order {plan.axes.order}", "plan.axes")
    return []


def _steps(plan: Plan) -> tuple[MonaiStep | Normalisation, ...]:
    match plan.recipe:
        case Recipe.MONAI:
            return plan.monai_steps
        case Recipe.NNUNET:
            raise unsupported("nnU-Net's way of resampling", "plan.recipe")
        case Recipe.MEDSEG:
            first = plan.normalisation[0]
            kinds = {how.kind for how in plan.normalisation}
            if len(kinds) > 1 or (
                first.kind is NormalisationKind.CT and {*plan.normalisation} != {first}
            ):
                raise unsupported("a normalisation of its own for each channel", "plan")
            if first.kind is NormalisationKind.Z_SCORE_NONZERO:
                # MedSeg counts holes within the patient, MONAI no voxel of value 0
                raise unsupported("a z-score of what is not zero", "plan.normalisation")
            return MonaiStep.CROP_NONZERO, first, MonaiStep.RESAMPLE
        case _:
            assert_never(plan.recipe)


def _step(step: MonaiStep | Normalisation, plan: Plan) -> list[Transform]:
    if isinstance(step, Normalisation):
        return _normalisation(step)
    if step is MonaiStep.RESAMPLE:
        spacing = {"pixdim": list(plan.spacing_mm), "mode": "bilinear"}
        return [{"_target_": "Spacingd", **_IMAGE, **spacing}]
    is_positive = step is MonaiStep.CROP_POSITIVE
    chosen = POSITIVE_EXPRESSION if is_positive else NONZERO_EXPRESSION
    crop = {"source_key": "image", "select_fn": chosen, "allow_smaller": True}
    return [{"_target_": "CropForegroundd", **_IMAGE, **crop}]


def _normalisation(how: Normalisation) -> list[Transform]:
    standard = {"_target_": "NormalizeIntensityd", **_IMAGE}
    match how.kind:
        case NormalisationKind.CT:
            known = how.statistics
            low, high = known.percentile_00_5, known.percentile_99_5
            if (low, high) == (-_UNCLIPPED, _UNCLIPPED):
                linear = {"subtrahend": known.mean, "divisor": known.sd}
                return [{**standard, **linear}]
            new = {
                "b_min": (low - known.mean) / known.sd,
                "b_max": (high - known.mean) / known.sd,
            }
            clipped = {"a_min": low, "a_max": high, **new, "clip": True}
            return [{"_target_": "ScaleIntensityRanged", **_IMAGE, **clipped}]
        case NormalisationKind.Z_SCORE:
            return [{**standard, "channel_wise": True}]
        case NormalisationKind.Z_SCORE_NONZERO:
            return [{**standard, "nonzero": True, "channel_wise": True}]
        case NormalisationKind.MIN_MAX:
            return [{"_target_": "ScaleIntensityd", **_IMAGE, "channel_wise": True}]
        case NormalisationKind.NONE:
            return []
        case _:
            assert_never(how.kind)


def _numbers(plan: Plan) -> list[Transform]:
    """The labels' own numbers, where they are not those of the channels."""
    if plan.regions:
        order = plan.monai_network.output_order if plan.monai_network else ()
        channels = order or tuple(range(len(plan.regions)))
        painting = "0"  # the last one painted is looked at first
        for channel, region in zip(channels, plan.regions, strict=True):
            label = region.painted_as
            painting = f"torch.where(x[[{channel}]] > 0, {label}, {painting})"
        painted = {"func": f"$lambda x: {painting}"}
        return [{"_target_": "Lambdad", **_PREDICTION, **painted}]
    places = list(range(1, len(plan.labels) + 1))
    if places == list(plan.labels.ids):
        return []
    renumbered = {"orig_labels": places, "target_labels": list(plan.labels.ids)}
    return [{"_target_": "MapLabelValued", **_PREDICTION, **renumbered}]


def _largest(ids: list[int]) -> list[Transform]:
    if not ids:
        return []
    kept = {"applied_labels": ids}
    return [{"_target_": "KeepLargestConnectedComponentd", **_PREDICTION, **kept}]


_SAVED = {
    "_target_": "SaveImaged",
    **_PREDICTION,
    "output_dir": "@output_dir",
    "output_ext": ".nii.gz",
    "output_postfix": "seg",
    "output_dtype": "uint16",
    "resample": False,
    "separate_folder": False,
}
