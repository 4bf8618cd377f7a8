"""From a scan to its label map: the main job in one place."""

from dataclasses import fields, replace

import torch

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.progress import ProgressCallback, ignore_progress
from medseg.core.provenance import Provenance
from medseg.core.settings import InferenceSettings
from medseg.core.versions import package_versions
from medseg.core.volume import Segmentation, Volume
from medseg.inference import predict_logits, resolved_choice
from medseg.models import TrainedModel
from medseg.preprocessing import prepare, restore_labels

_DEFAULT = InferenceSettings()


def segment(
    volume: Volume,
    model: TrainedModel,
    settings: InferenceSettings = _DEFAULT,
    on_progress: ProgressCallback = ignore_progress,
) -> Segmentation:
    """Label map of a scan, on the scan's own grid.

    Args:
        volume: The scan, of the modality and channels the model was trained on.
        model: From `load_model`.
        settings: Device, precision, overlap of windows, mirroring.
        on_progress: Called after every window; may raise `Cancelled`.

    Raises:
        UnusableInput: CHANNEL_MISMATCH when scan and model do not fit.
        UnusableInput: OUT_OF_MEMORY on a GPU.
        WrongUse: NO_SUCH_DEVICE.
        Cancelled: From `on_progress`.
    """
    device, precision = resolved_choice(settings.device, settings.precision)
    settings = replace(settings, device=device, precision=precision)
    plan = model.info.plan
    prepared = prepare(volume, plan)
    try:
        logits = predict_logits(model.networks, prepared, plan, settings, on_progress)
    except torch.OutOfMemoryError:
        raise UnusableInput(
            ErrorCode.OUT_OF_MEMORY,
            f"the memory of {device} is too small for this scan",
            where=volume.case_id,
            remedy="Use --device cpu, or a GPU with more memory.",
        ) from None
    return Segmentation(
        array=restore_labels(logits, prepared, plan),
        geometry=volume.geometry,
        labels=plan.labels,
        case_id=volume.case_id,
        provenance=_provenance(volume, model, settings),
    )


def _provenance(
    volume: Volume, model: TrainedModel, settings: InferenceSettings
) -> Provenance:
    return Provenance(
        case_id=volume.case_id,
        input_sha256=volume.sha256,
        model=model.info.name,
        model_sha256=model.sha256,
        versions=package_versions(),
        settings=tuple(
            (field.name, str(getattr(settings, field.name)))
            for field in fields(settings)
        ),
        notes=volume.notes,
    )
