"""Which slices a report shows, and what is drawn on them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from medseg.core.volume import LabelArray, Segmentation, Volume
from medseg.report.pictures import (
    Outline,
    Picture,
    Window,
    outline_path,
    png_uri,
    window_of,
)
from medseg.report.slices import (
    Areas,
    Box,
    Display,
    Pixels,
    Plane,
    Voxels,
    box_around,
    largest_slice,
    spread_slices,
    square_around,
    telling_slice,
)
from medseg.report.structures import Row

_AXIAL_SLICES = 6
_OVERVIEW_MARGIN_MM = 50.0
_CLOSE_UP_MARGIN_MM = 12.0
_CLOSE_UP_SIDE_MM = 40.0


@dataclass(frozen=True, kw_only=True)
class Panels:
    """The pictures of a report.

    Attributes:
        planes: Axial, coronal and sagittal, through most structures.
        axial: At equal distances from the lowest to the highest structure.
        close_ups: One a structure, where it is largest.
    """

    planes: tuple[Picture, ...]
    axial: tuple[Picture, ...]
    close_ups: tuple[Picture, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class _Scene:
    display: Display
    image: Voxels
    window: Window
    prediction: LabelArray
    reference: LabelArray | None
    rows: Sequence[Row]

    @property
    def maps(self) -> list[LabelArray]:
        """The prediction, and the reference where there is one."""
        return [each for each in (self.prediction, self.reference) if each is not None]

    def areas(self, plane: Plane) -> Areas:
        """Pixels of every label, in prediction and reference together."""
        largest = max(int(labels.max()) for labels in self.maps)
        each = [self.display.areas(labels, plane, largest) for labels in self.maps]
        total: np.ndarray = np.sum(each, axis=0)
        return total

    def overview_box(self, plane: Plane) -> Box:
        """Box around all structures in any slice, with what lies near them."""
        shadows = [self.display.shadow(labels > 0, plane) for labels in self.maps]
        return box_around(
            np.logical_or.reduce(shadows),
            self.display.pixel_mm(plane),
            margin_mm=_OVERVIEW_MARGIN_MM,
        )

    def mask(self, place: tuple[Plane, int], label: int) -> Pixels:
        """One structure in one slice, in the prediction or the reference."""
        slices = [self.display.slice(each, *place) for each in self.maps]
        either: np.ndarray = np.logical_or.reduce([each == label for each in slices])
        return either


def draw_panels(
    scan: Volume,
    prediction: Segmentation,
    reference: Segmentation | None,
    rows: Sequence[Row],
) -> Panels:
    """Choose the slices and draw them."""
    scene = _Scene(
        display=Display(scan.geometry),
        image=scan.array[0],
        window=window_of(scan),
        prediction=prediction.array,
        reference=None if reference is None else reference.array,
        rows=rows,
    )
    areas = {plane: scene.areas(plane) for plane in Plane}
    boxes = {plane: scene.overview_box(plane) for plane in Plane}
    return Panels(
        planes=tuple(
            _overview(scene, plane, telling_slice(areas[plane]), boxes[plane])
            for plane in (Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL)
        ),
        axial=tuple(
            _overview(scene, Plane.AXIAL, index, boxes[Plane.AXIAL])
            for index in reversed(spread_slices(areas[Plane.AXIAL], _AXIAL_SLICES))
        ),
        close_ups=tuple(_close_ups(scene, areas[Plane.AXIAL])),
    )


def draw_close_up(
    scan: Volume, prediction: Segmentation, reference: Segmentation, row: Row
) -> Picture | None:
    """One structure in the axial slice where it is largest; None where it is nowhere.

    Args:
        scan: Shown below the outlines.
        prediction: On the scan's grid.
        reference: Likewise.
        row: Which structure, from `report_rows`.
    """
    scene = _Scene(
        display=Display(scan.geometry),
        image=scan.array[0],
        window=window_of(scan),
        prediction=prediction.array,
        reference=reference.array,
        rows=(row,),
    )
    return next(_close_ups(scene, scene.areas(Plane.AXIAL)), None)


def _overview(scene: _Scene, plane: Plane, index: int, box: Box) -> Picture:
    slices = scene.display.shape[plane.value]
    caption = (plane.title, f"slice {index + 1} of {slices}")
    return _picture(scene, (plane, index), rows=scene.rows, box=box, caption=caption)


def _close_ups(scene: _Scene, areas: Areas) -> Iterator[Picture]:
    for row in scene.rows:
        if row.label >= areas.shape[1] or not areas[:, row.label].any():
            continue
        index = largest_slice(areas, row.label)
        box = square_around(
            scene.mask((Plane.AXIAL, index), row.label),
            scene.display.pixel_mm(Plane.AXIAL),
            margin_mm=_CLOSE_UP_MARGIN_MM,
            least_mm=_CLOSE_UP_SIDE_MM,
        )
        details = filter(None, [f"slice {index + 1}", row.agreement])
        yield _picture(
            scene,
            (Plane.AXIAL, index),
            rows=[row],
            box=box,
            caption=(row.name, ", ".join(details)),
        )


def _picture(
    scene: _Scene,
    place: tuple[Plane, int],
    *,
    rows: Sequence[Row],
    box: Box,
    caption: tuple[str, str],
) -> Picture:
    plane, index = place
    pixels = box.cut(scene.display.slice(scene.image, plane, index))
    height_mm, width_mm = scene.display.pixel_mm(plane)
    drawn = tuple(_outlines(scene, place, rows, box))
    shown = ", ".join(dict.fromkeys(each.structure for each in drawn)) or "none"
    view = f"{plane.title} slice {index + 1} of {scene.display.shape[plane.value]}"
    return Picture(
        png=png_uri(scene.window.grey(pixels)),
        width_mm=pixels.shape[1] * width_mm,
        height_mm=pixels.shape[0] * height_mm,
        outlines=drawn,
        edges=plane.edges,
        title=caption[0],
        detail=caption[1],
        description=f"{view}. Structures outlined: {shown}.",
    )


def _outlines(
    scene: _Scene, place: tuple[Plane, int], rows: Sequence[Row], box: Box
) -> Iterator[Outline]:
    pixel_mm = scene.display.pixel_mm(place[0])
    maps = [box.cut(scene.display.slice(each, *place)) for each in scene.maps]
    for row in rows:
        for labels, is_reference in zip(maps, (False, True), strict=False):
            path = outline_path(labels == row.label, pixel_mm)
            if path:
                yield Outline(
                    structure=row.name,
                    colour=row.colour,
                    path=path,
                    is_reference=is_reference,
                )
