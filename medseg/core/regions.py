"""Structures that overlap: each the union of some labels."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Region:
    """One overlapping structure a network learns ("whole tumour").

    Attributes:
        name: Lower-case words.
        ids: Labels of the label map whose union the region is.
        painted_as: Label written where the region is predicted; regions are painted
            in their order, so a later one covers an earlier one.
    """

    name: str
    ids: tuple[int, ...]
    painted_as: int

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("a region has a name")
        if not self.ids or len({*self.ids}) != len(self.ids) or min(self.ids) < 1:
            raise ValueError(
                f"region {self.name} is made of labels from 1 on, each once"
            )
        if self.painted_as not in self.ids:
            raise ValueError(f"region {self.name} is painted as one of its labels")


def require_regions_of(ids: Sequence[int], regions: Sequence[Region]) -> None:
    """Check that regions are made of the labels and can be told apart in a label map.

    Raises:
        ValueError: When one holds another label, or two share their name or the label
            they are painted as.
    """
    names = [region.name for region in regions]
    painted = [region.painted_as for region in regions]
    if len({*names}) != len(names) or len({*painted}) != len(painted):
        raise ValueError("regions have each name and each painted label once")
    if not {id_ for region in regions for id_ in region.ids} <= {*ids}:
        raise ValueError("regions are made of the labels there are")
