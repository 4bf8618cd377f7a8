"""What the user decides. The same texts become command-line help and tooltips."""

from dataclasses import dataclass, field
from enum import StrEnum

from medseg.core.errors import ErrorCode, WrongUse


class Precision(StrEnum):
    """Number format of the network's arithmetic."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class Preset(StrEnum):
    """Size of the network and its patches."""

    TINY = "tiny"
    STANDARD = "standard"


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
        metadata={"help": "auto takes bfloat16 where the device is fast at it."},
    )
    overlap: float = field(
        default=0.5,
        metadata={"help": "Fraction shared by neighbouring windows, 0 to 0.9."},
    )
    mirror: bool = field(
        default=True,
        metadata={"help": "Average over mirrored copies where the model allows it."},
    )

    def __post_init__(self) -> None:
        if not 0 <= self.overlap <= 0.9:
            raise WrongUse(
                ErrorCode.INVALID_OPTION,
                f"overlap is a fraction from 0 to 0.9, got {self.overlap}",
                where="--overlap",
                remedy="Use 0.5 for accuracy, 0.25 for speed.",
            )


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How a network is trained."""

    preset: Preset = field(
        default=Preset.TINY, metadata={"help": "Size of the network and its patches."}
    )
    fold: int | None = field(
        default=0,
        metadata={"help": "Fifth of the cases held out and scored, 0 to 4, or none."},
    )
    steps: int = field(
        default=2400, metadata={"help": "Training steps (weight updates)."}
    )
    learning_rate: float = field(
        default=2e-3, metadata={"help": "Peak learning rate of AdamW."}
    )
    seed: int = field(default=0, metadata={"help": "Seed of every random choice."})
    device: Device = field(
        default=Device("auto"),
        metadata={"help": "auto, cpu or cuda:N; auto takes a GPU if there is one."},
    )
    precision: Precision = field(
        default=Precision.AUTO,
        metadata={"help": "auto takes bfloat16 where the device is fast at it."},
    )
    checkpoint_every: int = field(
        default=100,
        metadata={"help": "Steps between checkpoints, pseudo-Dice and log lines."},
    )
    compile: bool = field(
        default=True,
        metadata={
            "help": "Compile the network first: slower to start, faster each step."
        },
    )

    def __post_init__(self) -> None:
        if self.steps < 1 or self.checkpoint_every < 1 or self.seed < 0:
            raise WrongUse(
                ErrorCode.INVALID_OPTION,
                f"steps ({self.steps}) and the checkpoint interval "
                f"({self.checkpoint_every}) are 1 or more, the seed ({self.seed}) is 0 "
                "or more",
                where="training settings",
                remedy="Leave them out to get the defaults.",
            )
        if not 0 < self.learning_rate < float("inf"):
            raise WrongUse(
                ErrorCode.INVALID_OPTION,
                f"the learning rate must be positive, got {self.learning_rate}",
                where="training settings",
                remedy="Leave it out to get the default.",
            )
