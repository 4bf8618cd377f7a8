import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import medseg
from medseg.core.panoptic import Panoptic
from medseg.instances import measure_instances, separate_instances
from tests.core.instances.scenes import CYST, LIVER, SPLEEN, TUMOUR, label_map
from tests.core.making import ORIENTATIONS, ellipsoid, turned_geometry


def lesion_of(array, spacing_mm=(1.0, 1.0, 1.0), geometry=None) -> Panoptic:
    return separate_instances(
        label_map(np.where(array, TUMOUR, 0), spacing_mm, geometry)
    )


def measured(array, spacing_mm=(1.0, 1.0, 1.0), geometry=None):
    (only,) = measure_instances(lesion_of(array, spacing_mm, geometry))
    return only


def fitting(spacing_mm, reach_mm=34.0) -> tuple[int, int, int]:
    i, j, k = (int(reach_mm / edge) + 3 for edge in spacing_mm)
    return i, j, k


@settings(max_examples=15)
@given(
    orientation=st.sampled_from(ORIENTATIONS),
    radii=st.tuples(*[st.floats(5.0, 15.0)] * 3),
    spacing_mm=st.tuples(*[st.floats(0.6, 2.0)] * 3),
)
def test_an_ellipsoid_is_measured_to_within_a_voxel(orientation, radii, spacing_mm):
    axes, flipped = orientation
    geometry = turned_geometry(fitting(spacing_mm), spacing_mm, axes, flipped)

    found = measured(ellipsoid(geometry, radii), geometry=geometry)

    in_plane = [geometry.spacing_mm[axis] for axis in geometry.patient_axes[:2]]
    voxel_mm = float(np.linalg.norm(in_plane))
    assert found.longest_axial_mm == pytest.approx(2 * max(radii[:2]), abs=voxel_mm)
    assert found.perpendicular_mm == pytest.approx(2 * min(radii[:2]), abs=voxel_mm)
    half = max(spacing_mm) / 2
    smaller, larger = (
        4 / 3000 * np.pi * np.prod(np.add(radii, by)) for by in (-half, half)
    )
    assert smaller < found.volume_ml < larger
    assert_allclose(found.centre_ras_mm, geometry.centre_ras_mm, atol=0.1)


@pytest.mark.parametrize("angle_deg", [0.0, 20.0, 45.0, 70.0])
def test_both_diameters_of_a_turned_ellipse(angle_deg):
    angle = np.radians(angle_deg)
    i, j = np.indices((64, 64)) - 31.5
    u = i * 0.8 * np.cos(angle) + j * 0.8 * np.sin(angle)
    v = -i * 0.8 * np.sin(angle) + j * 0.8 * np.cos(angle)
    array = np.repeat(((u / 20) ** 2 + (v / 9) ** 2 <= 1)[:, :, None], 3, axis=2)

    found = measured(array, (0.8, 0.8, 5.0))

    assert found.longest_axial_mm == pytest.approx(40, abs=0.8)
    assert found.perpendicular_mm == pytest.approx(18, abs=1.1)
    ends = found.diameters
    along, across = (
        np.subtract(line.end_ras_mm, line.start_ras_mm)
        for line in (ends.longest, ends.perpendicular)
    )
    assert along @ across == pytest.approx(0, abs=1e-6)
    assert along[2] == pytest.approx(0, abs=1e-9)
    turn = np.degrees(np.arctan2(along[1], along[0])) % 180
    assert min(abs(turn - angle_deg), 180 - abs(turn - angle_deg)) < 5


def test_an_oblique_scan_is_measured_in_the_planes_nearest_to_axial():
    geometry = turned_geometry((40, 36, 40), (1.0, 1.2, 0.9), (2, 0, 1), tilt_deg=15.0)
    axis = geometry.patient_axes[2]
    index = np.moveaxis(np.indices(geometry.shape), 0, -1)
    offset = (index - (np.array(geometry.shape) - 1) / 2) * geometry.spacing_mm
    radii = np.array([7.0, 7.0, 7.0])
    others = [each for each in range(3) if each != axis]
    radii[others[0]] = 11.0
    radii[axis] = 15.0  # the longest of all, but not in a slice

    found = measured(((offset / radii) ** 2).sum(-1) <= 1, geometry=geometry)

    assert found.longest_axial_mm == pytest.approx(22, abs=1.5)
    assert found.perpendicular_mm == pytest.approx(14, abs=1.5)
    line = found.diameters.longest
    for end in (line.start_ras_mm, line.end_ras_mm):
        place = geometry.to_index(end)[axis]
        assert place == pytest.approx(found.diameters.slice_index, abs=1e-6)


def test_a_lesion_of_one_voxel_is_as_long_as_the_voxel():
    array = np.zeros((5, 5, 5), bool)
    array[2, 3, 1] = True

    found = measured(array, (0.7, 1.1, 4.0))

    assert found.longest_axial_mm == pytest.approx(1.1)
    assert found.perpendicular_mm == pytest.approx(0.7)
    assert found.voxels == 1
    assert found.box.start == (2, 3, 1)
    assert 0 < found.sphericity <= 1


