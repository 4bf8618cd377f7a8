"""The phantom: a synthetic CT of the abdomen whose truth is known."""

from dataclasses import dataclass

import numpy as np

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.geometry import Geometry, Shape3, Spacing
from medseg.core.volume import LabelArray, Segmentation, Volume, read_only
from medseg.phantom.anatomy import draw_anatomy
from medseg.phantom.bowel import draw_gut, paint_gut
from medseg.phantom.noise import add_noise
from medseg.phantom.organs import (
    PHANTOM_LABELS,
    paint_kidneys,
    paint_liver,
    paint_spleen,
)
from medseg.phantom.painting import Canvas
from medseg.phantom.palette import draw_palette
from medseg.phantom.space import draw_space
from medseg.phantom.trunk import paint_trunk

# Seeds below a million are for single phantoms, this one for the sample scan; the cases
# of a dataset take seeds from a million on (`case_seed`), so that no training sees it.
SAMPLE_SEED = 10


@dataclass(frozen=True, eq=False, kw_only=True)
class Phantom:
    """A synthetic scan and the truth about it.

    Attributes:
        seed: Number it was made from.
        volume: The scan, int16 HU, with axes i, j, k to the left, back and head.
        reference: Liver, spleen, kidneys and tumours.
        tumours: Number of the tumour in each voxel, 1 and up, 0 elsewhere.
    """

    seed: int
    volume: Volume
    reference: Segmentation
    tumours: LabelArray


def make_phantom(
    seed: int,
    *,
    shape: Shape3 = (160, 160, 72),
    spacing_mm: Spacing = (2.2, 2.2, 3.0),
) -> Phantom:
    """Make a synthetic CT of an abdomen; no patient is involved.

    Build, organs, contrast phase and tumours vary with the seed, and spleen, muscle and
    gut share the liver's Hounsfield units. The same arguments give the same voxels.

    Args:
        seed: Zero or more; one below a million for a phantom that no dataset holds.
        shape: Voxels along i, j, k.
        spacing_mm: Their distances. The body is up to 345 mm wide and 250 mm deep.

    Raises:
        WrongUse: INVALID_OPTION for a negative seed.
    """
    require_range("seed", seed, 0, 2**63 - 1)
    rng = np.random.default_rng(seed)
    geometry = _draw_geometry(rng, shape, spacing_mm)
    space = draw_space(rng, geometry)
    palette, anatomy = draw_palette(rng), draw_anatomy(rng)
    canvas = Canvas.blank(geometry.shape, sum(spacing_mm) / 3)
    paint_trunk(canvas, space, anatomy, palette)
    paint_gut(canvas, space, anatomy, palette, draw_gut(rng, palette))
    paint_spleen(canvas, space, anatomy, palette)
    paint_kidneys(canvas, space, anatomy, palette)
    tumours = paint_liver(
        rng, canvas, space, anatomy, palette, geometry.voxel_volume_ml
    )
    hu = add_noise(rng, canvas.hu, anatomy.habitus.trunk_mm(space, 0.0))
    case_id = f"phantom_{seed}"
    return Phantom(
        seed=seed,
        volume=Volume(
            array=hu[None], geometry=geometry, channels=("CT",), case_id=case_id
        ),
        reference=Segmentation(
            array=canvas.labels,
            geometry=geometry,
            labels=PHANTOM_LABELS,
            case_id=case_id,
        ),
        tumours=read_only(tumours),
    )


def _draw_geometry(
    rng: np.random.Generator, shape: Shape3, spacing_mm: Spacing
) -> Geometry:
    """Grid around the upper abdomen, its axes to the left, back and head."""
    centre = np.array([0, -8, 14]) + rng.uniform((-6, -4, -10), (6, 4, 6))
    affine = np.diag([-spacing_mm[0], -spacing_mm[1], spacing_mm[2], 1.0])
    middle = (np.array(shape) - 1) / 2
    affine[:3, 3] = np.round(centre - np.diag(affine)[:3] * middle, 2)
    return Geometry(shape, affine)


def require_range(name: str, value: int, lowest: int, highest: int) -> None:
    """Refuse a number out of its range.

    Raises:
        WrongUse: INVALID_OPTION.
    """
    if not lowest <= value <= highest:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"{name} is a number from {lowest} to {highest}, got {value}",
            where=name,
            remedy="Give another number.",
        )
