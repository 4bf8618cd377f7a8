"""The organs of one patient: bodies in millimetres of the phantom's anatomy."""

from dataclasses import dataclass

import numpy as np

from medseg.phantom.shapes import Capsule, Ellipsoid, common, union, without
from medseg.phantom.space import Field, Number, Point, Space, Wave, draw_waves


@dataclass(frozen=True, kw_only=True)
class Habitus:
    """Build of the patient: half widths of the trunk and thickness of its layers."""

    half_width_mm: float
    half_depth_mm: float
    fat_mm: float
    muscle_mm: float

    def trunk_mm(self, space: Space, depth_mm: float) -> Field:
        """Distance to the surface that lies a depth below the skin."""
        width = self.half_width_mm - depth_mm
        depth = self.half_depth_mm - depth_mm
        right = space.right_mm / width
        anterior = space.anterior_mm / depth
        right, anterior = right * right, anterior * anterior
        level = np.sqrt(right + anterior - 0.3 * right * anterior)
        radius = np.sqrt(
            space.right_mm * space.right_mm + space.anterior_mm * space.anterior_mm
        )
        distance: np.ndarray = np.where(
            level > 0.2, radius * (1 - 1 / np.maximum(level, 0.1)), -depth
        )
        return distance.astype(np.float32)

    @property
    def cavity_depth_mm(self) -> float:
        """From the skin to the inside of the abdominal wall."""
        return self.fat_mm + self.muscle_mm


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """Where one patient's organs are."""

    habitus: Habitus
    domes: tuple[Ellipsoid, Ellipsoid]
    heart: Ellipsoid
    right_lobe: Ellipsoid
    left_lobe: Ellipsoid
    hollow: Ellipsoid
    gallbladder: Ellipsoid
    spleen: Ellipsoid
    stomach: Ellipsoid
    antrum: Ellipsoid
    right_kidney: Ellipsoid
    left_kidney: Ellipsoid
    aorta: Capsule
    vena_cava: Capsule
    organ_ripple: tuple[Wave, ...]

    def below_diaphragm_mm(self, space: Space) -> Field:
        """Distance to the domes under which the abdomen lies."""
        right, left = (dome.distance_mm(space) for dome in self.domes)
        return union(right, left, 12.0)

    def cavity_mm(self, space: Space) -> Field:
        """Distance to the inside of the trunk's wall."""
        return self.habitus.trunk_mm(space, self.habitus.cavity_depth_mm)

    def kidney_mm(self, space: Space, kidney: Ellipsoid) -> Field:
        """Distance to a kidney, its hilum notched on the side of the spine."""
        body = kidney.distance_mm(space) + 0.5 * space.ripple(self.organ_ripple)
        return without(body, self.hilum(kidney).distance_mm(space), 0.0, 4.0)

    def hilum(self, kidney: Ellipsoid) -> Ellipsoid:
        """The notch where vessels and ureter leave."""
        right, anterior, superior = kidney.centre_mm
        inward = -1.0 if right > 0 else 1.0
        width, depth, height = kidney.radii_mm
        centre = (right + inward * 0.85 * width, anterior + 0.35 * depth, superior)
        return Ellipsoid(centre, (0.72 * width, 0.5 * depth, 0.26 * height))

    def stomach_mm(self, space: Space) -> Field:
        """Distance to the stomach."""
        parts = self.stomach.distance_mm(space), self.antrum.distance_mm(space)
        inside = common(union(*parts, 18.0), self.cavity_mm(space) + 3, 4.0)
        return common(inside, self.below_diaphragm_mm(space) + 4, 4.0)

    def spleen_mm(self, space: Space) -> Field:
        """Distance to the spleen, which moulds itself to stomach and kidney."""
        body = self.spleen.distance_mm(space) + space.ripple(self.organ_ripple)
        body = common(body, self.cavity_mm(space) + 3, 6.0)
        body = common(body, self.below_diaphragm_mm(space) + 3, 6.0)
        body = without(body, self.stomach_mm(space), 3.0, 4.0)
        return without(body, self.kidney_mm(space, self.left_kidney), 3.5, 4.0)

    def liver_mm(self, space: Space) -> Field:
        """Distance to the liver: two lobes under the right dome, hollow below."""
        lobes = union(
            self.right_lobe.distance_mm(space), self.left_lobe.distance_mm(space), 25.0
        )
        body = lobes + space.ripple(self.organ_ripple)
        body = common(body, self.cavity_mm(space) + 3, 6.0)
        body = common(body, self.below_diaphragm_mm(space) + 3, 6.0)
        body = without(body, self.hollow.distance_mm(space), 0.0, 12.0)
        body = without(body, self.stomach_mm(space), 3.0, 4.0)
        body = without(body, self.gallbladder.distance_mm(space), 1.0, 3.0)
        body = without(body, self.vena_cava.distance_mm(space), 1.5, 3.0)
        return without(body, self.kidney_mm(space, self.right_kidney), 3.5, 4.0)


