"""The answers of several networks and mirrored copies, averaged and kept apart."""

from dataclasses import dataclass

import torch
from jaxtyping import Float32
from torch import Tensor

Answer = Float32[Tensor, "rows a b output"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Answers:
    """What was said of some rows, logits or probabilities.

    Attributes:
        mean: Of all networks and copies.
        networks: Of each, the mean of its copies.
        copies: Of each network.
    """

    mean: Answer
    networks: Float32[Tensor, "network rows a b output"]
    copies: Float32[Tensor, "network copy rows a b output"]

    @classmethod
    def of_members(
        cls, values: Float32[Tensor, "member rows a b output"], copies: int
    ) -> "Answers":
        """Of values that may be averaged.

        Args:
            values: Of each copy, one network's after the other's.
            copies: How many each network has.
        """
        of_copies = _by_network(values, copies)
        return cls(
            mean=values[0] if len(values) == 1 else values.mean(0),
            networks=values if copies == 1 else of_copies.mean(1),
            copies=of_copies,
        )

    @classmethod
    def of_means(
        cls, values: Float32[Tensor, "answer rows a b output"], copies: int
    ) -> "Answers":
        """Of values that were averaged before, by `with_means`.

        Args:
            values: As `with_means` gave them.
            copies: How many each network has.
        """
        if len(values) == 1:
            return cls(mean=values[0], networks=values, copies=values[None])
        count, _ = answer_counts(len(values), copies, have_means=True)
        of_copies = _by_network(values[-count * copies :], copies)
        return cls(mean=values[0], networks=values[1 : 1 + count], copies=of_copies)


def answer_counts(values: int, copies: int, *, have_means: bool) -> tuple[int, int]:
    """How many networks answer, and how many copies of each, told from their number.

    Args:
        values: How many there are.
        copies: How many each network has, if there is more than one value.
        have_means: Whether `with_means` gave them.
    """
    if values == 1:
        return 1, 1
    if not have_means:
        return values // copies, copies
    kept = 1 if copies == 1 else copies + 1  # answers of each network
    return (values - 1) // kept, copies


def with_means(
    logits: Float32[Tensor, "member output rows a b"], copies: int
) -> Float32[Tensor, "answer output rows a b"]:
    """Of several members first their mean, then those of networks with copies.

    For what must not be averaged later, as probabilities made of these.

    Args:
        logits: Of each copy, one network's after the other's.
        copies: How many each network has.
    """
    if len(logits) == 1:
        return logits
    networks = [_by_network(logits, copies).mean(1)] if copies > 1 else []
    return torch.cat([logits.mean(0, keepdim=True), *networks, logits])


def _by_network(values: Tensor, copies: int) -> Tensor:
    return values.reshape(-1, copies, *values.shape[1:])
