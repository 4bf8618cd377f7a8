"""Problems that a user accepts: mended without moving anything, and noted.

The truth is a ramp: values that are linear in the world stay so under any linear
interpolation, hence each voxel of the result must hold the ramp at its own place.
"""

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.transform import Rotation

import medseg
from medseg import Accepted, ErrorCode, Geometry, UnusableInput, WrongUse
from tests.core.io.studies import DIRECTIONS, completed, loose_examples

SLOPE_PER_MM = np.array([0.7, -1.1, 0.9])
TAN_20 = np.tan(np.radians(20))
UNEVEN_MM = np.cumsum([0, *[2.5] * 5, *[5.0] * 6])
TO_RAS = np.array([-1, -1, 1])


def ramp(points_ras_mm):
    return points_ras_mm @ SLOPE_PER_MM


def frame_of(data):
    """Row, column and normal of a slice in LPS, one a line."""
    row, column = np.reshape(data.ImageOrientationPatient, (2, 3)).astype(float)
    return np.array([row, column, np.cross(row, column)])


def move(slices, places_mm):
    """Put slices at places along row, column and normal, counted from the first."""
    first = np.array(slices[0].ImagePositionPatient, dtype=float)
    for data, place_mm in zip(slices, places_mm, strict=True):
        position = first + np.array(place_mm) @ frame_of(data)
        data.ImagePositionPatient = [f"{value:.8f}" for value in position]


def ramp_slices(slices):
    """Fill slices with the ramp, in 16 bits over the range it has in each."""
    for data in slices:
        row, column, _ = frame_of(data)
        i, j = np.meshgrid(np.arange(data.Columns), np.arange(data.Rows))
        points = (
            np.array(data.ImagePositionPatient, dtype=float)
            + i[..., None] * row * float(data.PixelSpacing[1])
            + j[..., None] * column * float(data.PixelSpacing[0])
        )
        values = ramp(points * TO_RAS)
        low, step = round(values.min(), 4), round(float(np.ptp(values)) / 65000, 9)
        data.RescaleIntercept, data.RescaleSlope = f"{low:.4f}", f"{step:.9f}"
        data.PixelRepresentation = 0
        stored = np.rint((values - low) / step).clip(0)
        data.PixelData = stored.astype(np.uint16).tobytes()
    return slices


def inside_of(slices, points_ras_mm, margin):
    """Which points lie between the pixels of a stack, by more than a share of one."""
    axes = frame_of(slices[0])
    places = np.array([s.ImagePositionPatient for s in slices], dtype=float) @ axes.T
    i, j, along = np.moveaxis((points_ras_mm * TO_RAS) @ axes.T, -1, 0)
    last_i, last_j = slices[0].Columns - 1, slices[0].Rows - 1
    share_i = (i - np.interp(along, places[:, 2], places[:, 0])) / 1.2
    share_j = (j - np.interp(along, places[:, 2], places[:, 1])) / 0.8
    is_level = (along > places[0, 2] - 1e-4) & (along < places[-1, 2] + 1e-4)
    is_beside = np.minimum(share_i, last_i - share_i) > margin
    return is_level & is_beside & (np.minimum(share_j, last_j - share_j) > margin)


def assert_holds_the_ramp(volume, slices):
    """Within the stack the ramp, outside it the lowest value, at right angles."""
    geometry = volume.geometry
    points = geometry.to_world(np.moveaxis(np.indices(geometry.shape), 0, -1))
    inside = inside_of(slices, points, 1e-3)
    assert_allclose(volume.array[0][inside], ramp(points[inside]), atol=1e-3)
    outside = ~inside_of(slices, points, -1e-3)
    assert set(volume.array[0][outside].tolist()) <= {volume.array.min().item()}
    assert_allclose(geometry.directions.T @ geometry.directions, np.eye(3), atol=1e-6)
    corners = np.array(slices[0].ImagePositionPatient, dtype=float) * TO_RAS
    first = geometry.to_index(corners)
    assert_allclose(first, np.rint(first), atol=1e-4)


