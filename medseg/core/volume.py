"""Scans and label maps: an array with its place in the patient."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Integer, Shaped

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import Geometry
from medseg.core.labels import LabelSet
from medseg.core.provenance import Provenance

VoxelArray = Shaped[np.ndarray, "channel i j k"]
LabelArray = Integer[np.ndarray, "i j k"]

_LABEL_NUMBERS = 65536
_COUNTED_AT_ONCE = 1 << 18  # numpy counts in int64: as many as stay in the cache


@dataclass(frozen=True, kw_only=True)
class SourceSlice:
    """Where a slice was read from; a path is private and goes into no output.

    Attributes:
        path: The DICOM file.
        frame: Number within the file, from 0.
    """

    path: Path
    frame: int = 0


@dataclass(frozen=True, eq=False, kw_only=True)
class Volume:
    """One scan.

    Attributes:
        array: Intensities (channel, i, j, k), of any real type, read-only; CT in HU.
        geometry: Place of the voxels.
        channels: Name of each channel, the modality for a scan with one ("CT", "MR").
        case_id: Name of the case in tables and files; never a patient's name.
        sha256: Hash of the files read, empty for a scan made in memory.
        notes: What reading had to decide or accept, for the provenance.
        source: The slices of the DICOM series along k, which DICOM output refers to;
            empty for any other scan.
    """

    array: VoxelArray
    geometry: Geometry
    channels: tuple[str, ...] = ("image",)
    case_id: str = "case"
    sha256: str = ""
    notes: tuple[str, ...] = ()
    source: tuple[SourceSlice, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if self.array.shape[1:] != self.geometry.shape:
            raise ValueError(
                f"array is {self.array.shape[1:]}, its geometry {self.geometry.shape}"
            )
        if self.array.shape[0] != len(self.channels):
            raise ValueError(
                f"{self.array.shape[0]} channels but {len(self.channels)} channel names"
            )
        object.__setattr__(self, "array", read_only(self.array))

    @property
    def is_ct(self) -> bool:
        """Whether the intensities are Hounsfield units."""
        return self.channels == ("CT",)


@dataclass(frozen=True, eq=False, kw_only=True)
class Segmentation:
    """A label map with the names of its labels.

    Attributes:
        array: Label numbers (i, j, k), uint8, or uint16 above 255. Read-only.
        geometry: Place of the voxels.
        labels: The structures it may hold.
        case_id: Name of the case it belongs to.
        provenance: How it was made; None where that is not known.
        notes: What reading had to decide or leave out.
    """

    array: LabelArray
    geometry: Geometry
    labels: LabelSet
    case_id: str = "case"
    provenance: Provenance | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.array.shape != self.geometry.shape:
            raise ValueError(
                f"array is {self.array.shape}, its geometry {self.geometry.shape}"
            )
        largest = max(self.labels.ids, default=0)
        if self.array.size and not 0 <= self.array.min() <= self.array.max() <= largest:
            raise ValueError(
                f"labels are {self.array.min()} to {self.array.max()}, "
                f"the label set ends at {largest}"
            )
        smallest = np.uint8 if largest < 256 else np.uint16
        object.__setattr__(
            self, "array", read_only(self.array.astype(smallest, copy=False))
        )

    def mask(self, structure: str) -> Shaped[np.ndarray, "i j k"]:
        """Where a structure is, as booleans."""
        mask: np.ndarray = self.array == self.labels[structure].id
        return mask

    def volume_ml(self, structure: str) -> float:
        """Volume of a structure: voxels times voxel volume."""
        return float(self.mask(structure).sum()) * self.geometry.voxel_volume_ml


def read_only(array: np.ndarray) -> np.ndarray:
    """The same values, behind a view that cannot be written to."""
    view = array.view()
    view.setflags(write=False)
    return view


def voxels_of_labels(label_map: LabelArray) -> dict[int, int]:
    """Voxels of each label number that occurs, ascending, background left out.

    Args:
        label_map: Label numbers from 0 to 65,535.
    """
    counts = np.zeros(_LABEL_NUMBERS, dtype=np.int64)
    voxels = label_map.ravel(order="K")
    for start in range(0, voxels.size, _COUNTED_AT_ONCE):
        found = np.bincount(voxels[start : start + _COUNTED_AT_ONCE])
        counts[: len(found)] += found
    return {int(label): int(counts[label]) for label in np.flatnonzero(counts) if label}


def require_same_grid(a: Geometry, b: Geometry, *, where: str) -> None:
    """Refuse two grids that do not put every voxel at the same place.

    Raises:
        UnusableInput: GRID_MISMATCH, with the shapes or the disagreement in mm.
    """
    if a.is_same_grid(b):
        return
    raise UnusableInput(
        ErrorCode.GRID_MISMATCH,
        f"the two grids differ: {grid_difference(a, b)}",
        where=where,
        remedy="Use files on the same grid, or resample one onto the other first.",
    )


def grid_difference(a: Geometry, b: Geometry) -> str:
    """How two grids differ, in words: by their shapes, or how far apart they are."""
    if a.shape != b.shape:
        return f"shapes {a.shape} and {b.shape}"
    return f"corners up to {a.disagreement_mm(b):.3g} mm apart"