class _Hand:
    """Draws bodies that differ from the textbook by a few per cent and millimetres."""

    def __init__(self, rng: np.random.Generator, build: float) -> None:
        self._rng = rng
        self._build = build

    def point(self, right: Number, anterior: Number, superior: Number) -> Point:
        shift = self._rng.uniform(-6, 6, size=3)
        r, a, s = (
            float(self._build * value + offset)
            for value, offset in zip((right, anterior, superior), shift, strict=True)
        )
        return r, a, s

    def ellipsoid(
        self, centre_mm: Point, radii_mm: Point, degrees: Point = (0.0, 0.0, 0.0)
    ) -> Ellipsoid:
        scale = self._build * self._rng.uniform(0.9, 1.1)
        r, a, s = (
            float(scale * radius * self._rng.uniform(0.95, 1.05)) for radius in radii_mm
        )
        x, y, z = (float(angle + self._rng.uniform(-7, 7)) for angle in degrees)
        return Ellipsoid(self.point(*centre_mm), (r, a, s), (x, y, z))

    def upright(self, centre_mm: Point, radii_mm: Point) -> Ellipsoid:
        drawn = self.ellipsoid(centre_mm, radii_mm)
        return Ellipsoid(drawn.centre_mm, drawn.radii_mm)

    def vessel(self, right: Number, radius_mm: Number) -> Capsule:
        radius = float(radius_mm * self._rng.uniform(0.85, 1.15))
        top, bottom = self.point(right, -24, 200), self.point(right, -20, -200)
        return Capsule(top, bottom, radius, 0.85 * radius)


def draw_anatomy(rng: np.random.Generator) -> Anatomy:
    """Organs of one patient. The numbers are of an adult lying on the back."""
    build = float(rng.uniform(0.92, 1.04))
    habitus = Habitus(
        half_width_mm=build * float(rng.uniform(150, 164)),
        half_depth_mm=build * float(rng.uniform(108, 120)),
        fat_mm=float(rng.uniform(9, 24)),
        muscle_mm=float(rng.uniform(10, 14)),
    )
    hand = _Hand(rng, build)
    return Anatomy(
        habitus=habitus,
        domes=(
            hand.upright((58, 0, 0), (92, 108, 104)),
            hand.upright((-62, 0, 0), (90, 108, 92)),
        ),
        heart=hand.ellipsoid((-22, 38, 122), (58, 42, 38), (0, 25, 0)),
        right_lobe=hand.ellipsoid((72, 4, 42), (68, 80, 76), (0, -12, 0)),
        left_lobe=hand.ellipsoid((0, 46, 56), (72, 38, 34), (0, 10, 8)),
        hollow=hand.ellipsoid((2, -32, -8), (60, 58, 66), (0, 35, 0)),
        gallbladder=hand.ellipsoid((42, 34, 0), (13, 15, 27), (20, 15, 0)),
        spleen=hand.ellipsoid((-98, -36, 44), (30, 50, 48), (15, 0, -15)),
        stomach=hand.ellipsoid((-54, 12, 46), (38, 38, 52), (0, 20, 0)),
        antrum=hand.ellipsoid((-22, 48, 4), (48, 22, 22), (0, -20, 0)),
        right_kidney=hand.ellipsoid((60, -44, -18), (25, 23, 53), (-8, 14, 0)),
        left_kidney=hand.ellipsoid((-60, -44, -8), (25, 23, 53), (-8, -14, 0)),
        aorta=hand.vessel(-9, 10.5),
        vena_cava=hand.vessel(20, 12.0),
        organ_ripple=draw_waves(rng, 4, 1.4, (38.0, 80.0)),
    )