def refused(code, path, **options):
    with pytest.raises(UnusableInput) as caught:
        medseg.read_volume(path, **options)
    assert caught.value.code == code
    return caught.value


def test_every_code_to_accept_is_that_of_an_error():
    assert {accepted.value for accepted in Accepted} <= {
        code.value for code in ErrorCode
    }


@pytest.mark.parametrize("directions", DIRECTIONS.values(), ids=DIRECTIONS)
def test_a_tilted_stack_is_set_upright(make_slices, save_slices, directions):
    slices = make_slices(directions=directions)
    move(slices, [(0, n * 2.5 * TAN_20, n * 2.5) for n in range(12)])
    folder = save_slices(ramp_slices(slices))
    error = refused(ErrorCode.GANTRY_TILT, folder)
    assert "--accept GANTRY_TILT" in error.remedy
    volume = medseg.read_volume(folder, accept={Accepted.GANTRY_TILT})
    assert_holds_the_ramp(volume, slices)
    assert volume.geometry.spacing_mm == pytest.approx((1.2, 0.8, 2.5))
    assert volume.geometry.shape == (9, 7 + int(np.ceil(11 * 2.5 * TAN_20 / 0.8)), 12)
    note = "accepted GANTRY_TILT: 20.0 degrees, resampled onto an upright grid"
    assert volume.notes == (note,)


def test_uneven_slices_are_interpolated_at_even_distances(make_slices, save_slices):
    slices = make_slices()
    move(slices, [(0, 0, along) for along in UNEVEN_MM])
    folder = save_slices(ramp_slices(slices))
    assert "--accept" in refused(ErrorCode.VARIABLE_SPACING, folder).remedy
    volume = medseg.read_volume(folder, accept={Accepted.VARIABLE_SPACING})
    assert_holds_the_ramp(volume, slices)
    count = int(np.ceil(42.5 / 5)) + 1
    assert volume.geometry.shape == (9, 7, count)
    assert volume.geometry.spacing_mm[2] == pytest.approx(42.5 / (count - 1))
    assert "2.50 to 5.00 mm apart, 5.00 mm in the median" in volume.notes[0]


@pytest.mark.parametrize("gap_mm", [26.0, 27.5])
def test_a_gap_too_wide_is_never_bridged(make_slices, save_slices, gap_mm):
    slices = make_slices()
    places = [n * 2.5 + (n > 5) * (gap_mm - 2.5) for n in range(12)]
    move(slices, [(0, 0, along) for along in places])
    folder = save_slices(slices)
    is_whole = gap_mm % 2.5 == 0
    code = ErrorCode.MISSING_SLICES if is_whole else ErrorCode.VARIABLE_SPACING
    error = refused(code, folder, accept=frozenset(Accepted))
    assert "--accept" not in error.remedy
    assert "between" in error.what


def test_missing_slices_are_interpolated_and_the_others_stay(make_slices, save_slices):
    whole = make_slices()
    slices = [data for n, data in enumerate(whole) if n not in (3, 6, 7)]
    folder = save_slices(slices)
    assert "--accept" in refused(ErrorCode.MISSING_SLICES, folder).remedy
    volume = medseg.read_volume(folder, accept={Accepted.MISSING_SLICES})
    complete = medseg.read_volume(save_slices(whole, "whole"))
    assert volume.geometry.is_same_grid(complete.geometry, 1e-6)
    assert_array_equal(volume.array, complete.array)  # 100 more from each to the next
    assert volume.array.dtype == np.int16
    assert volume.notes == (
        "accepted MISSING_SLICES: 3 slice(s) interpolated: "
        "1 between 105.0 and 110.0 mm; 2 between 112.5 and 120.0 mm",
    )


def test_several_problems_are_mended_at_once(make_slices, save_slices):
    slices = make_slices()
    move(slices, [(along / 9, along * TAN_20, along) for along in UNEVEN_MM])
    folder = save_slices(ramp_slices(slices))
    both = {Accepted.GANTRY_TILT, Accepted.VARIABLE_SPACING}
    for one in both:
        (other,) = both - {one}
        refused(ErrorCode(other), folder, accept={one})
    volume = medseg.read_volume(folder, accept=both)
    assert_holds_the_ramp(volume, slices)
    assert [note.split(":")[0] for note in volume.notes] == [
        "accepted GANTRY_TILT",
        "accepted VARIABLE_SPACING",
    ]


