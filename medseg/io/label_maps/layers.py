"""Segments that may overlap, packed into as few label maps as will hold them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import Geometry
from medseg.core.labels import LabelSet, Structure
from medseg.core.volume import Segmentation
from medseg.io.checks import case_id_of, require_believable_size

Plane = Bool[np.ndarray, "i j"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Segments:
    """What a DICOM-SEG or RTSTRUCT holds.

    Attributes:
        maps: Label maps; just one where no two segments overlap.
        overlapping: A pair of labels that overlap; None where there is none.
    """

    maps: tuple[Segmentation, ...]
    overlapping: tuple[int, int] | None

    def only(self, path: Path) -> Segmentation:
        """The one label map that holds everything.

        Raises:
            UnusableInput: OVERLAPPING_SEGMENTS.
        """
        if self.overlapping is None:
            return self.maps[0]
        first, second = self.overlapping
        raise UnusableInput(
            ErrorCode.OVERLAPPING_SEGMENTS,
            f"segments {first} and {second} overlap, so that one label map cannot "
            f"hold all; {len(self.maps)} can",
            where=path,
            remedy="Read it with medseg.read_segments, which keeps all of them.",
        )


class SegmentPacker:
    """Takes segments one by one, and puts each in the first map it fits in."""

    def __init__(self, geometry: Geometry, largest_label: int, path: Path) -> None:
        self._geometry = geometry
        self._path = path
        self._dtype = np.dtype(np.uint8 if largest_label < 256 else np.uint16)
        self._maps: list[np.ndarray] = []
        self._labels: list[set[int]] = []
        self._overlapping: tuple[int, int] | None = None
        self._add_map()

    def add(self, label: int, planes: Mapping[int, Plane]) -> None:
        """Put in a segment.

        Args:
            label: Its number.
            planes: Where it is, for each slice k that it is in.
        """
        for place, label_map in enumerate(self._maps):
            other = _first_overlap(label_map, planes)
            if other is None:
                return self._put(place, label, planes)
            self._overlapping = self._overlapping or (other, label)
        self._add_map()
        return self._put(len(self._maps) - 1, label, planes)

    def packed(
        self, structures: Sequence[Structure], notes: tuple[str, ...] = ()
    ) -> Segments:
        """The label maps; structures without a voxel are in the first."""
        used = set().union(*self._labels)
        maps = []
        for place, label_map in enumerate(self._maps):
            here = self._labels[place]
            labels = LabelSet(
                tuple(
                    structure
                    for structure in structures
                    if structure.id in here or (place == 0 and structure.id not in used)
                )
            )
            maps.append(
                Segmentation(
                    array=label_map,
                    geometry=self._geometry,
                    labels=labels,
                    case_id=case_id_of(self._path),
                    notes=notes,
                )
            )
        return Segments(maps=tuple(maps), overlapping=self._overlapping)

    def _put(self, place: int, label: int, planes: Mapping[int, Plane]) -> None:
        for k, plane in planes.items():
            self._maps[place][:, :, k][plane] = label
        self._labels[place].add(label)

    def _add_map(self) -> None:
        every = (len(self._maps) + 1, *self._geometry.shape)
        require_believable_size(every, self._dtype.itemsize, self._path)
        shape = self._geometry.shape[::-1]  # slices one after the other in memory
        self._maps.append(np.zeros(shape, dtype=self._dtype).T)
        self._labels.append(set())


def _first_overlap(label_map: np.ndarray, planes: Mapping[int, Plane]) -> int | None:
    """A label that is where a segment wants to be."""
    for k, plane in planes.items():
        there = label_map[:, :, k][plane]
        if there.any():
            return int(there[there > 0][0])
    return None
