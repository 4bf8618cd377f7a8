"""What the data look like (Fingerprint) and what follows from it (Plan)."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from medseg.core.geometry import Shape3, Spacing
from medseg.core.labels import LabelSet
from medseg.core.regions import Region, require_regions_of

IGNORED = 255
MOST_STRUCTURES = 254
LEAST_LEVELS = 3


@dataclass(frozen=True, kw_only=True)
class IntensityStatistics:
    """Foreground intensities of one channel over a dataset."""

    mean: float
    sd: float
    percentile_00_5: float
    percentile_99_5: float


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What a dataset looks like, in RAS order and cropped to non-zero.

    Attributes:
        spacings_mm: One a case.
        shapes: One a case.
        intensities: One a channel, of the voxels inside a structure.
        structure_volumes_ml: Median volume of each structure where it is present.
    """

    spacings_mm: tuple[Spacing, ...]
    shapes: tuple[Shape3, ...]
    intensities: tuple[IntensityStatistics, ...]
    structure_volumes_ml: tuple[float, ...]


class NormalisationKind(StrEnum):
    """How intensities are brought to mean 0 and SD 1."""

    CT = "ct"
    Z_SCORE = "z-score"


@dataclass(frozen=True, kw_only=True)
class Normalisation:
    """Normalisation of one channel.

    CT: clip to the dataset's foreground percentiles 0.5 and 99.5, then subtract its
    mean and divide by its SD (Isensee et al., 2021). Z-score: the scan's own mean and
    SD over its non-zero box; the statistics here are then not used.
    """

    kind: NormalisationKind
    statistics: IntensityStatistics


class Architecture(StrEnum):
    """Kind of network."""

    UNET = "unet"
    RESIDUAL_UNET = "residual-unet"
    SEGRESNET = "segresnet"
    SWIN_UNETR = "swin-unetr"
    MEDNEXT = "mednext"
    FCN = "fcn"
    DEEPLAB = "deeplab"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything the data decided. Axes are R, A, S throughout.

    Attributes:
        channels: Name of each input channel.
        labels: The structures of the label map, at most 254: an index of a label is
            one byte, and one value of it means "ignored".
        regions: Overlapping structures the network learns, each with a channel of its
            own; empty when it learns one label a voxel.
        architecture: Kind of network.
        spacing_mm: Grid the network works on.
        patch_shape: Voxels of one training patch and one inference window.
        batch_size: Patches a training step.
        normalisation: One a channel.
        widths: Feature channels of each resolution level, finest first; three levels
            or more, as MONAI's DynUNet wants.
        blocks: Convolutions of each level on the way down, two on the way up; residual
            blocks and one convolution for the residual U-Net. Networks that are not
            U-Nets take what they need of widths, kernels, strides and blocks.
        kernels: Convolution kernel of each level.
        strides: Down-sampling into each level; the first is (1, 1, 1).
        mirror_axes: Axes along which a mirrored patient is a plausible patient.
        reasons: Why each choice was made, name and sentence.
    """

    channels: tuple[str, ...]
    labels: LabelSet
    spacing_mm: Spacing
    patch_shape: Shape3
    batch_size: int
    normalisation: tuple[Normalisation, ...]
    widths: tuple[int, ...]
    kernels: tuple[Shape3, ...]
    strides: tuple[Shape3, ...]
    mirror_axes: tuple[int, ...]
    regions: tuple[Region, ...] = ()
    architecture: Architecture = Architecture.UNET
    blocks: tuple[int, ...] = ()
    reasons: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not self.blocks:
            object.__setattr__(self, "blocks", (2,) * len(self.widths))
        self._require_levels()
        self._require_sizes()
        require_regions_of(self.labels.ids, self.regions)
        if not len(self.normalisation) == len(self.channels) >= 1:
            raise ValueError("a plan has one normalisation a channel")
        if not 1 <= len(self.labels) <= MOST_STRUCTURES:
            raise ValueError(f"a plan has 1 to {MOST_STRUCTURES} structures")
        if not set(self.mirror_axes) <= {0, 1, 2}:
            raise ValueError(f"a plan's mirror axes are 0 to 2, got {self.mirror_axes}")

    def _require_levels(self) -> None:
        levels = {len(self.widths), len(self.kernels), len(self.strides)}
        if levels != {len(self.blocks)}:
            raise ValueError("a plan has one width, kernel, stride, ... a level")
        if len(self.strides) < LEAST_LEVELS:
            raise ValueError(f"a plan has at least {LEAST_LEVELS} levels")

    def _require_sizes(self) -> None:
        sizes = chain(
            self.patch_shape, self.widths, self.blocks, *self.strides, *self.kernels
        )
        has_spacing = all(edge_mm > 0 for edge_mm in self.spacing_mm)
        if min(self.batch_size, *sizes) < 1 or not has_spacing:
            raise ValueError("a plan's sizes and spacings are positive")
        if any(edge % 2 == 0 for edge in chain(*self.kernels)):
            raise ValueError(f"a plan's kernels have odd edges, got {self.kernels}")
        if any(p % s for p, s in zip(self.patch_shape, self.total_stride, strict=True)):
            raise ValueError(
                f"patch {self.patch_shape} is not a multiple of {self.total_stride}"
            )

    @property
    def total_stride(self) -> Shape3:
        """Voxels along each axis that become one at the coarsest level."""
        total = [1, 1, 1]
        for stride in self.strides:
            total = [a * b for a, b in zip(total, stride, strict=True)]
        return total[0], total[1], total[2]

    @property
    def output_names(self) -> tuple[str, ...]:
        """What each channel of the logits stands for.

        Background and every label, of which one is chosen a voxel (softmax); or every
        region, each there or not (sigmoid).
        """
        if self.regions:
            return tuple(region.name for region in self.regions)
        return ("background", *self.labels.names)
