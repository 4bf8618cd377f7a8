"""A network's answer, piece by piece."""

from dataclasses import dataclass

from jaxtyping import Float32
from torch import Tensor


@dataclass(frozen=True, eq=False, kw_only=True)
class LogitsSlab:
    """Finished logits of neighbouring rows of the prepared grid.

    The slabs of a scan come in order, from its first row to its last.

    Attributes:
        axis: Axis of the prepared grid that rows are counted along.
        rows: Which rows these are.
        row_count: Rows of the prepared grid.
        logits: The other two axes come last, in their order. One member, the mean, or
            each network of an ensemble.
    """

    axis: int
    rows: slice
    row_count: int
    logits: Float32[Tensor, "member output rows a b"]

    @classmethod
    def whole(cls, logits: Float32[Tensor, "output i j k"]) -> "LogitsSlab":
        """All the rows of a scan at once."""
        count = logits.shape[1]
        return cls(axis=0, rows=slice(0, count), row_count=count, logits=logits[None])
