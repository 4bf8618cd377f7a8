"""One small picture of a case, to look through hundreds of them."""

import io
from collections.abc import Iterator, Sequence

import numpy as np
from contourpy import contour_generator
from PIL import Image, ImageDraw

from medseg.core.geometry import Geometry
from medseg.core.labels import Colour
from medseg.core.volume import (
    LabelArray,
    Segmentation,
    Volume,
    require_same_grid,
    voxels_of_labels,
)
from medseg.report.pictures import Window, window_of
from medseg.report.slices import (
    Areas,
    Box,
    Display,
    Pixels,
    Plane,
    square_around,
    telling_slice,
)

_TILE = 224  # pixels a side
_FINER = 2  # lines are drawn so many times larger, and look smooth when made smaller
_DIMMED = 0.8  # of white, so that a white line is seen on bone and fat
_LEAST_MM = 100.0  # a side shows at least this much, to tell where in the body it is
_MARGIN = 0.12  # of what is labelled, on each side
_LUNG_HU = (-1350.0, 150.0)  # level -600, width 1500
_AIR_HU = -400.0
_FEW_LABELS = 255
_SLICES_AT_ONCE = 16

_WHITE: Colour = (255, 255, 255)
_WIDE, _NARROW = 5, 2  # finer pixels


def thumbnail_png(
    scan: Volume, prediction: Segmentation, *, reference: Segmentation | None = None
) -> bytes:
    """Axial, coronal and sagittal slices side by side, as a PNG file.

    Each goes through most structures and shows what is labelled anywhere with some
    of what is round it, so that a small structure is not lost in a large scan.
    Structures are outlined in their colours, the reference by a thin white line over
    them. The same case gives the same bytes.

    Args:
        scan: What was segmented; its first channel is shown. CT is shown in a window
            for soft tissue, or for lung where what was segmented is lung.
        prediction: On the scan's grid.
        reference: Likewise.

    Raises:
        UnusableInput: GRID_MISMATCH.
    """
    where = f"scan and label maps of {scan.case_id}"
    maps = [prediction] if reference is None else [prediction, reference]
    for labels in maps:
        require_same_grid(scan.geometry, labels.geometry, where=where)
    display = Display(scan.geometry)
    window = _window(scan, maps)
    areas = _areas(scan.geometry, [each.array for each in maps])
    picture = Image.new("RGB", (3 * _TILE, _TILE))
    for number, plane in enumerate((Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL)):
        index = telling_slice(areas[plane])
        box = _box(display, plane, areas)
        grey = window.grey(box.cut(display.slice(scan.array[0], plane, index)))
        tile = _Tile(grey, display.pixel_mm(plane))
        shown = box.cut(display.slice(prediction.array, plane, index))
        for each in prediction.labels:
            tile.outline(shown == each.id, each.colour, _WIDE)
        if reference is not None:
            drawn = box.cut(display.slice(reference.array, plane, index))
            for label in np.unique(drawn[drawn > 0]):
                tile.outline(drawn == label, _WHITE, _NARROW)
        picture.paste(tile.picture(), (number * _TILE, 0))
    stream = io.BytesIO()
    picture.save(stream, "png", optimize=True)
    return stream.getvalue()


def _window(scan: Volume, maps: Sequence[Segmentation]) -> Window:
    """As in reports; for CT of what is mostly air, that for lung."""
    if scan.is_ct:
        every_other = (slice(None, None, 2),) * 3
        labelled = np.logical_or.reduce([each.array[every_other] > 0 for each in maps])
        values = scan.array[0][every_other][labelled]
        if values.size and np.median(values) < _AIR_HU:
            return Window(*_LUNG_HU)
    return window_of(scan)


def _areas(geometry: Geometry, maps: Sequence[LabelArray]) -> dict[Plane, Areas]:
    """Pixels of each label in every slice of every plane, of all maps together."""
    numbered = _numbered(maps)
    labels = max(int(each.max()) for each in numbered) + 1
    counts = [
        np.sum(along, axis=0)
        for along in zip(
            *(_slice_counts(each, labels) for each in numbered), strict=True
        )
    ]
    axes = geometry.patient_axes
    steps = [-1 if geometry.affine[p.value, axes[p.value]] < 0 else 1 for p in Plane]
    return {plane: counts[axes[plane.value]][:: steps[plane.value]] for plane in Plane}


