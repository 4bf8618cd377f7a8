"""Where an instance head's outputs lie, of scans that are turned, cut and resampled."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from medseg.core.instance_head import InstanceHead
from medseg.core.plan import IntensityStatistics, Normalisation, NormalisationKind
from medseg.pipeline.centres import HeadRows
from medseg.preprocessing import LogitsSlab, prepare
from tests.core.making import TINY_PLAN, turned_geometry, volume_of

UNCHANGED = Normalisation(  # intensities go through as they are
    kind=NormalisationKind.CT,
    statistics=IntensityStatistics(
        mean=0.0, sd=1.0, percentile_00_5=-9000.0, percentile_99_5=9000.0
    ),
)
PLAN = replace(
    TINY_PLAN,
    channels=("CT",),
    spacing_mm=(1.5, 1.0, 2.0),
    normalisation=(UNCHANGED,),
    head=InstanceHead(things=(TINY_PLAN.labels.names[0],), sigma_mm=2.0),
)


def turned_scan():
    """A ramp over the patient, with a frame of zeros, on a tilted grid."""
    grid = turned_geometry(
        (24, 30, 20), (1.0, 1.5, 1.2), (1, 2, 0), (True, False, True)
    )
    ramp = ramp_at(grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1)))
    framed = np.zeros(grid.shape, np.float32)
    inside = (slice(3, -2), slice(4, -3), slice(1, -5))
    framed[inside] = ramp[inside]
    return volume_of(framed, grid, channels=("CT",))


def ramp_at(points_ras_mm):
    """Another value for every step along any of the patient's axes."""
    return 500.0 + points_ras_mm @ np.array([5.0, 11.0, -7.0])


def head_slabs(image, rows=4):
    """Logits whose heat is the image itself and whose offsets are 1, 2 and 3."""
    own = len(PLAN.output_names)
    logits = torch.zeros((1, own + 4, *image.shape))
    logits[0, own] = torch.from_numpy(image)
    logits[0, own + 1 :] = torch.arange(1.0, 4.0).view(3, 1, 1, 1)
    count = image.shape[0]
    for start in range(0, count, rows):
        part = slice(start, min(start + rows, count))
        yield LogitsSlab(axis=0, rows=part, row_count=count, logits=logits[:, :, part])


def test_the_maps_lie_where_the_scan_was_seen_and_offsets_are_in_millimetres():
    prepared = prepare(turned_scan(), PLAN)
    head = HeadRows(prepared, PLAN, is_kept=True)
    assert sum(1 for _ in head.passed(head_slabs(prepared.image[0]))) > 1

    maps = head.maps()
    assert maps is not None
    assert maps.heat.shape != prepared.crop_shape  # it was resampled
    assert prepared.crop_shape != tuple(prepared.source.shape)  # and cut
    index = np.moveaxis(np.indices(maps.heat.shape), 0, -1)
    expected = ramp_at(maps.geometry.to_world(index))
    inner = (slice(3, -3),) * 3  # splines and edges
    heat = maps.heat[inner].astype(float)
    np.testing.assert_allclose(heat, expected[inner], atol=1.0)  # float16 of 500
    np.testing.assert_array_equal(maps.offsets_mm[:, 5, 5, 5], [2.0, 4.0, 6.0])


def test_the_other_outputs_pass_on_without_the_heads():
    prepared = prepare(turned_scan(), PLAN)
    head = HeadRows(prepared, PLAN, is_kept=False)
    for slab in head.passed(head_slabs(prepared.image[0])):
        assert slab.logits.shape[1] == len(PLAN.output_names)
    assert head.maps() is None


def test_asked_before_its_rows_have_passed_it_gives_nothing_half_filled():
    prepared = prepare(turned_scan(), PLAN)
    head = HeadRows(prepared, PLAN, is_kept=True)
    next(iter(head.passed(head_slabs(prepared.image[0]))))
    with pytest.raises(RuntimeError, match="still to come"):
        head.maps()
