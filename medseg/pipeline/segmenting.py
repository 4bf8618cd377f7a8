"""One model on one scan."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.plan import Plan
from medseg.core.prepared import Prepared
from medseg.core.progress import ProgressCallback, ignore_progress, in_stage
from medseg.core.settings import InferenceSettings
from medseg.core.volume import Segmentation, Volume
from medseg.inference import (
    Asked,
    is_out_of_memory,
    keep_largest_pieces,
    resolved_choice,
    stream_logits,
    with_margin,
)
from medseg.models import TrainedModel
from medseg.pipeline.provenance import provenance_of
from medseg.preprocessing import (
    LABELS_ONLY,
    Restored,
    Wanted,
    margin_voxels,
    prepare,
    prepare_first_stage,
    prepare_region,
    restored,
)

DEFAULT_SETTINGS = InferenceSettings()


@dataclass(frozen=True, eq=False, kw_only=True)
class Request:
    """What is asked for beside the label map, and where.

    Attributes:
        wanted: Probabilities, uncertainty.
        region: Label map of the scan, from a coarser model: only near its structures
            (`InferenceSettings.margin_mm`) anything is looked for. None for the whole
            scan.
    """

    wanted: Wanted = LABELS_ONLY
    region: Segmentation | None = None


LABELS_EVERYWHERE = Request()


@dataclass(frozen=True, eq=False, kw_only=True)
class Prediction:
    """A model's answer for one scan, all of it on the scan's own grid.

    Attributes:
        segmentation: The label map.
        probabilities: float16; the channels are "background" and the structures by
            ascending label, or the regions of a model that learned overlapping ones.
        uncertainty: float16, 0 to 1; the channels are "entropy" and, where the model
            has several networks, "disagreement".
    """

    segmentation: Segmentation
    probabilities: Volume | None = None
    uncertainty: Volume | None = None


def segment(
    volume: Volume,
    model: TrainedModel,
    settings: InferenceSettings = DEFAULT_SETTINGS,
    on_progress: ProgressCallback = ignore_progress,
    region: Segmentation | None = None,
) -> Segmentation:
    """Label map of a scan, on the scan's own grid.

    Args:
        volume: The scan, of the modality and channels the model was trained on.
        model: From `load_model`.
        settings: Device, precision, overlap of windows, mirroring, what is left out.
        on_progress: Called after every window; may raise `Cancelled`.
        region: Label map of the scan, from a coarser model; all that is further than
            the settings' margin from its structures is background.

    Raises:
        UnusableInput: CHANNEL_MISMATCH when scan and model do not fit; GRID_MISMATCH
            when scan and region do not; OUT_OF_MEMORY when there is too little, even
            with one window at a time and everything else in a temporary file.
        WrongUse: NO_SUCH_DEVICE.
        Cancelled: From `on_progress`.
    """
    request = Request(region=region)
    return predict(volume, model, settings, on_progress, request).segmentation


def segment_with_probabilities(
    volume: Volume,
    model: TrainedModel,
    settings: InferenceSettings = DEFAULT_SETTINGS,
    on_progress: ProgressCallback = ignore_progress,
) -> tuple[Segmentation, Volume]:
    """Label map of a scan, and the probability of each label at each voxel.

    The probabilities are as those of `Prediction`: 2 bytes a voxel and channel.

    Args:
        volume: As in `segment`.
        model: As in `segment`.
        settings: As in `segment`.
        on_progress: As in `segment`.

    Raises:
        MedSegError: As `segment`.
        Cancelled: From `on_progress`.
    """
    request = Request(wanted=Wanted(probabilities=True))
    made = predict(volume, model, settings, on_progress, request)
    if made.probabilities is None:
        raise RuntimeError("probabilities were asked for")
    return made.segmentation, made.probabilities


def predict(
    volume: Volume,
    model: TrainedModel,
    settings: InferenceSettings = DEFAULT_SETTINGS,
    on_progress: ProgressCallback = ignore_progress,
    request: Request = LABELS_EVERYWHERE,
) -> Prediction:
    """Label map of a scan, and what else is asked for.

    Args:
        volume: As in `segment`.
        model: As in `segment`.
        settings: As in `segment`.
        on_progress: As in `segment`.
        request: What else, and where.

    Raises:
        MedSegError: As `segment`.
        Cancelled: From `on_progress`.
    """
    device, precision = resolved_choice(settings.device, settings.precision)
    settings = replace(settings, device=device, precision=precision)
    with _memory_errors(volume):
        prepared = _prepared(volume, model, settings, on_progress)
        asked = Asked(
            members=request.wanted.uncertainty and len(model.networks) > 1,
            region=region_on(request.region, prepared, model.info.plan, settings),
        )
        slabs = stream_logits(
            model.networks, prepared, model.info.plan, settings, asked, on_progress
        )
        found = restored(slabs, prepared, model.info.plan, request.wanted)
    segmentation = _segmentation(found, volume, model)
    made = provenance_of(segmentation, volume, model, settings, request.region)
    return Prediction(
        segmentation=replace(segmentation, provenance=made),
        probabilities=_probabilities(found, volume, model.info.plan),
        uncertainty=_uncertainty(found, volume),
    )


def _prepared(
    volume: Volume,
    model: TrainedModel,
    settings: InferenceSettings,
    on_progress: ProgressCallback,
) -> Prepared:
    """What the model's networks take, with the answer of its first stage if it has."""
    prepared = prepare(volume, model.info.plan)
    if model.first_stage is None:
        return prepared
    told = in_stage(on_progress, "first stage")
    coarse = predict(volume, model.first_stage, settings, told).segmentation
    structures = prepare_first_stage(coarse, prepared, model.info.plan)
    return replace(prepared, image=np.concatenate([prepared.image, structures]))


def region_on(
    region: Segmentation | None,
    prepared: Prepared,
    plan: Plan,
    settings: InferenceSettings,
) -> Bool[np.ndarray, "i j k"] | None:
    """Where anything is looked for on the network's grid; None for everywhere."""
    if region is None:
        return None
    margin = margin_voxels(settings.margin_mm, prepared, plan)
    return with_margin(prepare_region(region, prepared, plan), margin)


def _segmentation(found: Restored, volume: Volume, model: TrainedModel) -> Segmentation:
    labels, largest = model.info.plan.labels, model.info.largest_piece_only
    return Segmentation(
        array=keep_largest_pieces(found.labels, [labels[name].id for name in largest]),
        geometry=volume.geometry,
        labels=labels,
        case_id=volume.case_id,
    )


def _probabilities(found: Restored, volume: Volume, plan: Plan) -> Volume | None:
    if found.probabilities is None:
        return None
    return Volume(
        array=found.probabilities,
        geometry=volume.geometry,
        channels=plan.output_names,
        case_id=volume.case_id,
    )


def _uncertainty(found: Restored, volume: Volume) -> Volume | None:
    named = {"entropy": found.entropy, "disagreement": found.disagreement}
    there = {name: array for name, array in named.items() if array is not None}
    if not there:
        return None
    return Volume(
        array=np.stack(list(there.values())),
        geometry=volume.geometry,
        channels=tuple(there),
        case_id=volume.case_id,
    )


@contextmanager
def _memory_errors(volume: Volume) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise UnusableInput(
            ErrorCode.OUT_OF_MEMORY,
            "there is too little memory for this scan, on the device or at all",
            where=volume.case_id,
            remedy="Close other programs, use --device cpu, or a machine with more.",
        ) from None
