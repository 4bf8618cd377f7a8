import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import ndimage

import medseg
from medseg.classical.images import outside_distance_mm
from tests.core.classical.scenes import ball, dice, noise, scan

SHAPE = (60, 60, 24)
SPACING_MM = (5.0, 5.0, 6.0)


def chest() -> tuple[np.ndarray, np.ndarray, medseg.Volume]:
    """A trunk with two lungs with vessels, on a table."""
    i, j, _ = np.indices(SHAPE)
    body = ((i - 30) / 26) ** 2 + ((j - 28) / 18) ** 2 <= 1
    lungs = np.zeros(SHAPE, bool)
    for middle in (85.0, 215.0):
        lungs |= ball(SHAPE, (middle, 140.0, 69.0), 45, SPACING_MM)
    hu = np.where(body, 40.0, -1000.0)
    hu[lungs] = -850
    hu[16:18, 28, :][lungs[16:18, 28, :]] = 30  # a vessel
    hu[:, 50:52, :] = 100  # the table
    hu[30, 20, 3:6] = -900  # gas
    return body, lungs, scan((hu + noise(SHAPE, 10)).astype(np.float32), SPACING_MM)


def test_the_body_is_found_without_the_table():
    body, _, volume = chest()
    chosen = medseg.classical.BodySettings(opening_mm=16.0)

    found = medseg.classical.body_mask(volume, chosen).mask("body")

    assert dice(found, body) > 0.99
    assert not found[:, 50:].any()


def test_both_lungs_are_found_with_their_vessels():
    _, lungs, volume = chest()

    found = medseg.classical.lung_mask(volume).mask("lungs")

    assert dice(found, lungs) > 0.97
    assert found[16, 28, 12]
    assert not found[30, 20, 4]


def test_a_head_first_scan_gives_the_same_lungs():
    _, _, volume = chest()
    turned = medseg.Volume(
        array=volume.array.transpose(0, 3, 1, 2),
        geometry=volume.geometry.permuted((2, 0, 1), (False, False, False)),
        channels=("CT",),
    )

    found = medseg.classical.lung_mask(turned).array.transpose(1, 2, 0)

    assert (found == medseg.classical.lung_mask(volume).array).all()


def test_the_phantoms_body_holds_its_organs():
    phantom = medseg.make_phantom(2, shape=(64, 64, 24), spacing_mm=(5.5, 5.5, 8.0))

    body = medseg.classical.body_mask(phantom.volume)

    assert body.mask("body")[phantom.reference.array > 0].all()
    assert 3_000 < body.volume_ml("body") < 30_000


def test_where_there_is_no_air_there_are_no_lungs():
    water = scan(np.zeros((12, 12, 12), np.int16))

    assert not medseg.classical.lung_mask(water).array.any()
    assert medseg.classical.body_mask(water).array.all()


@pytest.mark.parametrize(
    "method", [medseg.classical.body_mask, medseg.classical.lung_mask]
)
def test_a_scan_that_is_said_to_be_mr_is_refused(method):
    _, _, volume = chest()
    said = medseg.Volume(array=volume.array, geometry=volume.geometry, channels=("T1",))

    with pytest.raises(medseg.UnusableInput, match="the scan is T1"):
        method(said)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1))
def test_distances_are_those_of_scipy(seed):
    rng = np.random.default_rng(seed)
    mask = rng.random(rng.integers(1, 12, 3)) < rng.uniform(0.05, 0.6)
    mask[0, 0, 0] = True
    spacing_mm = tuple(rng.uniform(0.3, 6.0, 3))

    found = np.maximum(outside_distance_mm(mask, spacing_mm), 0)

    theirs = ndimage.distance_transform_edt(~mask, sampling=spacing_mm)
    assert_allclose(found, theirs, rtol=1e-5)


@pytest.mark.slow
def test_the_body_of_a_real_ct_is_one_piece(real_data):
    folder = real_data / "dicom"
    found = [info for info in medseg.find_volumes(folder) if info.modality == "CT"]
    if not found:
        pytest.skip("no CT series")
    volume = medseg.read_volume(found[0].path)

    body = medseg.classical.body_mask(volume)

    assert 0.1 < body.array.mean() < 0.95
