"""What a dataset looks like, from scans with known facts."""

import numpy as np
import pytest

from medseg.planning import case_facts, merged_fingerprint
from tests.core.making import segmentation_of, turned_geometry, volume_of

TO_RAS = (1, 2, 0), (True, False, True)  # voxel axes i, j, k run along P.., S, L


def case(value, shape=(4, 6, 8), spacing_mm=(5.0, 1.0, 2.0), voxels=10, label=1):
    """A scan of noise whose first voxels are a structure of one intensity."""
    geometry = turned_geometry(shape, spacing_mm, *TO_RAS)
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    labels = np.zeros(shape, np.uint8)
    labels.flat[:voxels] = label
    image[labels > 0] = value
    return case_facts(volume_of(image, geometry), segmentation_of(labels, geometry))


def test_spacings_and_shapes_run_along_the_patient():
    facts = case(1.0)
    assert facts.spacing_mm == pytest.approx((2.0, 5.0, 1.0))
    assert facts.shape == (8, 4, 6)


def test_only_intensities_inside_structures_count():
    fingerprint = merged_fingerprint([case(10.0), case(30.0)])
    (intensity,) = fingerprint.intensities
    assert intensity.mean == pytest.approx(20.0)
    assert intensity.sd == pytest.approx(10.0)
    assert (intensity.percentile_00_5, intensity.percentile_99_5) == (10.0, 30.0)
    assert fingerprint.shapes == ((8, 4, 6),) * 2


def test_a_structures_volume_is_its_median_where_it_is_present():
    cases = [case(1.0, voxels=n) for n in (10, 20, 90)]
    cases.append(case(1.0, voxels=50, label=4))
    liver_ml, tumour_ml = merged_fingerprint(cases).structure_volumes_ml
    assert liver_ml == pytest.approx(20 * 0.01)
    assert tumour_ml == pytest.approx(50 * 0.01)


def test_a_dataset_without_any_structure_still_has_a_fingerprint():
    fingerprint = merged_fingerprint([case(1.0, voxels=0)])
    assert fingerprint.structure_volumes_ml == (0.0, 0.0)
    assert fingerprint.intensities[0].sd > 0


def test_a_big_structure_is_sampled_evenly():
    shape = (50, 60, 70)
    ramp = np.arange(50 * 60 * 70, dtype=np.float32).reshape(shape)
    facts = case_facts(volume_of(ramp), segmentation_of(np.ones(shape, np.uint8)))
    assert 20_000 <= facts.foreground.shape[1] < 40_000
    assert facts.foreground.mean() == pytest.approx(ramp.mean(), rel=1e-3)
