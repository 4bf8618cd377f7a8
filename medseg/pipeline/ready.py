"""A model made ready to be run on one scan after the other."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from threading import Lock

import numpy as np
from jaxtyping import Bool, Float16

from medseg.core.centre_maps import CentreMaps
from medseg.core.plan import Plan
from medseg.core.prepared import Prepared
from medseg.core.progress import ProgressCallback, ignore_progress, in_stage
from medseg.core.settings import InferenceSettings, Precision
from medseg.core.uncertainty import (
    DISAGREEMENT,
    ENTROPY,
    MIRROR_VARIANCE,
    StructureUncertainty,
    means_by_structure,
)
from medseg.core.volume import Segmentation, Volume
from medseg.inference import (
    Asked,
    Runner,
    keep_largest_pieces,
    resolved_choice,
    stream_of_ready,
    with_margin,
)
from medseg.models import TrainedModel
from medseg.networks import require_quantisable
from medseg.pipeline.centres import HeadRows
from medseg.pipeline.confining import confined
from medseg.pipeline.memory_errors import memory_errors
from medseg.pipeline.provenance import provenance_of, with_quality_notes
from medseg.preprocessing import (
    LABELS_ONLY,
    Expectation,
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
        centres: What the model's instance head says, if it has one.
    """

    wanted: Wanted = LABELS_ONLY
    region: Segmentation | None = None
    centres: bool = False


LABELS_EVERYWHERE = Request()


@dataclass(frozen=True, eq=False, kw_only=True)
class Prediction:
    """A model's answer for one scan, on the scan's own grid but for the centres.

    Attributes:
        segmentation: The label map.
        probabilities: float16; the channels are "background" and the structures by
            ascending label, or the regions of a model that learned overlapping ones.
        uncertainty: float16, 0 to 1; the channels are "entropy", where the model has
            several networks "disagreement", and "mirror variance" where that was asked
            for and copies are mirrored.
        structures: How unsure the model is of each, where uncertainty was asked for.
        centres: What the model's instance head says, for `separate_instances`.
    """

    segmentation: Segmentation
    probabilities: Volume | None = None
    uncertainty: Volume | None = None
    structures: tuple[StructureUncertainty, ...] = ()
    centres: CentreMaps | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Answer:
    """What one network says of one mirrored copy of a scan, turned back.

    Attributes:
        network: Its place in the model.
        probabilities: Of each of the plan's outputs, on the scan's own grid.
    """

    network: int
    probabilities: Float16[np.ndarray, "output i j k"]