def test_a_row_of_voxels_is_as_long_as_they_are():
    array = np.zeros((12, 5, 5), bool)
    array[2:9, 2, 2] = True

    found = measured(array, (2.0, 1.0, 1.0))

    assert found.longest_axial_mm == pytest.approx(14.0)
    assert found.perpendicular_mm == pytest.approx(1.0)


def test_the_diameter_of_a_horseshoe_is_between_its_ends_and_the_width_across():
    array = np.zeros((20, 20, 1), bool)
    array[2:18, 2:6] = array[2:6, 2:12] = array[14:18, 2:12] = True

    found = measured(array)

    assert found.longest_axial_mm == pytest.approx(np.hypot(15, 10), abs=1.5)
    assert found.perpendicular_mm <= 16


@settings(max_examples=12)
@given(
    radii=st.tuples(*[st.floats(4.0, 12.0)] * 3),
    shift=st.tuples(*[st.floats(-1.0, 1.0)] * 3),
)
def test_simpleitk_finds_the_same(radii, shift):
    spacing_mm = (0.9, 1.1, 1.4)
    geometry = medseg.Geometry.from_spacing(fitting(spacing_mm, 28.0), spacing_mm)
    array = ellipsoid(geometry, radii, geometry.centre_ras_mm + shift)
    image = sitk.GetImageFromArray(array.T.astype(np.uint8))
    image.SetSpacing(spacing_mm)
    theirs = sitk.LabelShapeStatisticsImageFilter()
    theirs.ComputeFeretDiameterOn()
    theirs.Execute(image)
    middle = int(geometry.to_index(geometry.centre_ras_mm + shift)[2].round())
    plane = sitk.LabelShapeStatisticsImageFilter()
    plane.ComputeFeretDiameterOn()
    plane.Execute(image[:, :, middle])

    found = measured(array, geometry=geometry)

    assert found.voxels == theirs.GetNumberOfPixels(1)
    assert found.volume_ml * 1000 == pytest.approx(theirs.GetPhysicalSize(1))
    assert_allclose(found.centre_ras_mm, theirs.GetCentroid(1), atol=1e-9)
    assert (*found.box.start, *found.box.shape) == theirs.GetBoundingBox(1)
    # ITK's is between centres of voxels, ours between the outline half a voxel out.
    own, itk = found.longest_axial_mm, plane.GetFeretDiameter(1)
    assert itk <= own + 1e-9
    assert own <= itk + float(np.hypot(*spacing_mm[:2])) + 0.2
    assert found.sphericity == pytest.approx(theirs.GetRoundness(1), abs=0.12)


@pytest.mark.parametrize("radii", [(12, 12, 12), (14, 9, 9), (8, 12, 12), (15, 10, 8)])
def test_sphericity_of_ellipsoids(radii):
    spacing_mm = (0.9, 1.1, 1.4)
    geometry = medseg.Geometry.from_spacing(fitting(spacing_mm), spacing_mm)
    a, b, c = radii
    p = 1.6075  # Knud Thomsen's formula for the area, within 1.1 %
    area = 4 * np.pi * (((a * b) ** p + (a * c) ** p + (b * c) ** p) / 3) ** (1 / p)
    exact = np.pi ** (1 / 3) * (8 * np.pi * a * b * c) ** (2 / 3) / area

    found = measured(ellipsoid(geometry, radii), geometry=geometry)

    assert found.sphericity == pytest.approx(exact, abs=0.03)


def test_intensities_are_those_of_the_lesion_in_every_channel():
    array = np.zeros((4, 4, 4), bool)
    array[1, 1, 1] = array[1, 1, 2] = True
    lesion = lesion_of(array)
    values = np.zeros((2, 4, 4, 4), np.int16)
    values[0, 1, 1, 1:3] = (-20, 60)
    values[1, 1, 1, 1:3] = (7, 8)
    scan = medseg.Volume(array=values, geometry=lesion.geometry, channels=("T1", "T2"))

    (found,) = measure_instances(lesion, scan)

    t1, t2 = found.intensities
    assert (t1.channel, t1.mean, t1.minimum, t1.maximum) == ("T1", 20.0, -20.0, 60.0)
    assert (t2.channel, t2.mean, t2.minimum, t2.maximum) == ("T2", 7.5, 7.0, 8.0)


def test_the_organ_is_the_one_a_lesion_touches_most():
    array = np.full((9, 9, 9), LIVER)
    array[:, :, 6:] = SPLEEN
    array[2:4, 2:4, 2:4] = TUMOUR  # inside the liver
    array[5:8, 5:8, 5:9] = CYST  # mostly in the spleen, to the end of the scan
    inside, between = measure_instances(separate_instances(label_map(array)))

    assert inside.organ is not None
    assert between.organ is not None
    assert (inside.organ.name, between.organ.name) == ("liver", "spleen")
    assert measured(array == TUMOUR).organ is None


def test_instances_of_another_grid_than_the_scan_are_refused():
    lesion = lesion_of(np.ones((2, 2, 2), bool))
    scan = medseg.Volume(
        array=np.zeros((1, 3, 3, 3)),
        geometry=medseg.Geometry.from_spacing((3, 3, 3), (1.0, 1.0, 1.0)),
    )

    with pytest.raises(medseg.UnusableInput, match="GRID_MISMATCH"):
        measure_instances(lesion, scan)
