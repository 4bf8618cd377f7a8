"""The labelled organs: liver with its tumours, spleen and kidneys."""

import numpy as np
from jaxtyping import UInt8

from medseg.core.labels import LabelSet, Structure, StructureKind, standard_colour
from medseg.phantom.anatomy import Anatomy
from medseg.phantom.painting import Canvas
from medseg.phantom.palette import Palette
from medseg.phantom.shapes import Capsule, Ellipsoid
from medseg.phantom.space import Field, Point, Space, draw_waves
from medseg.phantom.tumours import Tumour, draw_tumours

LIVER, SPLEEN, LEFT_KIDNEY, RIGHT_KIDNEY, TUMOUR = 1, 2, 3, 4, 5
_NAMES = (
    (LIVER, "liver", StructureKind.STUFF, "10200004"),
    (SPLEEN, "spleen", StructureKind.STUFF, "78961009"),
    (LEFT_KIDNEY, "left kidney", StructureKind.STUFF, "18639004"),
    (RIGHT_KIDNEY, "right kidney", StructureKind.STUFF, "9846003"),
    (TUMOUR, "liver tumour", StructureKind.THING, None),
)
PHANTOM_LABELS = LabelSet(
    tuple(
        Structure(
            id=id_, name=name, kind=kind, colour=standard_colour(id_), snomed_ct=code
        )
        for id_, name, kind, code in _NAMES
    )
)


_PORTA_MM: Point = (26.0, 4.0, 32.0)
_CORTEX_MM = 6.5


def paint_liver(
    rng: np.random.Generator,
    canvas: Canvas,
    space: Space,
    anatomy: Anatomy,
    palette: Palette,
    voxel_ml: float,
) -> UInt8[np.ndarray, "i j k"]:
    """Paint liver, gallbladder and tumours; return the number of each tumour."""
    part = space.around((-110.0, -95.0, -75.0), (160.0, 120.0, 130.0))
    liver = anatomy.liver_mm(part)
    texture = part.ripple(draw_waves(rng, 3, 2.0, (40.0, 120.0)))
    canvas.paint(part, liver, palette.liver + texture, LIVER)
    _tint_vessels(rng, canvas, part, liver, palette)
    bile = float(rng.uniform(2, 18))
    canvas.paint(part, anatomy.gallbladder.distance_mm(part), bile)
    numbers = np.zeros(canvas.labels.shape, np.uint8)
    tumours = draw_tumours(rng, part, liver, voxel_ml)
    for number, tumour in enumerate(tumours, start=1):
        _paint_tumour(canvas, part, tumour, palette)
        numbers[part.where][tumour.distance_mm < 0] = number
    return numbers


def _tint_vessels(
    rng: np.random.Generator,
    canvas: Canvas,
    space: Space,
    liver_mm: Field,
    palette: Palette,
) -> None:
    """Portal and hepatic veins: straight branches that thin out; they are liver too."""
    roots = ((_PORTA_MM, 5.0, 9), ((20.0, -12.0, 88.0), 4.5, 5))
    for root, radius, branches in roots:
        for _ in range(branches):
            tip = rng.uniform((-45, -55, 0), (125, 75, 90))
            end = (float(tip[0]), float(tip[1]), float(tip[2]))
            vessel = Capsule(root, end, radius, 1.2).distance_mm(space)
            canvas.tint(
                space, np.maximum(vessel, liver_mm + 2.0), palette.liver_vessels
            )


def _paint_tumour(
    canvas: Canvas, space: Space, tumour: Tumour, palette: Palette
) -> None:
    hu = palette.liver + tumour.contrast_hu
    canvas.paint(space, tumour.distance_mm, hu, TUMOUR)


def paint_spleen(
    canvas: Canvas, space: Space, anatomy: Anatomy, palette: Palette
) -> None:
    """Paint the spleen."""
    part = space.around(*anatomy.spleen.box_mm())
    canvas.paint(part, anatomy.spleen_mm(part), palette.spleen, SPLEEN)


def paint_kidneys(
    canvas: Canvas, space: Space, anatomy: Anatomy, palette: Palette
) -> None:
    """Paint both kidneys, with medulla, sinus fat and pelvis."""
    for kidney, label in (
        (anatomy.left_kidney, LEFT_KIDNEY),
        (anatomy.right_kidney, RIGHT_KIDNEY),
    ):
        part = space.around(*kidney.box_mm())
        body = anatomy.kidney_mm(part, kidney)
        canvas.paint(part, body - 7.0, palette.fat)
        canvas.paint(part, body, palette.kidney, label)
        canvas.tint(part, body + _CORTEX_MM, 0.85 * palette.kidney)
        hilum = anatomy.hilum(kidney)
        width, depth, height = hilum.radii_mm
        inner = Ellipsoid(hilum.centre_mm, (0.5 * width, 0.5 * depth, 0.6 * height))
        canvas.paint(part, inner.distance_mm(part), palette.pelvis)
