"""The contours of a region of an RTSTRUCT -> where it is in the slices of a scan."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import LPS_TO_RAS, Geometry
from medseg.io.dicom.slice_places import max_off_slice_mm
from medseg.io.rtstruct.polygons import (
    Loop,
    Plane,
    combine,
    combine_by_xor,
    effort,
    fill,
    is_cut_off,
)

_CLOSED, _XOR = "CLOSED_PLANAR", "CLOSEDPLANAR_XOR"
_FEWEST = 9  # numbers of the smallest polygon, a triangle
_MAX_EFFORT, _MAX_EFFORT_PER_PIXEL = 2**22, 4  # of a region in a slice


@dataclass(frozen=True, eq=False, kw_only=True)
class _Contour:
    """A polygon in a slice.

    Attributes:
        k: The slice.
        loop: Corners, in pixels.
        is_xor: Whether it is to be combined with others by exclusive or.
    """

    k: int
    loop: Loop
    is_xor: bool


@dataclass(kw_only=True)
class _Odd:
    """Numbers of contours that a reader of the result should know of."""

    crossing: int = 0
    repeated: int = 0
    cut_off: int = 0
    left_out: int = 0

    def remarks(self) -> list[str]:
        """A sentence for each kind there is."""
        said = {
            "left out that are points or open lines": self.left_out,
            "cross others; they were added": self.crossing,
            "that are there twice left out": self.repeated,
            "reach beyond the picture and were cut off there": self.cut_off,
        }
        return [f"{count} contour(s) {what}" for what, count in said.items() if count]


@dataclass(frozen=True, eq=False, kw_only=True)
class Region:
    """A region, its contours, and the scan they are drawn on.

    Attributes:
        number: Its number in the file.
        contours: Items of its ContourSequence.
        geometry: Grid of the scan.
        path: For messages.
    """

    number: int
    contours: Sequence[Dataset]
    geometry: Geometry
    path: Path
    _odd: _Odd = field(default_factory=_Odd, init=False)

    def planes(self, notes: list[str]) -> dict[int, Plane]:
        """Where it is, in each slice it has contours on; what is odd is noted.

        Raises:
            UnusableInput: GRID_MISMATCH when a contour lies on no slice, TOO_LARGE when
                contours are longer than any that could be drawn.
        """
        by_slice: dict[int, list[_Contour]] = defaultdict(list)
        for contour in self._placed():
            by_slice[contour.k].append(contour)
        planes = {k: self._plane(group) for k, group in by_slice.items()}
        remarks = self._odd.remarks()
        skipped = max(planes) - min(planes) + 1 - len(planes) if planes else 0
        if skipped:
            where = "between its first and its last"
            remarks.append(f"no contour on {skipped} slice(s) {where}")
        if not planes:
            remarks.append("no contours: kept as an empty structure")
        notes += [f"region {self.number}: {remark}" for remark in remarks]
        return planes

    def _placed(self) -> list[_Contour]:
        """The polygons, in pixels of the slices they lie on."""
        placed = []
        for item in self.contours:
            kind = str(item.get("ContourGeometricType", ""))
            numbers = _numbers(item) if kind in (_CLOSED, _XOR) else np.empty(0)
            if len(numbers) >= _FEWEST:
                placed.append(self._contour(numbers, is_xor=kind == _XOR))
        self._odd.left_out = len(self.contours) - len(placed)
        return placed

    def _contour(self, numbers: np.ndarray, *, is_xor: bool) -> _Contour:
        if len(numbers) % 3 or not np.isfinite(numbers).all():
            raise self._misplaced("a contour whose points are damaged")
        points_ras_mm = numbers.reshape(-1, 3) @ LPS_TO_RAS[:3, :3]
        index = self.geometry.to_index(points_ras_mm)
        k = round(float(index[:, 2].mean()))
        spacing_mm = self.geometry.spacing_mm[2]
        off_mm = float(np.abs(index[:, 2] - k).max()) * spacing_mm
        if off_mm > max_off_slice_mm(spacing_mm):
            raise self._misplaced(f"a contour {off_mm:.2f} mm from the nearest slice")
        if not 0 <= k < self.geometry.shape[2]:
            beyond_mm = max(-k, k - self.geometry.shape[2] + 1) * spacing_mm
            raise self._misplaced(f"a contour {beyond_mm:.1f} mm beyond the last slice")
        return _Contour(k=k, loop=np.ascontiguousarray(index[:, :2]), is_xor=is_xor)

    def _plane(self, group: Sequence[_Contour]) -> Plane:
        """The contours of a slice put together."""
        i, j, _ = self.geometry.shape
        self._require_drawable(group)
        self._odd.cut_off += sum(is_cut_off(each.loop, (i, j)) for each in group)
        plain = (fill(each.loop, (i, j)) for each in group if not each.is_xor)
        combined = combine(plain, (i, j))
        self._odd.crossing += combined.crossing
        self._odd.repeated += combined.repeated
        by_xor = (fill(each.loop, (i, j)) for each in group if each.is_xor)
        plane: Plane = combined.plane | combine_by_xor(by_xor, (i, j))
        return plane

    def _require_drawable(self, group: Sequence[_Contour]) -> None:
        """Refuse contours that would take any amount of memory and time to fill."""
        i, j, _ = self.geometry.shape
        most = _MAX_EFFORT + _MAX_EFFORT_PER_PIXEL * i * j
        if sum(effort(each.loop, (i, j)) for each in group) > most:
            raise UnusableInput(
                ErrorCode.TOO_LARGE,
                f"region {self.number} has contours on one slice that go back and "
                "forth through the picture more often than any drawing",
                where=self.path,
                remedy="The file is damaged or meant to do harm; export it again.",
            )

    def _misplaced(self, what: str) -> UnusableInput:
        return UnusableInput(
            ErrorCode.GRID_MISMATCH,
            f"region {self.number} has {what}",
            where=self.path,
            remedy="Give the scan that it was drawn on (evaluate: --images; Python: "
            "source=).",
        )


def _numbers(item: Dataset) -> np.ndarray:
    """Numbers of a contour, straight from the text: pydicom takes a second a MB."""
    element: object = item.get_item("ContourData")
    if isinstance(element, RawDataElement) and element.value:
        words = element.value.strip(b" \0").split(b"\\")
        return np.array([word for word in words if word], dtype=float)
    return np.array(item.get("ContourData") or [], dtype=float)
