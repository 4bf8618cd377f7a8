"""What the user decides. The same texts become command-line help and tooltips."""

import math
from dataclasses import dataclass, field
from enum import StrEnum

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.plan import TRAINED_ARCHITECTURES, Architecture

LARGEST_SEED = 2**63 - 1
_COMPILED_FROM = 100


class Precision(StrEnum):
    """Number format of the network's arithmetic."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    INT8 = "int8"


class Preset(StrEnum):
    """Size of the network and its patches."""

    TINY = "tiny"
    STANDARD = "standard"
    RESENC_M = "resenc-m"
    RESENC_L = "resenc-l"


class Folds(StrEnum):
    """Which folds to train instead of one by its number."""

    ALL = "all"


class Loss(StrEnum):
    """What training minimises."""

    DICE_CE = "dice-ce"
    DICE_FOCAL = "dice-focal"
    DICE_BOUNDARY = "dice-boundary"


class Optimiser(StrEnum):
    """How gradients become steps."""

    ADAMW = "adamw"
    SGD = "sgd"


class Schedule(StrEnum):
    """How the learning rate falls to 0 after its warm-up."""

    POLYNOMIAL = "polynomial"
    COSINE = "cosine"


class Device(str):
    """Where to compute: "auto" (the best there is), "cpu", or "cuda:N" for a GPU.

    Raises:
        WrongUse: NO_SUCH_DEVICE for any other text.
    """

    __slots__ = ()

    def __new__(cls, name: str) -> "Device":
        """Check the name; "cuda" alone is the first GPU."""
        name = "cuda:0" if name == "cuda" else name
        kind, colon, index = name.partition(":")
        is_gpu = kind == "cuda" and bool(colon) and index.isdigit()
        if name not in ("auto", "cpu") and not is_gpu:
            raise WrongUse(
                ErrorCode.NO_SUCH_DEVICE,
                f"no device is called {name!r}",
                where="--device",
                remedy="Use auto, cpu or cuda:N.",
            )
        return super().__new__(cls, name)


@dataclass(frozen=True, kw_only=True)
class InferenceSettings:
    """How a network is run over a scan."""

    device: Device = field(
        default=Device("auto"),
        metadata={"help": "auto, cpu or cuda:N; auto takes a GPU if there is one."},
    )
    precision: Precision = field(
        default=Precision.AUTO,
        metadata={
            "help": "auto takes bfloat16 or float16 if the device is fast at it; int8, "
            "of a U-Net on a CPU, is quicker and less exact."
        },
    )
    overlap: float = field(
        default=0.5,
        metadata={"help": "Fraction shared by neighbouring windows, 0 to 0.9."},
    )
    mirror: bool = field(
        default=True,
        metadata={"help": "Average over mirrored copies if the model allows it."},
    )
    skip_air: bool = field(
        default=True,
        metadata={
            "help": "Skip windows with nothing in them, such as air around a body."
        },
    )
    margin_mm: float = field(
        default=20.0,
        metadata={"help": "Margin around the region of --region-model, in mm."},
    )
    compile: bool = field(
        default=False,
        metadata={
            "help": "Compile the network first: U-Nets on a CPU, in bfloat16 and int8, "
            "in about a second; others in up to some minutes. Needs g++."
        },
    )

    def __post_init__(self) -> None:
        if not 0 <= self.overlap <= 0.9:
            raise WrongUse(
                ErrorCode.INVALID_OPTION,
                f"overlap is a fraction from 0 to 0.9, got {self.overlap}",
                where="--overlap",
                remedy="Use 0.5 for accuracy, 0.25 for speed.",
            )
        if not 0 <= self.margin_mm < math.inf:
            raise WrongUse(
                ErrorCode.INVALID_OPTION,
                f"a margin is 0 mm or more, got {self.margin_mm}",
                where="--margin-mm",
                remedy="Use 20, or more where the region may be far off.",
            )


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How a network is trained."""

    preset: Preset = field(
        default=Preset.TINY, metadata={"help": "Size of the network and its patches."}
    )
    fold: int | Folds | None = field(
        default=0,
        metadata={
            "help": "Fifth of the cases to hold out and score, 0 to 4. none trains on "
            "every case; all trains five networks, each with one fifth held out."
        },
    )
    steps: int = field(
        default=2400, metadata={"help": "Training steps (weight updates)."}
    )
    batch_size: int | None = field(
        default=None, metadata={"help": "Patches a step. Default: the plan's."}
    )
    memory_gib: float | None = field(
        default=None,
        metadata={
            "help": "Memory of a step on the device, in GiB. Default: the preset's."
        },
    )
    architecture: Architecture | None = field(
        default=None, metadata={"help": "Kind of network. Default: the preset's."}
    )
    loss: Loss = field(
        default=Loss.DICE_CE,
        metadata={"help": "dice-ce, or dice-focal or dice-boundary for small lesions."},
    )
    foreground_share: float = field(
        default=0.5,
        metadata={
            "help": "Share of patches centred on a structure, 0 to 1; each structure "
            "is equally likely."
        },
    )
    domain_randomisation: bool = field(
        default=False,
        metadata={
            "help": "Give half of the patches random synthetic contrasts, for scans "
            "from other scanners."
        },
    )
    mirror: bool = field(
        default=True,
        metadata={
            "help": "Mirror patches left to right, in inference too, unless a "
            "structure is named by its side."
        },
    )
    optimiser: Optimiser = field(
        default=Optimiser.ADAMW, metadata={"help": "adamw, or sgd with momentum 0.99."}
    )
    schedule: Schedule = field(
        default=Schedule.POLYNOMIAL,
        metadata={"help": "How the learning rate falls to 0 after its warm-up."},
    )
    learning_rate: float | None = field(
        default=None,
        metadata={"help": "Peak learning rate. Default: 2e-3 for adamw, 1e-2 for sgd."},
    )
    deep_supervision: bool = field(
        default=True,
        metadata={"help": "Train the coarser levels of a U-Net on the labels, too."},
    )
    early_stop: int = field(
        default=0,
        metadata={
            "help": "Stop after this many checkpoints without a better pseudo-Dice; "
            "0 never stops early."
        },
    )
    freeze_encoder: bool = field(
        default=False,
        metadata={"help": "Do not train the encoder of a network started with --from."},
    )
    deterministic: bool = field(
        default=False,
        metadata={
            "help": "Use only arithmetic that gives the same bits each time on a GPU; "
            "a CPU always does."
        },
    )
    allow_empty: bool = field(
        default=False,
        metadata={"help": "Also train on cases without any structure."},
    )
    tensorboard: bool = field(
        default=False,
        metadata={"help": "Also write TensorBoard events (pip install tensorboard)."},
    )
    workers: int = field(
        default=2,
        metadata={"help": "Threads that read patches; no effect on the result."},
    )
    seed: int = field(default=0, metadata={"help": "Seed of every random choice."})
    device: Device = field(
        default=Device("auto"),
        metadata={"help": "auto, cpu or cuda:N; auto takes a GPU if there is one."},
    )
    precision: Precision = field(
        default=Precision.AUTO,
        metadata={"help": "auto takes bfloat16 if the device is fast at it."},
    )
    tolerance_mm: float | None = field(
        default=None,
        metadata={
            "help": "Tolerance in mm of the NSD of held-out cases. Default: no NSD."
        },
    )
    checkpoint_every: int = field(
        default=100,
        metadata={"help": "Steps between checkpoints, pseudo-Dice and log lines."},
    )
    compile: bool | None = field(
        default=None,
        metadata={
            "help": "Compile the network first: slower to start, faster each step. "
            f"Default: with {_COMPILED_FROM} steps or more."
        },
    )

    def __post_init__(self) -> None:
        least = (("steps", 1), ("checkpoint_every", 1), ("seed", 0), ("early_stop", 0))
        for name, lowest in (*least, ("workers", 1)):
            if getattr(self, name) < lowest:
                raise _invalid(name, f"is {lowest} or more, got {getattr(self, name)}")
        if self.seed > LARGEST_SEED:
            raise _invalid("seed", f"is at most 2**63 - 1, got {self.seed}")
        if self.batch_size is not None and self.batch_size < 1:
            raise _invalid("batch_size", f"is 1 or more, got {self.batch_size}")
        if self.architecture is Architecture.MONAI:
            names = ", ".join(TRAINED_ARCHITECTURES)
            raise _invalid("architecture", f"is one of {names}; others are imported")
        if self.precision in (Precision.FLOAT16, Precision.INT8):
            raise _invalid("precision", "is auto, float32 or bfloat16 in training")
        if not 0 <= self.foreground_share <= 1:
            raise _invalid(
                "foreground_share", f"is 0 to 1, got {self.foreground_share}"
            )
        tolerance_mm = self.tolerance_mm
        if tolerance_mm is not None and not 0 < tolerance_mm < float("inf"):
            raise _invalid("tolerance_mm", f"is above 0 mm, got {tolerance_mm}")
        rate = self.learning_rate
        if rate is not None and not 0 < rate < float("inf"):
            raise _invalid("learning_rate", f"is positive, got {rate}")

    @property
    def peak_learning_rate(self) -> float:
        """The learning rate given, or the one that suits the optimiser."""
        if self.learning_rate is not None:
            return self.learning_rate
        return {Optimiser.ADAMW: 2e-3, Optimiser.SGD: 1e-2}[self.optimiser]

    @property
    def is_compiled(self) -> bool:
        """Whether the network is compiled: as said, or where the steps pay for it."""
        return self.steps >= _COMPILED_FROM if self.compile is None else self.compile


def _invalid(name: str, what: str) -> WrongUse:
    option = f"--{name.replace('_', '-')}"
    return WrongUse(
        ErrorCode.INVALID_OPTION,
        f"it {what}",
        where=option,
        remedy="Leave it out to get the default.",
    )
