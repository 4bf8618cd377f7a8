"""What the data look like (Fingerprint) and what follows from it (Plan)."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from medseg.core.geometry import Shape3, Spacing
from medseg.core.instance_head import InstanceHead, require_things_of
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
    """How intensities are brought to what a network takes."""

    CT = "ct"
    Z_SCORE = "z-score"
    Z_SCORE_NONZERO = "z-score-nonzero"
    MIN_MAX = "min-max"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Normalisation:
    """Normalisation of one channel.

    CT: clip to the dataset's foreground percentiles 0.5 and 99.5, then subtract its
    mean and divide by its SD (Isensee et al., 2021). Only this one uses the statistics
    here. Z-score: the scan's own mean and SD over its non-zero box, or over its
    non-zero voxels, the others then being 0. Min-max: the box's own smallest and
    largest value become 0 and 1.
    """

    kind: NormalisationKind
    statistics: IntensityStatistics


class Recipe(StrEnum):
    """Whose rules bring a scan to the network and its logits back.

    MedSeg: crop to the non-zero box, normalise, resample (linear, smoothed where it
    gets coarser); logits back by linear interpolation. nnU-Net: the same order, the
    image by cubic splines, an axis of far coarser voxels apart from the others by its
    nearest slice. MONAI: the steps of a bundle, which resample linearly to a grid
    through the first voxel's centre, and probabilities instead of logits back.
    """

    MEDSEG = "medseg"
    NNUNET = "nnunet"
    MONAI = "monai"


class MonaiStep(StrEnum):
    """What a MONAI bundle does to a scan, normalisations apart.

    Resample: to the plan's spacing, through the first voxel's centre. Crop: to the box
    round the voxels that are not 0, or above 0, in a channel.
    """

    RESAMPLE = "resample"
    CROP_NONZERO = "crop-nonzero"
    CROP_POSITIVE = "crop-positive"


@dataclass(frozen=True, kw_only=True)
class PatientAxes:
    """Network axes that point towards sides of the patient.

    Attributes:
        codes: Where each axis points, as in nibabel: "RAS", "LPS", "SRA", ...
    """

    codes: str = "RAS"

    def __post_init__(self) -> None:
        pairs = ("RL", "AP", "SI")
        named = [pair for code in self.codes for pair in pairs if code in pair]
        if len(self.codes) != 3 or sorted(named) != sorted(pairs):
            raise ValueError(f"axis codes are one of R/L, A/P, S/I, got {self.codes!r}")


@dataclass(frozen=True, kw_only=True)
class StoredAxes:
    """Network axes that are those of the file, however it lies.

    Attributes:
        order: Voxel axis of the file that becomes the network's axis 0, 1 and 2.
    """

    order: Shape3

    def __post_init__(self) -> None:
        if sorted(self.order) != [0, 1, 2]:
            raise ValueError(f"an axis order has 0, 1 and 2 once, got {self.order}")


class Architecture(StrEnum):
    """Kind of network; MONAI: what a bundle names, with its own arguments."""

    UNET = "unet"
    RESIDUAL_UNET = "residual-unet"
    SEGRESNET = "segresnet"
    SWIN_UNETR = "swin-unetr"
    MEDNEXT = "mednext"
    FCN = "fcn"
    DEEPLAB = "deeplab"
    MONAI = "monai"


TRAINED_ARCHITECTURES = tuple(
    kind for kind in Architecture if kind is not Architecture.MONAI
)
"""Those that MedSeg plans and trains itself."""


class MonaiNetworkName(StrEnum):
    """Networks of MONAI that a bundle may name."""

    UNET = "UNet"
    SEGRESNET = "SegResNet"
    DYNUNET = "DynUNet"
    SWIN_UNETR = "SwinUNETR"
    MEDNEXT = "MedNeXt"


@dataclass(frozen=True, kw_only=True)
class MonaiNetwork:
    """A network of MONAI's as a bundle describes it.

    Attributes:
        name: Its class.
        arguments: JSON object of the constructor's arguments: plain numbers, texts,
            lists, no expressions.
        output_order: Channel of its output that becomes the plan's output 0, 1, ...;
            as they come when empty.
    """

    name: MonaiNetworkName
    arguments: str
    output_order: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything the data decided. Axes are the network's throughout.

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
        axes: Which axes of the patient, or of the file, the network's are.
        recipe: Whose rules of cropping and resampling hold.
        upsampling_bias: Whether the transposed convolutions of a U-Net have a bias.
        decoder_kernels: Convolution kernel of each level on a U-Net's way up, finest
            first and without the coarsest; those of the next coarser level when empty.
        monai_network: The network, where `architecture` is MONAI's; it then needs no
            widths, kernels, strides and blocks, and its patch is any.
        monai_steps: What is done to the oriented scan in MONAI's recipe, in order;
            a normalisation is of every channel by itself.
        labels_by_nearest: Whether, in MONAI's recipe, labels are decided on before
            they are brought back to the scan, each voxel then taking the nearest one.
        head: What else the network gives to tell touching things apart; often nothing.
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
    axes: PatientAxes | StoredAxes = PatientAxes()
    recipe: Recipe = Recipe.MEDSEG
    upsampling_bias: bool = False
    decoder_kernels: tuple[Shape3, ...] = ()
    monai_network: MonaiNetwork | None = None
    monai_steps: tuple[MonaiStep | Normalisation, ...] = ()
    labels_by_nearest: bool = False
    head: InstanceHead | None = None
    reasons: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not self.blocks:
            object.__setattr__(self, "blocks", (2,) * len(self.widths))
        self._require_levels()
        self._require_sizes()
        require_regions_of(self.labels.ids, self.regions)
        things = self.head.things if self.head else ()
        require_things_of(self.labels.names, things, has_regions=bool(self.regions))
        if not len(self.normalisation) == len(self.channels) >= 1:
            raise ValueError("a plan has one normalisation a channel")
        if not 1 <= len(self.labels) <= MOST_STRUCTURES:
            raise ValueError(f"a plan has 1 to {MOST_STRUCTURES} structures")
        if not set(self.mirror_axes) <= {0, 1, 2}:
            raise ValueError(f"a plan's mirror axes are 0 to 2, got {self.mirror_axes}")

    def _require_levels(self) -> None:
        if (self.architecture is Architecture.MONAI) != bool(self.monai_network):
            raise ValueError("a plan names a network of MONAI's where it is one")
        levels = {len(self.widths), len(self.kernels), len(self.strides)}
        if levels != {len(self.blocks)}:
            raise ValueError("a plan has one width, kernel, stride, ... a level")
        if self.decoder_kernels and len(self.decoder_kernels) != len(self.kernels) - 1:
            raise ValueError("a plan's decoder has a level less than its encoder")
        if self.monai_network is None and len(self.strides) < LEAST_LEVELS:
            raise ValueError(f"a plan has at least {LEAST_LEVELS} levels")

    def _require_sizes(self) -> None:
        sizes = chain(
            *(self.patch_shape, self.widths, self.blocks, *self.strides),
            *(*self.kernels, *self.decoder_kernels),
        )
        has_spacing = all(edge_mm > 0 for edge_mm in self.spacing_mm)
        if min(self.batch_size, *sizes) < 1 or not has_spacing:
            raise ValueError("a plan's sizes and spacings are positive")
        kernels = (*self.kernels, *self.decoder_kernels)
        if any(edge % 2 == 0 for edge in chain(*kernels)):
            raise ValueError(f"a plan's kernels have odd edges, got {kernels}")
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

    @property
    def output_count(self) -> int:
        """Channels of the network's output: `output_names`, then those of the head."""
        return len(self.output_names) + (self.head.outputs if self.head else 0)
