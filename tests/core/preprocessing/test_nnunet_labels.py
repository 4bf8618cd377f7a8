"""Label maps resampled as by nnU-Net itself; see `make_nnunet_labels.py`."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from medseg import Segmentation, Volume
from medseg.core.geometry import Geometry
from medseg.core.plan import Recipe
from medseg.preprocessing import prepare, prepare_first_stage
from medseg.preprocessing.nnunet_labels import resampled_labels
from medseg.preprocessing.nnunet_rules import filled_mask, separate_axis
from tests.core.making import TINY_PLAN

TRUTH = np.load(Path(__file__).with_name("nnunet_labels.npz"))


@pytest.mark.parametrize("number", range(8))
def test_each_structure_has_the_voxels_it_has_in_nnunet(number):
    labels, theirs = TRUTH[f"labels_{number}"], TRUTH[f"resampled_{number}"]
    i, j, k = map(float, TRUTH[f"spacing_{number}"])
    ours = resampled_labels(
        np.maximum(labels, 0).astype(np.uint8),
        theirs.shape,
        separate_axis((i, j, k), (1.0, 1.0, 1.0)),
        labels == -1,
    )
    for structure in range(1, 5):  # one channel each
        assert (theirs == structure).any()
        assert_array_equal(ours == structure, theirs == structure)


def test_what_has_the_shape_already_stays_as_it_is():
    labels = np.ones((3, 4, 5), np.uint8)
    assert resampled_labels(labels, (3, 4, 5), None) is labels


def test_what_a_scan_leaves_out_is_a_label_of_its_own_in_the_first_stage():
    plan = replace(TINY_PLAN, recipe=Recipe.NNUNET, spacing_mm=(1.0, 1.0, 1.0))
    rng = np.random.default_rng(0)
    array = rng.normal(50, 9, (12, 11, 10)).astype(np.float32)
    array[:, :4, 6:] = 0
    grid = Geometry.from_spacing(array.shape, (1.3, 0.8, 1.5))
    scan = Volume(array=array[None], geometry=grid)
    numbers = np.array((0, *plan.labels.ids), np.uint16)
    places = rng.integers(0, 3, array.shape).astype(np.uint8)
    coarse = Segmentation(array=numbers[places], geometry=grid, labels=plan.labels)
    prepared = prepare(scan, plan)
    found = prepare_first_stage(coarse, prepared, plan, scan).first_stage
    shape, outside = prepared.image.shape[1:], ~filled_mask(array[None])
    assert found is not None
    assert_array_equal(found, resampled_labels(places, shape, None, outside))
    assert not np.array_equal(found, resampled_labels(places, shape, None))
