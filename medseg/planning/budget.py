"""How much memory a training step takes, and how much of it a preset may have."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.geometry import Shape3
from medseg.core.plan import Architecture
from medseg.core.settings import Preset

_GIB = 2**30


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Memory of a training step as a line over the outputs of its convolutions.

    Attributes:
        fixed_gib: Whatever the patch: weights, optimiser, libraries.
        bytes_a_feature: For each number that a convolution gives out.
    """

    fixed_gib: float
    bytes_a_feature: float

    def gib(self, features: float) -> float:
        """GiB of a step with so many convolution outputs."""
        return self.fixed_gib + self.bytes_a_feature * features / _GIB

    def features(self, gib: float) -> float:
        """Convolution outputs that fit."""
        return (gib - self.fixed_gib) * _GIB / self.bytes_a_feature


# Through nnU-Net's published figures for 16-bit training on a GPU: 8, 9.1 and 22.7 GB
# for 2 x 5.6e8, 2 x 6.8e8 and 2 x 21e8 features (Isensee et al., 2024).
_GPU = Memory(fixed_gib=2.4, bytes_a_feature=5.2)
# Measured for 32-bit training without torch.compile; see docs/training.md.
_CPU = Memory(fixed_gib=0.5, bytes_a_feature=12.0)

# Peak of a step over the U-Net's on the same patch, measured; see docs/training.md.
_OVER_UNET = {
    Architecture.UNET: 1.0,
    Architecture.RESIDUAL_UNET: 1.0,  # its features are counted themselves
    Architecture.SEGRESNET: 1.6,
    Architecture.SWIN_UNETR: 5.7,
    Architecture.MEDNEXT: 3.3,
    Architecture.FCN: 0.75,
    Architecture.DEEPLAB: 0.7,
}
_RESIDUAL_BLOCKS = (1, 3, 4, 6)
_SEGRESNET_BLOCKS = (1, 2, 2, 4)


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a preset may take.

    Attributes:
        architecture: Where the user names none.
        gib: Memory of a training step.
        memory: How it follows from the network and the patch.
        volume_voxels: Voxels of a scan; finer scans are brought to a coarser spacing.
        patch_voxels: Voxels of a patch before the memory is looked at.
        batch_voxels: Voxels of a step; none where only memory counts.
        smallest_edge: Voxels along an axis that halving leaves.
        widths: Feature channels of each level, the last one repeated without end.
        keeps_deepest: Whether a shallow network keeps the last widths, not the first,
            and there are no more levels than widths.
        covered: Share of the dataset's voxels that one batch may hold.
    """

    architecture: Architecture
    gib: float
    memory: Memory
    volume_voxels: int
    patch_voxels: int
    batch_voxels: int | None
    smallest_edge: int
    widths: tuple[int, ...]
    keeps_deepest: bool
    covered: float

    def gib_on_cpu(self, features: float) -> float:
        """GiB of a step in 32 bits on a CPU."""
        return _CPU.gib(features)

    @property
    def most_levels(self) -> int | None:
        """Levels at most, or None."""
        return len(self.widths) if self.keeps_deepest else None

    def widths_of(self, levels: int) -> tuple[int, ...]:
        """Feature channels of each of so many levels."""
        if self.keeps_deepest:
            return self.widths[-levels:]
        return repeated_last(self.widths, levels)


_WIDTHS = (32, 64, 128, 256, 320)
_TINY_GIB = 2.0


def budget_of(
    preset: Preset,
    architecture: Architecture | None,
    memory_gib: float | None,
    *,
    is_on_cpu: bool,
) -> Budget:
    """The preset's budget, or as much as the user allows.

    Args:
        preset: Size of the network and its patches.
        architecture: Kind of network; the preset's when None.
        memory_gib: What a step may take; the preset's when None.
        is_on_cpu: Whether that is of a CPU's memory, in 32 bits; the tiny preset always
            counts so.

    Raises:
        WrongUse: INVALID_OPTION when less is allowed than any network takes.
    """
    if preset is Preset.TINY:
        gib = _TINY_GIB if memory_gib is None else memory_gib
        budget = Budget(
            architecture=architecture or Architecture.UNET,
            gib=gib,
            memory=_CPU,
            volume_voxels=2**20,
            patch_voxels=round(2**18 * gib / _TINY_GIB),
            batch_voxels=round(300_000 * gib / _TINY_GIB),
            smallest_edge=8,
            widths=(16, 32, 64, 128),
            keeps_deepest=True,
            covered=0.05,
        )
    else:
        is_standard = preset is Preset.STANDARD
        default_gib = {
            Preset.STANDARD: 8.0,
            Preset.RESENC_M: 9.0,
            Preset.RESENC_L: 23.0,
        }
        default = Architecture.UNET if is_standard else Architecture.RESIDUAL_UNET
        budget = Budget(
            architecture=architecture or default,
            gib=default_gib[preset] if memory_gib is None else memory_gib,
            memory=_CPU if is_on_cpu else _GPU,
            volume_voxels=2**28,
            patch_voxels=2**24,
            batch_voxels=None,
            smallest_edge=4,
            widths=_WIDTHS,
            keeps_deepest=False,
            covered=0.05 if is_standard else 1.0,
        )
    if not budget.memory.fixed_gib < budget.gib < math.inf:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"a training step takes more than {budget.memory.fixed_gib} GiB with "
            f"preset {preset}, got {memory_gib}",
            where="--memory-gib",
            remedy="Leave it out to get the preset's.",
        )
    return budget


def blocks_of(architecture: Architecture, levels: int) -> tuple[int, ...]:
    """Convolutions or blocks of each level on the way down."""
    if architecture is Architecture.RESIDUAL_UNET:
        return repeated_last(_RESIDUAL_BLOCKS, levels)
    if architecture is Architecture.SEGRESNET:
        return repeated_last(_SEGRESNET_BLOCKS, levels)
    return (2,) * levels


def features_of(
    architecture: Architecture,
    patch: Shape3,
    strides: Sequence[Shape3],
    widths: Sequence[int],
) -> float:
    """Numbers that all convolutions give out for one patch, as nnU-Net counts them.

    For networks that are not U-Nets: as many as make a U-Net take the same memory.
    """
    is_residual = architecture is Architecture.RESIDUAL_UNET
    voxels = float(math.prod(patch))
    total = widths[0] * voxels if is_residual else 0.0
    previous = widths[0]
    blocks = blocks_of(architecture, len(widths)) if is_residual else (2,) * len(widths)
    for level, (stride, width) in enumerate(zip(strides, widths, strict=True)):
        voxels /= math.prod(stride)
        outputs = blocks[level]
        if is_residual:
            has_skip = width != previous or math.prod(stride) > 1
            outputs = 2 * blocks[level] + has_skip
        if level < len(widths) - 1:
            outputs += (
                2 if is_residual else 3
            )  # convolutions up, the transposed one too
        total += outputs * width * voxels
        previous = width
    return total * _OVER_UNET[architecture]


def repeated_last(values: Sequence[int], length: int) -> tuple[int, ...]:
    """The first values, or all and the last one again and again."""
    missing = length - len(values)
    return (*values[:length], *(values[-1],) * missing)
