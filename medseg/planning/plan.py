"""Fingerprint -> Plan, after nnU-Net's rules (Isensee et al., 2021 and 2024).

Differences: only the left-right axis is mirrored, and only where no structure is named
by its side, since a mirrored patient is a plausible one and an upside-down patient is
not; the tiny preset also limits the voxels of a scan, a patch and a step, as time on a
CPU follows them.
"""

import math
import re
from collections.abc import Sequence

import numpy as np

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import Shape3
from medseg.core.labels import LabelSet
from medseg.core.plan import (
    MOST_STRUCTURES,
    Architecture,
    Fingerprint,
    Normalisation,
    NormalisationKind,
    Plan,
)
from medseg.core.settings import TrainingSettings
from medseg.planning.budget import Budget, blocks_of, budget_of
from medseg.planning.spacing import coarsened, median_shape, target_spacing
from medseg.planning.topology import Topology, fitting_topology

_RARE = 1 / 3
_BY_CHANNEL_NAME = {
    "ct": NormalisationKind.CT,
    "nonorm": NormalisationKind.NONE,
    "rescale_to_0_1": NormalisationKind.MIN_MAX,
    "rgb_to_0_1": NormalisationKind.MIN_MAX,
}
_BLOCKS_WHY = {
    Architecture.RESIDUAL_UNET: "residual blocks, as in nnU-Net's residual encoder",
    Architecture.SEGRESNET: "residual blocks, as SegResNet has by default",
}


def make_plan(
    fingerprint: Fingerprint,
    channels: tuple[str, ...],
    labels: LabelSet,
    settings: TrainingSettings,
) -> Plan:
    """Everything the data decide, and the user in their place; each with its reason.

    Args:
        fingerprint: What the dataset looks like.
        channels: Name of each input channel.
        labels: The structures.
        settings: Preset, architecture, memory and device, batch size, mirroring. On a
            CPU the memory is that of a step in 32 bits, on any other device a GPU's.

    Raises:
        UnusableInput: INVALID_DATASET when there are more structures than label
            indices.
        WrongUse: INVALID_OPTION when the memory is less than any network takes.
    """
    _require_few(labels)
    preset = settings.preset
    budget = budget_of(
        preset,
        settings.architecture,
        settings.memory_gib,
        is_on_cpu=settings.device == "cpu",
    )
    fine_mm, spacing_why = target_spacing(fingerprint)
    fine_shape = median_shape(fingerprint, fine_mm)
    spacing_mm = coarsened(fine_mm, fine_shape, budget.volume_voxels)
    if spacing_mm != fine_mm:
        spacing_why += f", coarser for about {budget.volume_voxels} voxels a scan"
    median = median_shape(fingerprint, spacing_mm)
    topology = fitting_topology(median, spacing_mm, budget)
    dataset_voxels = float(len(fingerprint.shapes) * math.prod(median))
    batch, batch_why = (
        _batch(topology, dataset_voxels, budget)
        if settings.batch_size is None
        else (settings.batch_size, "as asked for")
    )
    mirror_axes, mirror_why = mirroring(labels, settings)
    reasons = (
        ("spacing_mm", spacing_why),
        ("architecture", _architecture_why(settings)),
        *_network_reasons(topology, median, batch, budget),
        ("blocks", _BLOCKS_WHY.get(budget.architecture, "two a level")),
        ("batch_size", batch_why),
        ("widths", f"at most {max(budget.widths)}, preset {preset}"),
        ("normalisation", "by the channel's name: foreground percentiles for CT"),
        ("mirror_axes", mirror_why),
        *_rare(fingerprint, labels, topology.patch, median, spacing_mm, settings),
    )
    return Plan(
        channels=channels,
        labels=labels,
        architecture=budget.architecture,
        spacing_mm=spacing_mm,
        patch_shape=topology.patch,
        batch_size=batch,
        normalisation=_normalisation(channels, fingerprint),
        widths=topology.widths,
        blocks=blocks_of(budget.architecture, len(topology.widths)),
        kernels=topology.kernels,
        strides=topology.strides,
        mirror_axes=mirror_axes,
        reasons=reasons,
    )


