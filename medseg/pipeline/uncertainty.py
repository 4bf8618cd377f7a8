"""How unsure a model is of a scan: each network and mirrored copy by itself."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby
from operator import attrgetter

import numpy as np
import torch
from jaxtyping import Bool, Float32

from medseg.core.plan import Plan
from medseg.core.progress import ProgressCallback, ignore_progress
from medseg.core.scores import mean_of
from medseg.core.settings import InferenceSettings
from medseg.core.uncertainty import (
    DISAGREEMENT,
    ENTROPY,
    MIRROR_VARIANCE,
    StructureUncertainty,
    Uncertainty,
    means_by_structure,
)
from medseg.core.volume import LabelArray, Segmentation, Volume
from medseg.inference import keep_largest_pieces
from medseg.metrics.overlap import count_voxels
from medseg.models import TrainedModel
from medseg.pipeline.provenance import provenance_of, with_quality_notes
from medseg.pipeline.ready import DEFAULT_SETTINGS, Answer, ReadyModel
from medseg.pipeline.spread import OfNetwork, Spread, over_copies, over_networks
from medseg.preprocessing import labels_of

_SURE_FROM = 0.5


def uncertainty_of(
    volume: Volume,
    model: TrainedModel,
    settings: InferenceSettings = DEFAULT_SETTINGS,
    on_progress: ProgressCallback = ignore_progress,
) -> Uncertainty:
    """Entropy, disagreement of networks and variance over mirrored copies of a scan.

    Every network is run on every mirrored copy by itself, which computes no window more
    than `segment` does. Only sums are kept, and each network's label map.

    Args:
        volume: As in `segment`.
        model: As in `segment`; one with several networks tells more.
        settings: As in `segment`; `mirror` makes the copies.
        on_progress: As in `segment`.

    Raises:
        MedSegError: As `segment`.
        Cancelled: From `on_progress`.
    """
    ready = ReadyModel(model, settings)
    plan = model.info.plan
    found: list[_Found] = []
    answers = ready.answers(volume, on_progress)
    spread = over_networks(
        _networks(answers, plan, found), overlapping=bool(plan.regions)
    )
    labels = _labels(spread.mean, plan)
    if plan.labels.ids:
        largest = [plan.labels[name].id for name in model.info.largest_piece_only]
        labels = keep_largest_pieces(labels, largest)
    segmentation = Segmentation(
        array=labels,
        geometry=volume.geometry,
        labels=plan.labels,
        case_id=volume.case_id,
    )
    maps, mean = _maps(spread, volume), None if plan.regions else spread.mean
    made = provenance_of(segmentation, volume, model, ready.settings, None)
    structures = tuple(_structures(segmentation, maps, mean, found))
    if model.quality is not None:
        structures = model.quality.judged(structures)
        made = with_quality_notes(made, model.quality)
    return Uncertainty(
        segmentation=replace(segmentation, provenance=made),
        maps=maps,
        structures=structures,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Found:
    """What a network by itself finds.

    Attributes:
        labels: Its label map.
        expected_dice: Of each label it finds; none for overlapping regions.
    """

    labels: LabelArray
    expected_dice: Mapping[int, float]


def _networks(
    answers: Iterator[Answer], plan: Plan, found: list[_Found]
) -> Iterator[OfNetwork]:
    """Each network's answer; what it finds is put into a list."""
    for _, copies in groupby(answers, key=attrgetter("network")):
        each = over_copies(
            (copy.probabilities for copy in copies), overlapping=bool(plan.regions)
        )
        labels = _labels(each.mean, plan)
        expected = {} if plan.regions else _expected_by_label(each.mean, labels, plan)
        found.append(_Found(labels=labels, expected_dice=expected))
        yield each


def _expected_by_label(
    probabilities: Float32[np.ndarray, "output i j k"], labels: LabelArray, plan: Plan
) -> dict[int, float]:
    masks = {label: labels == label for label in plan.labels.ids}
    return {
        label: _expected_dice(probabilities[place], mask)
        for place, (label, mask) in enumerate(masks.items(), start=1)
        if mask.any()
    }


def _labels(
    probabilities: Float32[np.ndarray, "output i j k"], plan: Plan
) -> LabelArray:
    outputs_last = torch.from_numpy(probabilities).movedim(0, -1)
    return labels_of(outputs_last, plan, sure_from=_SURE_FROM)


def _maps(spread: Spread, volume: Volume) -> Volume:
    named = {
        ENTROPY: spread.entropy,
        DISAGREEMENT: spread.disagreement,
        MIRROR_VARIANCE: spread.mirror_variance,
    }
    there = {name: array for name, array in named.items() if array is not None}
    return Volume(
        array=np.stack(list(there.values())).astype(np.float16),
        geometry=volume.geometry,
        channels=tuple(there),
        case_id=volume.case_id,
    )


def _structures(
    segmentation: Segmentation,
    maps: Volume,
    mean: Float32[np.ndarray, "output i j k"] | None,
    found: Sequence[_Found],
) -> Iterator[StructureUncertainty]:
    """Each structure's figures; there is no mean where outputs are no structures."""
    structures = means_by_structure(segmentation, maps)
    label_maps = [each.labels for each in found]
    agreement = _pairwise_dice(label_maps, segmentation.labels.ids)
    for place, each in enumerate(structures, start=1):
        if not each.voxels:
            yield each
            continue
        inside = segmentation.array == each.label
        expected = None if mean is None else _expected_dice(mean[place], inside)
        network_dice = agreement.get(each.label)
        of_networks = [e.expected_dice.get(each.label) for e in found]
        yield replace(
            each,
            expected_dice=expected,
            network_dice=network_dice,
            single_expected_dice=mean_of(of_networks),
        )


def _expected_dice(
    probability: Float32[np.ndarray, "i j k"], inside: Bool[np.ndarray, "i j k"]
) -> float:
    shared = float(probability[inside].sum(dtype=np.float64))
    total = float(probability.sum(dtype=np.float64))
    return 2 * shared / (total + np.count_nonzero(inside))


def _pairwise_dice(
    found: Sequence[LabelArray], labels: Sequence[int]
) -> dict[int, float]:
    """Mean Dice of each label between any two networks, where any finds it."""
    pairs = [count_voxels(a, b) for a, b in combinations(found, 2)]
    means = {label: mean_of(each.of(label).dice for each in pairs) for label in labels}
    return {label: mean for label, mean in means.items() if mean is not None}
