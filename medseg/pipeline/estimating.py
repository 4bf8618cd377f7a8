"""How long a model would take over a scan, and in how much memory."""

import time
from dataclasses import replace

import numpy as np

from medseg.core.estimate import Estimate
from medseg.core.prepared import Prepared
from medseg.core.progress import (
    Progress,
    ProgressCallback,
    ignore_progress,
    in_stage,
)
from medseg.core.settings import InferenceSettings
from medseg.core.volume import Volume
from medseg.inference import free_bytes, measure, resolved_choice
from medseg.models import TrainedModel
from medseg.pipeline.memory_errors import memory_errors
from medseg.pipeline.ready import LABELS_EVERYWHERE, Request, asked_of
from medseg.preprocessing import prepare

DEFAULT_SETTINGS = InferenceSettings()


def estimate(
    volume: Volume,
    model: TrainedModel,
    settings: InferenceSettings = DEFAULT_SETTINGS,
    on_progress: ProgressCallback = ignore_progress,
    request: Request = LABELS_EVERYWHERE,
) -> Estimate:
    """Prepare a scan, run a few windows, and reckon from them what all would take.

    Args:
        volume: As in `segment`.
        model: As in `segment`.
        settings: As in `segment`.
        on_progress: Called between the steps; may raise `Cancelled`.
        request: As in `predict`. Uncertainty keeps the sums of each network, or of
            each mirrored copy; what is given back in main memory is left out.

    Raises:
        MedSegError: As `segment`.
        Cancelled: From `on_progress`.
    """
    device, precision = resolved_choice(settings.device, settings.precision)
    settings = replace(settings, device=device, precision=precision, compile=False)
    on_progress(Progress(stage="estimating", done=0, total=2))
    start = time.perf_counter()
    with memory_errors(volume):
        prepared = prepare(volume, model.info.plan)
    seconds = 2 * (time.perf_counter() - start)  # bringing labels back takes as long
    on_progress(Progress(stage="estimating", done=1, total=2))
    if model.first_stage is not None:
        prepared = _with_blank_structures(prepared, model.first_stage)
        told = in_stage(on_progress, "first stage")
        seconds += estimate(volume, model.first_stage, settings, told).seconds
    with memory_errors(volume):
        asked = asked_of(request, prepared, model, settings)
        taken = measure(model.networks, prepared, model.info.plan, settings, asked)
    on_progress(Progress(stage="estimating", done=2, total=2))
    return Estimate(
        device=device,
        precision=precision,
        windows=taken.windows,
        seconds=seconds + taken.seconds,
        memory_bytes=taken.device_bytes,
        free_bytes=free_bytes(device),
    )


def _with_blank_structures(prepared: Prepared, first_stage: TrainedModel) -> Prepared:
    """The scan with room for what the first stage would find."""
    return replace(
        prepared,
        first_stage=np.zeros(prepared.image.shape[1:], np.uint8),
        first_stage_structures=len(first_stage.info.plan.labels),
    )