class ReadyModel:
    """A model for many scans: its networks are brought into their quick form once.

    Args:
        model: From `load_model`.
        settings: As in `segment`.

    Raises:
        WrongUse: NO_SUCH_DEVICE; INVALID_OPTION for a number format that the device or
            the networks cannot compute in.
    """

    def __init__(
        self, model: TrainedModel, settings: InferenceSettings = DEFAULT_SETTINGS
    ) -> None:
        device, precision = resolved_choice(settings.device, settings.precision)
        if precision is Precision.INT8:
            for network in model.networks:
                require_quantisable(network)
        self.model = model
        self.settings = replace(settings, device=device, precision=precision)
        stage = model.first_stage
        self._first_stage = None if stage is None else ReadyModel(stage, settings)
        self._made: Runner | None = None  # at the first scan, which may be too large
        self._lock = Lock()

    def predict(
        self,
        volume: Volume,
        on_progress: ProgressCallback = ignore_progress,
        request: Request = LABELS_EVERYWHERE,
    ) -> Prediction:
        """Label map of a scan, and what else is asked for; one scan at a time.

        Of several threads one waits for the other.

        Args:
            volume: As in `segment`.
            on_progress: As in `segment`.
            request: What else, and where.

        Raises:
            MedSegError: As `segment`.
            Cancelled: From `on_progress`.
        """
        plan = self.model.info.plan
        with memory_errors(volume):
            prepared = self._prepared(volume, on_progress)
            asked = asked_of(request, prepared, self.model, self.settings)
            with self._lock:
                runner = self._runner()
                slabs = stream_of_ready(runner, prepared, asked, on_progress)
                head = HeadRows(prepared, plan, is_kept=request.centres)
                copies = len(runner.mirrors) if asked.copies else 1
                rows = head.passed(slabs)
                found = restored(rows, prepared, plan, request.wanted, copies)
            found = confined(found, request.region, self.settings.margin_mm, plan)
        made = _segmentation(found, volume, self.model)
        how = provenance_of(made, volume, self.model, self.settings, request.region)
        unsure = _uncertainty(found, volume)
        if unsure is not None:
            how = with_quality_notes(how, self.model.quality)
        return Prediction(
            segmentation=replace(made, provenance=how),
            probabilities=_probabilities(found, volume, plan),
            uncertainty=unsure,
            structures=self._judged(_structures(made, unsure, found.expectation)),
            centres=head.maps(),
        )

    def answers(
        self, volume: Volume, on_progress: ProgressCallback = ignore_progress
    ) -> Iterator[Answer]:
        """What every network says of every mirrored copy, network after network.

        Of several threads one waits for the other, from one answer to the next.

        Args:
            volume: As in `segment`.
            on_progress: As in `segment`.

        Raises:
            MedSegError: As `segment`.
            Cancelled: From `on_progress`.
        """
        plan, wanted = self.model.info.plan, Wanted(probabilities=True)
        with memory_errors(volume):
            prepared = self._prepared(volume, on_progress)
            with self._lock:
                singles = self._runner().singles()
        for done, (network, runner) in enumerate(singles, start=1):
            told = in_stage(on_progress, f"copy {done} of {len(singles)}")
            with memory_errors(volume), self._lock:
                slabs = stream_of_ready(runner, prepared, on_progress=told)
                head = HeadRows(prepared, plan, is_kept=False)
                found = restored(head.passed(slabs), prepared, plan, wanted)
            if found.probabilities is None:
                raise RuntimeError("probabilities were asked for")
            yield Answer(network=network, probabilities=found.probabilities)

    def _judged(
        self, structures: tuple[StructureUncertainty, ...]
    ) -> tuple[StructureUncertainty, ...]:
        quality = self.model.quality
        return structures if quality is None else quality.judged(structures)

    def _runner(self) -> Runner:
        if self._made is None:
            networks, plan = self.model.networks, self.model.info.plan
            self._made = Runner.ready(networks, plan, self.settings)
        return self._made

    def _prepared(self, volume: Volume, on_progress: ProgressCallback) -> Prepared:
        """What the networks take, with the answer of a first stage if there is one."""
        plan = self.model.info.plan
        prepared = prepare(volume, plan)
        if self._first_stage is None:
            return prepared
        told = in_stage(on_progress, "first stage")
        coarse = self._first_stage.predict(volume, told).segmentation
        return prepare_first_stage(coarse, prepared, plan, volume)


def asked_of(
    request: Request,
    prepared: Prepared,
    model: TrainedModel,
    settings: InferenceSettings,
) -> Asked:
    """What a request asks of the networks."""
    wanted, plan = request.wanted, model.info.plan
    return Asked(
        members=wanted.uncertainty and len(model.networks) > 1,
        copies=wanted.mirror_variance and settings.mirror and bool(plan.mirror_axes),
        region=_region_on(request.region, prepared, plan, settings),
    )


def _region_on(
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
    named = {
        ENTROPY: found.entropy,
        DISAGREEMENT: found.disagreement,
        MIRROR_VARIANCE: found.mirror_variance,
    }
    there = {name: array for name, array in named.items() if array is not None}
    if not there:
        return None
    return Volume(
        array=np.stack(list(there.values())),
        geometry=volume.geometry,
        channels=tuple(there),
        case_id=volume.case_id,
    )


def _structures(
    segmentation: Segmentation, maps: Volume | None, expectation: Expectation | None
) -> tuple[StructureUncertainty, ...]:
    if maps is None:
        return ()
    means = means_by_structure(segmentation, maps)
    if expectation is None:
        return means
    return tuple(
        replace(each, single_expected_dice=expectation.of_output(output))
        if each.voxels
        else each
        for output, each in enumerate(means, start=1)
    )