def mirroring(
    labels: LabelSet, settings: TrainingSettings
) -> tuple[tuple[int, ...], str]:
    """Axes along which patients may be mirrored, and why."""
    if labels.is_lateral:
        return (), "none: a structure is named by its side"
    if not settings.mirror:
        return (), "none: switched off"
    return (0,), "left-right: no structure is named by its side"


def _require_few(labels: LabelSet) -> None:
    if len(labels) > MOST_STRUCTURES:
        raise UnusableInput(
            ErrorCode.INVALID_DATASET,
            f"{len(labels)} structures are more than a network here tells apart",
            where="labels",
            remedy=f"Join or leave out some, down to {MOST_STRUCTURES}.",
        )


def _batch(
    topology: Topology, dataset_voxels: float, budget: Budget
) -> tuple[int, str]:
    """Patches a step: what the memory holds, two or more. And why."""
    patch_voxels = math.prod(topology.patch)
    batch = round(budget.memory.features(budget.gib) / topology.features)
    why = f"what {budget.gib:g} GiB hold"
    if budget.batch_voxels is not None:
        by_voxels = min(8, round(budget.batch_voxels / patch_voxels))
        if by_voxels < batch:
            batch, why = by_voxels, f"about {budget.batch_voxels} voxels a step"
    covering = round(budget.covered * dataset_voxels / patch_voxels)
    if covering < batch:
        batch, why = covering, f"{budget.covered:.0%} of the dataset's voxels"
    return (batch, why) if batch >= 2 else (2, "the least there is")


def _architecture_why(settings: TrainingSettings) -> str:
    is_named = settings.architecture is not None
    return "as asked for" if is_named else "the preset's unless another is named"


def _network_reasons(
    topology: Topology, median: Shape3, batch: int, budget: Budget
) -> Sequence[tuple[str, str]]:
    features = topology.features * batch
    gib, on_cpu = budget.memory.gib(features), budget.gib_on_cpu(features)
    takes = f"{gib:.1f} GiB of the {budget.gib:g} allowed"
    if on_cpu > gib:
        takes += f" on a GPU, {on_cpu:.1f} GiB on a CPU"
    return (
        (
            "patch_shape",
            f"of the median {median}; a step takes about {takes}",
        ),
        ("strides", f"halved while an edge keeps {budget.smallest_edge} voxels"),
        ("kernels", "1 along an axis at least twice as coarse as the finest, else 3"),
    )


def _rare(
    fingerprint: Fingerprint,
    labels: LabelSet,
    patch: Shape3,
    median: Shape3,
    spacing_mm: Sequence[float],
    settings: TrainingSettings,
) -> Sequence[tuple[str, str]]:
    """Structures that most patches at random would miss.

    A patch anywhere in the scan meets a cube of the structure's volume with the chance
    of their centres being near enough along each axis.
    """
    missed = []
    for name, volume_ml in zip(
        labels.names, fingerprint.structure_volumes_ml, strict=True
    ):
        edge = (volume_ml * 1000) ** (1 / 3) / np.array(spacing_mm)
        places = np.maximum(np.array(median) - patch + 1, 1)
        chance = float(np.prod(np.minimum(1, (np.array(patch) + edge) / places)))
        if volume_ml > 0 and chance < _RARE:
            missed.append(f"{name} ({volume_ml:.2g} ml, 1 patch in {1 / chance:.0f})")
    if not missed:
        return ()
    so = (
        "so patches are drawn round them"
        if settings.foreground_share > 0
        else "and no patches are drawn round them"
    )
    why = f"seldom in patches at random, {so}: "
    return (("small structures", why + ", ".join(missed)),)


def _normalisation(
    channels: tuple[str, ...], fingerprint: Fingerprint
) -> tuple[Normalisation, ...]:
    return tuple(
        Normalisation(kind=_kind_of(channel), statistics=statistics)
        for channel, statistics in zip(channels, fingerprint.intensities, strict=True)
    )


def _kind_of(channel: str) -> NormalisationKind:
    """As nnU-Net reads a channel's name; any other is a z-score, as there.

    Channels of one name are told apart by a number after it.
    """
    name = re.sub(r" \d+$", "", channel).casefold()
    return _BY_CHANNEL_NAME.get(name, NormalisationKind.Z_SCORE)
