"""Stomach, colon, small bowel and pancreas: what a network must not take for organs."""

from dataclasses import dataclass

import numpy as np

from medseg.phantom.anatomy import Anatomy
from medseg.phantom.painting import Canvas
from medseg.phantom.palette import AIR_HU, Palette
from medseg.phantom.shapes import Capsule, common
from medseg.phantom.space import Point, Space

_WALL_MM = 2.5
_SMALL_BOWEL_LOOPS = 64
_COLON: tuple[tuple[Point, Point], ...] = (
    ((88, 4, -140), (92, 2, -52)),
    ((92, 2, -52), (60, 52, -36)),
    ((60, 52, -36), (-40, 64, -42)),
    ((-40, 64, -42), (-94, 6, 8)),
    ((-94, 6, 8), (-98, -8, -60)),
    ((-98, -8, -60), (-92, -2, -140)),
)


@dataclass(frozen=True)
class Loop:
    """A piece of gut: a tube with contents, and gas down to a level."""

    tube: Capsule
    hu: float
    gas_above_mm: float


def draw_gut(rng: np.random.Generator, palette: Palette) -> tuple[Loop, ...]:
    """Loops of small bowel at random, then the colon around them."""
    loops = [_draw_small_bowel(rng, palette) for _ in range(_SMALL_BOWEL_LOOPS)]
    stool = float(rng.uniform(-10, 60))
    for start, end in _COLON:
        radius, end_radius = rng.uniform(14, 23, size=2)
        shift = rng.uniform(-5, 5, size=3)
        tube = Capsule(
            _moved(start, shift), _moved(end, shift), float(radius), float(end_radius)
        )
        gas = float(max(start[1], end[1]) + rng.uniform(-4, 22))
        loops.append(Loop(tube, stool + float(rng.uniform(-15, 15)), gas))
    return tuple(loops)


def _draw_small_bowel(rng: np.random.Generator, palette: Palette) -> Loop:
    centre = rng.uniform((-80, -14, -150), (80, 76, 16))
    half = rng.uniform((-32, -14, -18), (32, 14, 18))
    radius = float(rng.uniform(9, 15))
    tube = Capsule(_moved(centre, -half), _moved(centre, half), radius, radius)
    opacified = rng.uniform() < 0.25
    hu = rng.uniform(110, 200) if opacified else rng.uniform(5, palette.liver)
    gas = centre[1] + rng.uniform(0, 60)
    return Loop(tube, float(hu), float(gas))


def _moved(point: Point | np.ndarray, shift: np.ndarray) -> Point:
    r, a, s = (float(p + d) for p, d in zip(point, shift, strict=True))
    return r, a, s


def paint_gut(
    canvas: Canvas,
    space: Space,
    anatomy: Anatomy,
    palette: Palette,
    loops: tuple[Loop, ...],
) -> None:
    """Paint the gut; the organs are painted over it later."""
    for loop in loops:
        _paint_loop(canvas, space, anatomy, palette, loop)
    pancreas = Capsule((30.0, 2.0, 6.0), (-72.0, -14.0, 30.0), 14.0, 9.0)
    part = space.around(*pancreas.box_mm())
    distance = pancreas.distance_mm(part) + 1.5 * part.ripple(anatomy.organ_ripple)
    canvas.paint(part, distance, 0.9 * palette.liver)
    _paint_stomach(canvas, space, anatomy, palette)


def _paint_loop(
    canvas: Canvas, space: Space, anatomy: Anatomy, palette: Palette, loop: Loop
) -> None:
    part = space.around(*loop.tube.box_mm())
    distance = loop.tube.distance_mm(part) + part.ripple(anatomy.organ_ripple)
    distance = common(distance, anatomy.cavity_mm(part) + 3, 3.0)
    canvas.paint(part, distance, palette.bowel_wall)
    lumen = distance + _WALL_MM
    canvas.paint(part, lumen, loop.hu)
    gas = common(lumen, loop.gas_above_mm - part.anterior_mm, 1.0)
    canvas.paint(part, gas, AIR_HU)


def _paint_stomach(
    canvas: Canvas, space: Space, anatomy: Anatomy, palette: Palette
) -> None:
    part = space.around((-130.0, -60.0, -60.0), (50.0, 110.0, 130.0))
    distance = anatomy.stomach_mm(part)
    canvas.paint(part, distance, palette.bowel_wall)
    lumen = distance + 2 * _WALL_MM
    canvas.paint(part, lumen, palette.stomach)
    level = anatomy.stomach.centre_mm[1] + 0.35 * anatomy.stomach.radii_mm[1]
    canvas.paint(part, common(lumen, level - part.anterior_mm, 1.0), AIR_HU)
