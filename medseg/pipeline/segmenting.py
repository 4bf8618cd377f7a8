"""One model on one scan."""

from medseg.core.progress import ProgressCallback, ignore_progress
from medseg.core.settings import InferenceSettings
from medseg.core.volume import Segmentation, Volume
from medseg.models import TrainedModel
from medseg.pipeline.ready import (
    DEFAULT_SETTINGS,
    LABELS_EVERYWHERE,
    Prediction,
    ReadyModel,
    Request,
)
from medseg.preprocessing import Wanted


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
    return ReadyModel(model, settings).predict(volume, on_progress, request)
