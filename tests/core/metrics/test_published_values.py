"""Numbers that other projects publish for given masks, ours and those that are not."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.core.metrics.comparing import dice_of, mask, sphere, surfaces_of

S = np.s_
PLANE = (14, 14)


@dataclass(frozen=True, kw_only=True)
class Published:
    """A pair of masks and what someone says about it."""

    name: str
    prediction: np.ndarray = field(repr=False)
    reference: np.ndarray = field(repr=False)
    values: dict[str, float]
    within: float = 5e-4
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    tolerance_mm: float = 1.0
    why_not: str = ""

    def measured(self, metric):
        if metric == "dice":
            return dice_of(self.prediction, self.reference)
        score = surfaces_of(
            self.prediction, self.reference, self.spacing_mm, self.tolerance_mm
        )
        return getattr(score, metric)


def ball(centre, radius=20.0, spacing_mm=(1.0, 1.0, 1.0)):
    """As MONAI's tests have it: 99 voxels a side, centre and radius in mm."""
    return sphere((99, 99, 99), radius, centre, spacing_mm)


CROSS_SQUARE = mask((11, 11), S[3:8, 3:8])
CROSS = CROSS_SQUARE | mask((11, 11), S[5, 1:10], S[1:10, 5])
SQUARE_4 = mask(PLANE, S[5:9, 5:9])
SMALL_SQUARE = mask(PLANE, S[6:8, 6:8])
LARGE_SQUARE = mask(PLANE, S[4:10, 4:10])
FIG_5C = mask(PLANE, S[9:12, 9:12])
FIG_5C_REFERENCE = FIG_5C | mask(PLANE, S[1, 1])
BOUNDARY_REFERENCE = mask((22, 22), S[2:21, 2:21])
BOUNDARY_PREDICTION = mask((22, 22), S[3:21, 2:21])
ANISOTROPIC = (0.85, 1.2, 0.9)
THICK = (5.0, 0.8, 0.8)
THICK_BALL = sphere((16, 80, 80), 19.99, (40.0, 32.0, 32.0), THICK)
LARGE = (1.5, 0.8, 0.8)
LARGE_BALL = sphere((104, 190, 190), 70.0, (75.75, 74.0, 74.0), LARGE)
FAR_REFERENCE = sphere((90, 90, 90), 15.0, (30.0,) * 3)
FAR = FAR_REFERENCE | sphere((90, 90, 90), 4.0, (70.0,) * 3)
CONCENTRIC = [
    sphere((20, 80, 80), radius, (30.0, 40.0, 40.0), (3.0, 1.0, 1.0))
    for radius in (15.99, 17.99)
]
PANOPTICA = [
    mask((4, 4), S[1:3, 1:3]),
    mask((4, 4), S[1:4, 1:3], S[0, 2], S[1:3, 0], S[2, 3]),
]