def test_a_slice_out_of_line_is_put_where_its_header_says(make_slices, save_slices):
    slices = make_slices()
    move(slices, [(3.1 * (n == 5), 0, n * 2.5) for n in range(12)])
    folder = save_slices(ramp_slices(slices))
    volume = medseg.read_volume(folder, accept={Accepted.VARIABLE_SPACING})
    assert_holds_the_ramp(volume, slices)
    assert "up to 3.10 mm out of line" in volume.notes[0]


@loose_examples(of_a_hundred=25)
@given(st.data())
def test_any_loose_stack_keeps_every_value_in_its_place(make_slices, save_slices, data):
    angles = data.draw(st.tuples(*[st.floats(-180, 180)] * 3))
    turned = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    slices = make_slices(8, directions=tuple(turned[:2].flat))
    gaps = data.draw(st.lists(st.floats(1.3, 6), min_size=7, max_size=7))
    lean = data.draw(st.tuples(*[st.floats(-0.7, 0.7)] * 2))
    along = np.cumsum([0, *gaps])
    move(slices, [(lean[0] * z, lean[1] * z, z) for z in along])
    volume = medseg.read_volume(
        save_slices(ramp_slices(slices)), accept=frozenset(Accepted)
    )
    if any(note.startswith("accepted") for note in volume.notes):
        assert_holds_the_ramp(volume, slices)


@pytest.mark.parametrize("code", Accepted)
def test_what_is_accepted_changes_nothing_where_nothing_is_wrong(
    make_slices, save_slices, code
):
    folder = save_slices(make_slices())
    plain, accepting = (
        medseg.read_volume(folder),
        medseg.read_volume(folder, accept={code}),
    )
    assert_array_equal(accepting.array, plain.array)
    assert accepting.geometry.is_same_grid(plain.geometry, 0.0)
    assert accepting.notes == plain.notes
    assert accepting.source == plain.source


def test_two_pictures_of_one_place_cannot_be_accepted(make_slices, save_slices):
    slices = make_slices()
    other = make_slices(uid=slices[0].SeriesInstanceUID)[4]
    other.PixelData = slices[7].PixelData
    refused(
        ErrorCode.DUPLICATE_POSITIONS,
        save_slices([*slices, other]),
        accept=frozenset(Accepted),
    )


def test_dicom_output_of_a_resampled_scan_is_refused(
    make_slices, save_slices, tmp_path
):
    slices = completed(make_slices())
    del slices[4]
    scan = medseg.read_volume(save_slices(slices), accept={Accepted.MISSING_SLICES})
    with pytest.raises(WrongUse, match="resampled when it was read") as caught:
        medseg.require_dicom_source(scan, tmp_path / "labels.dcm")
    assert caught.value.code == ErrorCode.NO_DICOM_SOURCE
    assert ".nii.gz" in caught.value.remedy


def sheared_grid() -> Geometry:
    """Turned, left-handed, and no two axes at right angles."""
    affine = np.eye(4)
    turned = Rotation.from_euler("xyz", [20, -35, 100], degrees=True).as_matrix()
    shear = np.array([[1, 0.1, 0.2], [0, 1, -0.3], [0, 0, 1]])
    affine[:3, :3] = turned @ shear @ np.diag([0.7, 1.1, -3])
    affine[:3, 3] = (-40, 25, 310)
    return Geometry((9, 10, 11), affine)


