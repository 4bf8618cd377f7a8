"""How a training goes: what its pictures show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Bool, Float32
from numpy import ndarray


@dataclass(frozen=True, kw_only=True)
class LearningCurves:
    """Numbers of a training, one an interval.

    Attributes:
        steps: Ascending.
        loss: Mean since the step before.
        learning_rate: At the step.
        dice: Pseudo-Dice of each structure, None where there was none of it.
    """

    steps: Sequence[int]
    loss: Sequence[float]
    learning_rate: Sequence[float]
    dice: Mapping[str, Sequence[float | None]]


@dataclass(frozen=True, eq=False, kw_only=True)
class WatchedPatch:
    """A patch, what it holds and what a network makes of it; axes run to R, A, S.

    Attributes:
        image: Its first channel.
        reference: Voxels of each structure.
        prediction: Voxels of each structure.
    """

    image: Float32[ndarray, "i j k"]
    reference: Bool[ndarray, "structure i j k"]
    prediction: Bool[ndarray, "structure i j k"]
