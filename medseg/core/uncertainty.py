"""How unsure a model is of a scan, voxel by voxel and structure by structure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from medseg.core.text_table import aligned, number
from medseg.core.volume import Segmentation, Volume

ENTROPY, DISAGREEMENT, MIRROR_VARIANCE = "entropy", "disagreement", "mirror variance"


@dataclass(frozen=True, kw_only=True)
class StructureUncertainty:
    """One structure, all figures from 0 to 1 and None where it is found nowhere.

    Attributes:
        structure: Name.
        label: Number in the label map.
        voxels: Where it was found.
        expected_dice: 2 sum(p m) / (sum(p) + sum(m)) with p its probability at each
            voxel and m 1 where it was found: what Dice would be, were the probabilities
            right. None for a model of overlapping regions.
        mean_entropy: Where it was found.
        mean_disagreement: Likewise; None for a model with one network.
        mean_mirror_variance: Likewise; None where nothing was mirrored.
        network_dice: Mean Dice between what any two of the model's networks find; None
            for one network, or where none of them finds it.
        single_expected_dice: What a network by itself expects, as `expected_dice` of
            its own probabilities and of what it finds before pieces are left out; mean
            over the networks that find it. None for overlapping regions.
        predicted_dice: By the model's quality score; None without one.
    """

    structure: str
    label: int
    voxels: int
    expected_dice: float | None = None
    mean_entropy: float | None = None
    mean_disagreement: float | None = None
    mean_mirror_variance: float | None = None
    network_dice: float | None = None
    single_expected_dice: float | None = None
    predicted_dice: float | None = None

    @property
    def single_entropy(self) -> float | None:
        """Mean entropy of a network by itself, where the structure was found."""
        if self.mean_entropy is None or self.mean_disagreement is None:
            return self.mean_entropy
        return self.mean_entropy - self.mean_disagreement


@dataclass(frozen=True, eq=False, kw_only=True)
class Uncertainty:
    """How unsure a model is of a scan.

    Attributes:
        segmentation: Labels by the mean probabilities of all networks and mirrored
            copies. `medseg.segment` averages before probabilities are taken: a few
            voxels at borders may differ.
        maps: float16, 0 to 1. Channel "entropy": of the mean probabilities, as a share
            of the largest there can be (so neither nats nor bits). "disagreement", for
            several networks: that entropy less the mean of each network's own, the
            mutual information of Houlsby et al. (2011). "mirror variance", where copies
            are mirrored: the variance of a network's probabilities over its copies,
            summed over labels, as a share of the largest there can be; of several
            networks the mean.
        structures: One a structure, by ascending label.
    """

    segmentation: Segmentation
    maps: Volume
    structures: tuple[StructureUncertainty, ...]

    def __getitem__(self, structure: str) -> StructureUncertainty:
        for each in self.structures:
            if each.structure == structure:
                return each
        names = ", ".join(each.structure for each in self.structures)
        raise KeyError(f"no structure {structure!r}; there are {names}")

    def table(self) -> str:
        """The structures as plain text, columns aligned."""
        header = ["structure", "voxels", "expected_dice", "network_dice"]
        lines = [
            [
                *(each.structure, str(each.voxels)),
                *(number(each.expected_dice, 3), number(each.network_dice, 3)),
                number(each.mean_entropy, 4),
                number(each.mean_disagreement, 4),
                number(each.mean_mirror_variance, 4),
            ]
            for each in self.structures
        ]
        maps = ["entropy", "disagreement", "mirror_variance"]
        return aligned([*header, *maps], lines, left=1)


def means_by_structure(
    segmentation: Segmentation, maps: Volume
) -> tuple[StructureUncertainty, ...]:
    """Means of uncertainty maps over each structure of a label map.

    Args:
        segmentation: On the maps' grid.
        maps: Channels as of `Uncertainty`; others are not looked at.
    """
    size = max(segmentation.labels.ids, default=0) + 1
    voxels = np.zeros(size, np.int64)
    sums = np.zeros((len(maps.channels), size))
    for i, plane in enumerate(segmentation.array):  # bincount takes 8 bytes a voxel
        labels = plane.ravel()
        voxels += np.bincount(labels, minlength=size)
        for place, channel in enumerate(maps.array):
            sums[place] += np.bincount(labels, channel[i].ravel(), size)

    def mean(channel: str, label: int) -> float | None:
        if channel not in maps.channels or not voxels[label]:
            return None
        return float(sums[maps.channels.index(channel), label] / voxels[label])

    return tuple(
        StructureUncertainty(
            structure=each.name,
            label=each.id,
            voxels=int(voxels[each.id]),
            mean_entropy=mean(ENTROPY, each.id),
            mean_disagreement=mean(DISAGREEMENT, each.id),
            mean_mirror_variance=mean(MIRROR_VARIANCE, each.id),
        )
        for each in segmentation.labels
    )


def carried_over(
    structures: Sequence[StructureUncertainty], now: Sequence[StructureUncertainty]
) -> tuple[StructureUncertainty, ...]:
    """Means over a label map that was changed, with what was known of it before.

    What networks expected by themselves, and the Dice predicted from it, is kept of
    structures that are still there.

    Args:
        structures: Of the label map before.
        now: From `means_by_structure` of the label map as it is.
    """
    before = {each.structure: each for each in structures}
    return tuple(
        replace(
            each,
            single_expected_dice=before[each.structure].single_expected_dice,
            predicted_dice=before[each.structure].predicted_dice,
        )
        if each.voxels and each.structure in before
        else each
        for each in now
    )
