"""What surrounds the organs: couch, trunk wall, skeleton, chest, great vessels."""

import numpy as np

from medseg.phantom.anatomy import Anatomy
from medseg.phantom.painting import Canvas
from medseg.phantom.palette import LUNG_HU, Palette
from medseg.phantom.shapes import Capsule, Ellipsoid, common, union, without
from medseg.phantom.space import Field, Space

_COUCH_RADIUS_MM = 420.0
_COUCH_THICKNESS_MM = 22.0
_VERTEBRA_MM = 34.0
_RIB_PITCH_MM = 27.0
_RIB_SLOPE = 0.45


def paint_trunk(
    canvas: Canvas, space: Space, anatomy: Anatomy, palette: Palette
) -> None:
    """Everything but the organs of the belly."""
    _paint_couch(canvas, space, anatomy)
    _paint_wall(canvas, space, anatomy, palette)
    _paint_chest(canvas, space, anatomy, palette)
    _paint_ribs(canvas, space, anatomy, palette)
    _paint_back(canvas, space, palette)
    _paint_spine(canvas, space, palette)
    _paint_vessels(canvas, space, anatomy, palette)


def _paint_couch(canvas: Canvas, space: Space, anatomy: Anatomy) -> None:
    top = -anatomy.habitus.half_depth_mm - 4
    bow = np.sqrt(
        space.right_mm * space.right_mm
        + (space.anterior_mm - (top + _COUCH_RADIUS_MM)) ** 2
    )
    middle = _COUCH_RADIUS_MM + _COUCH_THICKNESS_MM / 2
    depth = np.abs(bow - middle) - _COUCH_THICKNESS_MM / 2
    edge = np.maximum(np.abs(space.right_mm) - 205, space.anterior_mm)
    plate = np.maximum(depth, edge)
    canvas.paint(space, plate, 300.0)
    canvas.paint(space, plate + 3.5, -940.0)


def _paint_wall(
    canvas: Canvas, space: Space, anatomy: Anatomy, palette: Palette
) -> None:
    habitus = anatomy.habitus
    canvas.paint(space, habitus.trunk_mm(space, 0.0), 10.0)
    canvas.paint(space, habitus.trunk_mm(space, 2.0), palette.fat)
    canvas.paint(space, habitus.trunk_mm(space, habitus.fat_mm), palette.muscle)
    canvas.paint(space, anatomy.cavity_mm(space), palette.fat)


def _paint_chest(
    canvas: Canvas, space: Space, anatomy: Anatomy, palette: Palette
) -> None:
    above = space.around((-200.0, -200.0, 0.0), (200.0, 200.0, 300.0))
    lungs = common(anatomy.cavity_mm(above) + 2, 12 - above.superior_mm, 6.0)
    lungs = without(lungs, anatomy.below_diaphragm_mm(above), 1.0, 4.0)
    column = np.abs(above.right_mm + 3) - 15
    column = common(column, above.anterior_mm - 70, 10.0)
    lungs = without(lungs, column, 0.0, 8.0)
    heart = anatomy.heart.distance_mm(above)
    heart = without(heart, anatomy.below_diaphragm_mm(above), 1.0, 4.0)
    canvas.paint(above, without(lungs, heart, 4.0, 6.0), LUNG_HU)
    canvas.paint(above, heart, palette.muscle + 0.5 * (palette.aorta - palette.muscle))
    oesophagus = Capsule((-2.0, -2.0, 200.0), (-14.0, 4.0, 80.0), 8.0, 8.0)
    part = space.around(*oesophagus.box_mm())
    canvas.paint(part, oesophagus.distance_mm(part), palette.muscle)


def _paint_ribs(
    canvas: Canvas, space: Space, anatomy: Anatomy, palette: Palette
) -> None:
    """Ribs: rods in the trunk's wall that fall from the spine to the front."""
    depth = anatomy.habitus.cavity_depth_mm - 5.5
    across = anatomy.habitus.trunk_mm(space, depth)
    height = space.superior_mm + _RIB_SLOPE * space.anterior_mm
    along = np.mod(height, _RIB_PITCH_MM) - _RIB_PITCH_MM / 2
    rods = np.sqrt(across * across * 1.7 + along * along) - 6.0
    ends = np.maximum(space.anterior_mm - 62, 2 - height)
    ribs = np.maximum(rods, ends)
    canvas.paint(space, ribs, palette.bone)
    canvas.paint(space, ribs + 3.0, palette.marrow)


def _paint_back(canvas: Canvas, space: Space, palette: Palette) -> None:
    """Muscles on both sides of the spine."""
    for side in (-1.0, 1.0):
        erector = Ellipsoid((side * 33, -84.0, 0.0), (30.0, 17.0, 900.0))
        psoas = Capsule((side * 26, -48.0, 20.0), (side * 48, -38.0, -130.0), 8.0, 27.0)
        for body in (erector, psoas):
            part = space.around(*body.box_mm())
            canvas.paint(part, body.distance_mm(part), palette.muscle)


def _paint_spine(canvas: Canvas, space: Space, palette: Palette) -> None:
    part = space.around((-60.0, -120.0, -400.0), (60.0, 0.0, 400.0))
    level = np.mod(part.superior_mm + 200, _VERTEBRA_MM) - _VERTEBRA_MM / 2
    body = Ellipsoid((0.0, -48.0, 0.0), (24.0, 18.0, 4000.0)).distance_mm(part)
    waist = (1 - np.abs(level) / (_VERTEBRA_MM / 2)) * 2.5
    canvas.paint(part, body, 80.0)
    bone = common(body + waist, np.abs(level) - 12.5, 2.0)
    canvas.paint(part, bone, palette.bone)
    canvas.paint(part, bone + 3.0, palette.marrow)
    arch = union(_arch(part, level), _processes(part, level), 4.0)
    canvas.paint(part, arch, palette.bone)
    canvas.paint(part, arch + 3.5, palette.marrow)
    canal = Ellipsoid((0.0, -74.0, 0.0), (10.5, 8.5, 4000.0)).distance_mm(part)
    canvas.paint(part, canal, 30.0)


def _paint_vessels(
    canvas: Canvas, space: Space, anatomy: Anatomy, palette: Palette
) -> None:
    part = space.around(*anatomy.vena_cava.box_mm())
    distance = anatomy.vena_cava.distance_mm(part)
    below = anatomy.below_diaphragm_mm(part)
    canvas.paint(part, common(distance, below, 5.0), palette.vena_cava)
    part = space.around(*anatomy.aorta.box_mm())
    canvas.paint(part, anatomy.aorta.distance_mm(part), palette.aorta)


def _arch(space: Space, level: Field) -> Field:
    ring = Ellipsoid((0.0, -75.0, 0.0), (16.0, 14.0, 4000.0)).distance_mm(space)
    return common(ring, np.abs(level + 3) - 9, 3.0)


def _processes(space: Space, level: Field) -> Field:
    spinous = np.maximum(np.abs(space.right_mm) - 4, np.abs(space.anterior_mm + 93) - 9)
    spinous = np.maximum(spinous, np.abs(level + 5) - 8)
    transverse = np.maximum(
        np.abs(space.right_mm) - 40, np.abs(space.anterior_mm + 73) - 4.5
    )
    transverse = np.maximum(transverse, np.abs(level) - 6)
    return union(spinous, transverse, 4.0)