def _slice_counts(label_map: LabelArray, labels: int) -> list[Areas]:
    """Voxels of each label in every slice across i, j and k.

    Voxels are looked at in the order they lie in memory, some slices at a time, and
    only those that are labelled counted: a large scan takes a fraction of a second.
    """
    order = sorted(range(3), key=lambda axis: -abs(label_map.strides[axis]))
    stored = label_map.transpose(order)
    counts = [np.zeros(size * labels, np.int64) for size in stored.shape]
    for start in range(0, len(stored), _SLICES_AT_ONCE):
        part = stored[start : start + _SLICES_AT_ONCE]
        flat = part.reshape(-1)
        at = np.flatnonzero(flat)
        found = flat[at].astype(np.int64)
        places = list(np.unravel_index(at, part.shape))
        places[0] = places[0] + start
        for axis, place in enumerate(places):
            size = len(counts[axis])
            counts[axis] += np.bincount(place * labels + found, minlength=size)
    return [counts[order.index(axis)].reshape(-1, labels) for axis in range(3)]


def _numbered(maps: Sequence[LabelArray]) -> Sequence[LabelArray]:
    """The same maps with labels from 1 on in order where there are large numbers."""
    if max(int(each.max()) for each in maps) <= _FEW_LABELS:
        return maps
    found = sorted({label for each in maps for label in voxels_of_labels(each)})
    order = np.zeros(found[-1] + 1, np.uint16)
    order[found] = np.arange(1, len(found) + 1)
    return [order[each] for each in maps]


def _box(display: Display, plane: Plane, areas: dict[Plane, Areas]) -> Box:
    """The part of a picture with all that is labelled in any slice, and a margin."""
    column, row = (axis for axis in Plane if axis is not plane)
    rows, columns = (areas[axis][::-1, 1:].any(axis=1) for axis in (row, column))
    mask = np.logical_and.outer(rows, columns)
    pixel_mm = display.pixel_mm(plane)
    extents = zip((rows, columns), pixel_mm, strict=True)
    longest_mm = max(
        np.ptp(np.flatnonzero(e)) * mm if e.any() else 0 for e, mm in extents
    )
    return square_around(
        mask, pixel_mm, margin_mm=_MARGIN * longest_mm, least_mm=_LEAST_MM
    )


class _Tile:
    """One slice, as large as fits into a square, with its proportions kept."""

    def __init__(self, grey: Pixels, pixel_mm: tuple[float, float]) -> None:
        side = _TILE * _FINER
        sizes = zip(grey.shape, pixel_mm, strict=True)
        height_mm, width_mm = (count * mm for count, mm in sizes)
        scale = side / max(height_mm, width_mm)
        size = max(1, round(width_mm * scale)), max(1, round(height_mm * scale))
        dimmed = (grey * np.float32(_DIMMED)).astype(np.uint8)
        slice_ = Image.fromarray(dimmed).resize(size, Image.Resampling.BILINEAR)
        self._corner = (side - size[0]) // 2, (side - size[1]) // 2
        self._factors = size[0] / grey.shape[1], size[1] / grey.shape[0]
        self._fine = Image.new("RGB", (side, side))
        self._fine.paste(slice_.convert("RGB"), self._corner)
        self._draw = ImageDraw.Draw(self._fine)

    def outline(self, mask: Pixels, colour: Colour, width: int) -> None:
        """Draw the edge of a structure."""
        for line in self._lines(mask):
            self._draw.line(line, fill=colour, width=width, joint="curve")

    def picture(self) -> Image.Image:
        """As it goes into the file."""
        return self._fine.resize((_TILE, _TILE), Image.Resampling.BOX)

    def _lines(self, mask: Pixels) -> Iterator[list[tuple[float, float]]]:
        if not mask.any():
            return
        padded = np.pad(mask, 1).astype(np.float64)
        for line in contour_generator(z=padded).lines(0.5):
            points = (np.asarray(line) - 0.5) * self._factors + self._corner
            yield [(float(x), float(y)) for x, y in points]
