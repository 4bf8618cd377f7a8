"""Label maps of lesions whose number and size are known."""

import numpy as np

import medseg
from tests.core.making import ellipsoid

LABELS = medseg.LabelSet(
    (
        medseg.Structure(id=2, name="liver", colour=(1, 2, 3)),
        medseg.Structure(id=5, name="spleen", colour=(1, 2, 4)),
        medseg.Structure(
            id=7, name="tumour", colour=(1, 2, 5), kind=medseg.StructureKind.THING
        ),
        medseg.Structure(
            id=9, name="cyst", colour=(1, 2, 6), kind=medseg.StructureKind.THING
        ),
    )
)
LIVER, SPLEEN, TUMOUR, CYST = 2, 5, 7, 9


def label_map(array, spacing_mm=(1.0, 1.0, 1.0), geometry=None) -> medseg.Segmentation:
    geometry = geometry or medseg.Geometry.from_spacing(array.shape, spacing_mm)
    return medseg.Segmentation(
        array=array.astype(np.uint8), geometry=geometry, labels=LABELS, case_id="scan"
    )


def two_balls(spacing_mm=(1.0, 1.0, 2.0), shape=(48, 30, 16)) -> np.ndarray:
    """Two tumours that touch, in one row along i."""
    geometry = medseg.Geometry.from_spacing(shape, spacing_mm)
    first = ellipsoid(geometry, 9.0, (14.0, 14.0, 15.0))
    second = ellipsoid(geometry, 8.0, (29.0, 14.0, 15.0))
    return np.where(first | second, TUMOUR, 0)