OURS = [
    Published(
        name="DeepMind: one voxel against one, two apart",
        prediction=mask((128,) * 3, S[50, 60, 72]),
        reference=mask((128,) * 3, S[50, 60, 70]),
        spacing_mm=(3.0, 2.0, 1.0),
        values={"dice": 0, "hd_mm": 2, "hd95_mm": 2, "nsd": 0.5},
    ),
    Published(
        name="DeepMind: 51 slices against 50",
        prediction=mask((100,) * 3, S[:51]),
        reference=mask((100,) * 3, S[:50]),
        spacing_mm=(2.0, 1.0, 1.0),
        values={"dice": 0.990, "hd_mm": 2, "hd95_mm": 2, "nsd": 0.836},
    ),
    Published(
        name="MONAI: balls of 20 shifted by a voxel each way",
        prediction=ball((20, 20, 20)),
        reference=ball((19, 19, 19)),
        values={"hd_mm": 1.7320508},
        within=1e-6,
    ),
    Published(
        name="MONAI: the same on anisotropic voxels",
        prediction=ball((20, 20, 20), spacing_mm=ANISOTROPIC),
        reference=ball((19, 19, 19), spacing_mm=ANISOTROPIC),
        spacing_mm=ANISOTROPIC,
        values={"hd_mm": 2.2671568},
        within=1e-6,
    ),
    Published(
        name="MONAI: balls of 20 and 40",
        prediction=ball((20, 33, 22)),
        reference=ball((20, 33, 22), 40),
        values={"hd_mm": 20.2237484, "hd95_mm": 20.0997512},
        within=1e-6,
    ),
    Published(
        name="MONAI: balls of 15 and 30 on anisotropic voxels",
        prediction=ball((20, 33, 22), 15, ANISOTROPIC),
        reference=ball((20, 33, 22), 30, ANISOTROPIC),
        spacing_mm=ANISOTROPIC,
        values={"hd_mm": 15.62594},
        within=1e-5,
    ),
    Published(
        name="MetricsReloaded: smaller square",
        prediction=SMALL_SQUARE,
        reference=SQUARE_4,
        values={"hd_mm": 1.41, "masd_mm": 1.07, "assd_mm": 1.10},
        within=5e-3,
    ),
    Published(
        name="MetricsReloaded: larger square",
        prediction=LARGE_SQUARE,
        reference=SQUARE_4,
        values={"hd_mm": 1.41, "masd_mm": 1.04, "assd_mm": 1.05},
        within=5e-3,
    ),
    Published(
        name="MetricsReloaded: figure 5c, one pixel far away",
        prediction=FIG_5C,
        reference=FIG_5C_REFERENCE,
        values={"hd_mm": 11.31, "hd95_mm": 6.79},
        within=5e-3,
    ),
    Published(
        name="MetricsReloaded: cross over a square",
        prediction=CROSS,
        reference=CROSS_SQUARE,
        values={"dice": 0.862, "assd_mm": 0.44, "masd_mm": 0.425},
        within=5e-3,
    ),
    Published(
        name="MetricsReloaded: cross over a square, tolerance 2 mm",
        prediction=CROSS,
        reference=CROSS_SQUARE,
        tolerance_mm=2.0,
        values={"nsd": 1},
    ),
    Published(
        name="MetricsReloaded: rims of 1 pixel",
        prediction=BOUNDARY_PREDICTION,
        reference=BOUNDARY_REFERENCE,
        values={"boundary_iou": 0.6},
        within=0.05,
    ),
    Published(
        name="MetricsReloaded: rims of 2 pixels",
        prediction=BOUNDARY_PREDICTION,
        reference=BOUNDARY_REFERENCE,
        tolerance_mm=2.0,
        values={"boundary_iou": 0.8},
        within=0.05,
    ),
    Published(
        name="panoptica: prediction within the reference",
        prediction=PANOPTICA[0],
        reference=PANOPTICA[1],
        values={"dice": 0.5714285714285714, "masd_mm": 0.625},
        within=1e-12,
    ),
    Published(
        name="side by side: ball and another one far away",
        prediction=FAR,
        reference=FAR_REFERENCE,
        values={"hd95_mm": 51.96, "nsd": 0.967},
        within=5e-3,
    ),
    Published(
        name="side by side: ball shifted by one thick slice",
        prediction=np.roll(THICK_BALL, 1, axis=0),
        reference=THICK_BALL,
        spacing_mm=THICK,
        values={"hd95_mm": 5.0, "nsd": 0.516},
        within=2e-3,
    ),
    Published(
        name="side by side: ball shifted in the plane of thick slices",
        prediction=np.roll(THICK_BALL, 4, axis=1),
        reference=THICK_BALL,
        spacing_mm=THICK,
        values={"hd95_mm": 2.884, "nsd": 0.619},
        within=2e-3,
    ),
    Published(
        name="side by side: two voxels",
        prediction=mask((9,) * 3, S[4, 4, 6]),
        reference=mask((9,) * 3, S[4, 4, 4]),
        values={"hd95_mm": 2.0, "nsd": 0.5},
    ),
    Published(
        name="side by side: concentric balls",
        prediction=CONCENTRIC[0],
        reference=CONCENTRIC[1],
        spacing_mm=(3.0, 1.0, 1.0),
        values={"hd95_mm": 3.0, "nsd": 0.467},
        within=1e-3,
    ),
    Published(
        name="side by side: large organ",
        prediction=np.roll(LARGE_BALL, (1, 2), axis=(0, 1)),
        reference=LARGE_BALL,
        spacing_mm=LARGE,
        values={"hd95_mm": 2.19, "nsd": 0.592},
        within=4e-3,
    ),
]

