"""From a scan to its label map: the main job in one place."""

from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float32

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.plan import NormalisationKind, Plan
from medseg.core.prepared import Prepared
from medseg.core.progress import ProgressCallback, ignore_progress
from medseg.core.provenance import Provenance
from medseg.core.settings import InferenceSettings
from medseg.core.versions import package_versions
from medseg.core.volume import Segmentation, Volume
from medseg.inference import keep_largest_pieces, predict_logits, resolved_choice
from medseg.models import TrainedModel
from medseg.preprocessing import prepare, restore_labels, restore_probabilities

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
    return _Run.of(volume, model, settings, on_progress).segmentation


def segment_with_probabilities(
    volume: Volume,
    model: TrainedModel,
    settings: InferenceSettings = _DEFAULT,
    on_progress: ProgressCallback = ignore_progress,
) -> tuple[Segmentation, Volume]:
    """Label map of a scan, and the probability of each label at each voxel.

    The probabilities are a volume of float32 on the scan's own grid whose channels are
    "background" and the structures by ascending label, or the regions of a model that
    learned overlapping ones. It takes 4 bytes a voxel and
    channel.

    Args:
        volume: As in `segment`.
        model: As in `segment`.
        settings: As in `segment`.
        on_progress: As in `segment`.

    Raises:
        MedSegError: As `segment`.
        Cancelled: From `on_progress`.
    """
    run = _Run.of(volume, model, settings, on_progress)
    return run.segmentation, run.probabilities


@dataclass(frozen=True, eq=False, kw_only=True)
class _Run:
    """The networks' answer for one scan, before it is brought onto the scan's grid."""

    volume: Volume
    model: TrainedModel
    settings: InferenceSettings
    prepared: Prepared
    logits: Float32[torch.Tensor, "label i j k"]

    @classmethod
    def of(
        cls,
        volume: Volume,
        model: TrainedModel,
        settings: InferenceSettings,
        on_progress: ProgressCallback,
    ) -> "_Run":
        device, precision = resolved_choice(settings.device, settings.precision)
        settings = replace(settings, device=device, precision=precision)
        plan = model.info.plan
        prepared = prepare(volume, plan)
        try:
            logits = predict_logits(
                model.networks, prepared, plan, settings, on_progress
            )
        except torch.OutOfMemoryError:
            raise UnusableInput(
                ErrorCode.OUT_OF_MEMORY,
                f"the memory of {device} is too small for this scan",
                where=volume.case_id,
                remedy="Use --device cpu, or a GPU with more memory.",
            ) from None
        return cls(
            volume=volume,
            model=model,
            settings=settings,
            prepared=prepared,
            logits=logits,
        )

    @property
    def segmentation(self) -> Segmentation:
        plan = self.model.info.plan
        array = restore_labels(self.logits, self.prepared, plan)
        largest = self.model.info.largest_piece_only
        array = keep_largest_pieces(array, [plan.labels[name].id for name in largest])
        doubts = _doubts_on_scan(self.volume, plan)
        if not array.any():
            doubts += ("no structure was found",)
        return Segmentation(
            array=array,
            geometry=self.volume.geometry,
            labels=plan.labels,
            case_id=self.volume.case_id,
            provenance=_provenance(self.volume, self.model, self.settings, doubts),
        )

    @property
    def probabilities(self) -> Volume:
        plan = self.model.info.plan
        return Volume(
            array=restore_probabilities(self.logits, self.prepared, plan),
            geometry=self.volume.geometry,
            channels=plan.output_names,
            case_id=self.volume.case_id,
        )


def _doubts_on_scan(volume: Volume, plan: Plan) -> tuple[str, ...]:
    """What makes it unsure that the scan is of the model's modality."""
    doubts: tuple[str, ...] = ()
    if volume.channels == ("image",):
        doubts += (f"the file names no modality: taken for {plan.channels[0]}",)
    takes_ct = plan.normalisation[0].kind is NormalisationKind.CT
    if takes_ct and len(plan.channels) == 1 and volume.array.min() >= 0:
        doubts += ("no value is below 0, as air is in Hounsfield units: is it a CT?",)
    return doubts


def _provenance(
    volume: Volume,
    model: TrainedModel,
    settings: InferenceSettings,
    doubts: tuple[str, ...],
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
        notes=volume.notes + doubts,
        is_trained_on=model.info.training.has_seen(volume.sha256),
    )