def save_sheared(path, *, dtype=np.float32):
    geometry = sheared_grid()
    points = geometry.to_world(np.moveaxis(np.indices(geometry.shape), 0, -1))
    values = ramp(points).astype(dtype)
    if path.suffix == ".nii":
        nifti = nib.Nifti1Image(values, geometry.affine, dtype=dtype)
        nifti.header["qform_code"] = 0
        nifti.to_filename(path)
        return path
    lps = np.diag([-1, -1, 1, 1]) @ geometry.affine
    image = sitk.GetImageFromArray(values.T)
    image.SetSpacing(geometry.spacing_mm)
    image.SetDirection((lps[:3, :3] / geometry.spacing_mm).flatten().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    sitk.WriteImage(image, str(path))
    return path


@pytest.mark.parametrize("name", ["scan.nii", "scan.nrrd", "scan.mha"])
def test_a_sheared_grid_is_set_upright(tmp_path, name):
    path = save_sheared(tmp_path / name)
    error = refused(ErrorCode.SHEARED_AFFINE, path)
    assert "--accept SHEARED_AFFINE" in error.remedy
    volume = medseg.read_volume(path, accept={Accepted.SHEARED_AFFINE})
    grid, upright = sheared_grid(), volume.geometry
    points = upright.to_world(np.moveaxis(np.indices(upright.shape), 0, -1))
    index = grid.to_index(points)
    inside = ((index > 1e-3) & (index < np.array(grid.shape) - 1.001)).all(axis=-1)
    assert inside.sum() > 0.5 * np.prod(grid.shape)
    assert_allclose(volume.array[0][inside], ramp(points[inside]), atol=1e-3)
    assert_allclose(upright.directions.T @ upright.directions, np.eye(3), atol=1e-6)
    assert upright.voxel_volume_ml == pytest.approx(grid.voxel_volume_ml)
    corners = upright.to_index(grid.corners_ras_mm())
    assert corners.min() > -1e-3
    assert (corners < np.array(upright.shape) - 0.999).all()
    assert volume.notes[-1].startswith("accepted SHEARED_AFFINE:")


def test_a_grid_that_leans_over_too_far_is_not_made(tmp_path):
    affine = np.diag([1.0, 1, 1, 1])
    affine[0, 1] = 60
    path = tmp_path / "scan.nii"
    image = nib.Nifti1Image(np.zeros((3, 2000, 2000), np.uint8), affine)
    image.header["qform_code"] = 0
    image.to_filename(path)
    accept = {Accepted.SHEARED_AFFINE}
    assert "claims" in refused(ErrorCode.TOO_LARGE, path, accept=accept).what


def test_whole_numbers_stay_whole_numbers(tmp_path):
    path = save_sheared(tmp_path / "scan.nii", dtype=np.int16)
    volume = medseg.read_volume(path, accept={Accepted.SHEARED_AFFINE})
    assert volume.array.dtype == np.int16


def test_the_sform_stands_where_a_conflict_is_accepted(tmp_path):
    image = nib.Nifti1Image(np.zeros((5, 6, 7), np.int16), np.diag([2.0, 2, 2, 1]))
    image.header["qform_code"], image.header["qoffset_x"] = 1, 12
    image.to_filename(tmp_path / "scan.nii")
    error = refused(ErrorCode.SFORM_QFORM_CONFLICT, tmp_path / "scan.nii")
    assert "--accept SFORM_QFORM_CONFLICT" in error.remedy
    volume = medseg.read_volume(
        tmp_path / "scan.nii", accept={Accepted.SFORM_QFORM_CONFLICT}
    )
    assert_array_equal(volume.geometry.affine, np.diag([2, 2, 2, 1]))
    assert volume.notes == (
        "accepted SFORM_QFORM_CONFLICT: 12.0 mm, the sform is used",
    )


def test_every_channel_is_set_upright(tmp_path):
    one, two = save_sheared(tmp_path / "1.nii"), save_sheared(tmp_path / "2.nii")
    volume = medseg.read_volume(
        one, channels={"T1": one, "T2": two}, accept={Accepted.SHEARED_AFFINE}
    )
    assert_array_equal(volume.array[0], volume.array[1])


def test_labels_are_never_resampled(tmp_path):
    path = save_sheared(tmp_path / "labels.nii", dtype=np.uint8)
    with pytest.raises(UnusableInput, match="SHEARED_AFFINE"):
        medseg.read_segmentation(path)