NOT_OURS = [
    Published(
        name="DeepMind's average distance of two voxels",
        prediction=mask((128,) * 3, S[50, 60, 72]),
        reference=mask((128,) * 3, S[50, 60, 70]),
        spacing_mm=(3.0, 2.0, 1.0),
        values={"assd_mm": 1.5},
        why_not="weighted by area and from corner to corner, not between the centres "
        "of border voxels",
    ),
    Published(
        name="DeepMind's average distance of 51 slices and 50",
        prediction=mask((100,) * 3, S[:51]),
        reference=mask((100,) * 3, S[:50]),
        spacing_mm=(2.0, 1.0, 1.0),
        values={"assd_mm": 0.3305},
        why_not="weighted by area and from corner to corner, not between the centres "
        "of border voxels",
    ),
    Published(
        name="DeepMind's HD95 of a large organ",
        prediction=np.roll(LARGE_BALL, (1, 2), axis=(0, 1)),
        reference=LARGE_BALL,
        spacing_mm=LARGE,
        values={"hd95_mm": 1.70},
        why_not="weighted by area, without interpolation",
    ),
    Published(
        name="MONAI's directed HD",
        prediction=ball((20, 33, 22), 40),
        reference=ball((20, 33, 22)),
        values={"hd_mm": 20.0997512, "hd95_mm": 19.9248588},
        why_not="one direction only, ours is the larger of the two",
    ),
    Published(
        name="MONAI's directed HD on anisotropic voxels",
        prediction=ball((20, 20, 20), spacing_mm=ANISOTROPIC),
        reference=ball((19, 19, 19), spacing_mm=ANISOTROPIC),
        spacing_mm=ANISOTROPIC,
        values={"hd_mm": 2.0808651},
        why_not="one direction only, ours is the larger of the two",
    ),
    Published(
        name="MONAI's and MetricsReloaded's NSD of a shift by one thick slice",
        prediction=np.roll(THICK_BALL, 1, axis=0),
        reference=THICK_BALL,
        spacing_mm=THICK,
        values={"nsd": 0.197},
        why_not="counts border voxels, whatever area they stand for",
    ),
    Published(
        name="MONAI's and MetricsReloaded's NSD of two voxels",
        prediction=mask((9,) * 3, S[4, 4, 6]),
        reference=mask((9,) * 3, S[4, 4, 4]),
        values={"nsd": 0.0},
        why_not="between voxel centres, where ours is between the corners of surfaces",
    ),
    Published(
        name="MetricsReloaded's NSD of a smaller square",
        prediction=SMALL_SQUARE,
        reference=SQUARE_4,
        values={"nsd": 0.75},
        why_not="counts border pixels, whatever length they stand for",
    ),
    Published(
        name="MetricsReloaded's NSD of a larger square",
        prediction=LARGE_SQUARE,
        reference=SQUARE_4,
        values={"nsd": 0.875},
        why_not="counts border pixels, whatever length they stand for",
    ),
    Published(
        name="MetricsReloaded's NSD of a cross over a square",
        prediction=CROSS,
        reference=CROSS_SQUARE,
        values={"nsd": 0.89},
        why_not="counts border pixels, whatever length they stand for",
    ),
    Published(
        name="medpy's, panoptica's and seg-metrics' HD95 of a far ball",
        prediction=FAR,
        reference=FAR_REFERENCE,
        values={"hd95_mm": 0.0},
        why_not="percentile of both directions pooled, in which a spurious ball drowns",
    ),
    Published(
        name="seg-metrics' HD95 of a shift in the plane",
        prediction=np.roll(THICK_BALL, 4, axis=1),
        reference=THICK_BALL,
        spacing_mm=THICK,
        values={"hd95_mm": 2.530},
        why_not="percentile of both directions pooled, borders that touch at corners",
    ),
    Published(
        name="MeshMetrics' concentric balls",
        prediction=CONCENTRIC[0],
        reference=CONCENTRIC[1],
        spacing_mm=(3.0, 1.0, 1.0),
        values={"hd95_mm": 2.333, "nsd": 0.249},
        why_not="between the triangles of a mesh, weighted by area",
    ),
]


@pytest.mark.parametrize("published", OURS, ids=lambda each: each.name)
def test_what_others_publish_by_our_definition_is_what_we_measure(published):
    measured = {metric: published.measured(metric) for metric in published.values}
    assert measured == pytest.approx(published.values, abs=published.within)


@pytest.mark.parametrize("published", NOT_OURS, ids=lambda each: each.name)
def test_what_others_define_otherwise_is_not_what_we_measure(published):
    assert published.why_not
    for metric, value in published.values.items():
        gap = abs(published.measured(metric) - value)
        assert gap > 5e-3, f"{metric} agrees, though: {published.why_not}"
