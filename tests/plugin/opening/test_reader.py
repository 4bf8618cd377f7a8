from pathlib import Path

import nibabel
import numpy as np
import pytest
from napari.components import ViewerModel
from numpy.testing import assert_allclose, assert_array_equal

import medseg
from napari_medseg.layers.conversion import record_of, segmentation_of, volume_of
from napari_medseg.opening.reader import get_reader, layers_of
from tests.plugin.scans import (
    LABELS,
    ORIENTATIONS,
    ORIGIN_RAS_MM,
    SPACING_RAS_MM,
    in_voxel_order,
    marker_image,
    marker_labels,
    rotated,
)

pytestmark = pytest.mark.usefixtures("medseg_plugin")


def saved_nifti(path: Path, array: np.ndarray, geometry: medseg.Geometry) -> Path:
    nibabel.save(nibabel.Nifti1Image(array, geometry.affine), path)
    return path


@pytest.fixture(scope="module")
def series(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("study") / "CT_ABDOMEN"
    phantom = medseg.make_phantom(3, shape=(64, 64, 12), spacing_mm=(5.5, 5.5, 18.0))
    medseg.write_phantom_series(phantom, folder)
    return folder


@pytest.mark.parametrize(("axes", "flips"), ORIENTATIONS[::7])
def test_a_scan_opens_in_the_patients_place_whatever_its_voxel_order(
    tmp_path, axes, flips
):
    image = marker_image()
    path = saved_nifti(tmp_path / "ct.nii.gz", *in_voxel_order(image, axes, flips))

    (layer,) = ViewerModel().open(path, plugin="medseg")

    assert layer.name == "ct"
    assert_array_equal(layer.data, image.transpose(2, 1, 0))
    assert_allclose(layer.scale, SPACING_RAS_MM[::-1], rtol=1e-6)
    assert_allclose(layer.translate, ORIGIN_RAS_MM[::-1], atol=1e-4)


def test_a_dicom_folder_opens_as_one_layer_that_matches_its_source(series):
    truth = medseg.read_volume(series)

    (layer,) = ViewerModel().open(series, plugin="medseg")

    assert_array_equal(volume_of(layer).array, truth.array)
    assert volume_of(layer).geometry.is_same_grid(truth.geometry)
    assert volume_of(layer).channels == ("CT",)


def test_a_layer_remembers_where_its_scan_was_read_from(series):
    (layer,) = ViewerModel().open(series, plugin="medseg")

    record = record_of(layer)
    assert record is not None
    assert record.origin is not None
    again = medseg.read_volume(record.origin.path, series=record.origin.series_uid)
    assert_array_equal(volume_of(layer).array, again.array)


def test_one_dropped_slice_opens_the_series_it_is_part_of(series):
    (layer,) = ViewerModel().open(next(series.glob("*.dcm")), plugin="medseg")

    assert layer.data.shape[0] == 12


def test_slices_dropped_as_a_stack_open_their_folder_once(series):
    paths = sorted(str(path) for path in series.glob("*.dcm"))[:5]

    (layer,) = ViewerModel().open(paths, stack=True, plugin="medseg")

    assert layer.data.shape[0] == 12


def test_a_file_named_as_a_label_map_opens_as_labels(tmp_path):
    segmentation = marker_labels((1, 0, 2), (True, False, False))
    path = tmp_path / "case_seg.nii.gz"
    saved_nifti(path, segmentation.array, segmentation.geometry)

    (layer,) = ViewerModel().open(path, plugin="medseg")

    assert layer._type_string == "labels"  # noqa: SLF001 - napari has no public name
    assert_array_equal(segmentation_of(layer).array, segmentation.array)


def test_a_label_map_medseg_wrote_opens_with_its_names(tmp_path):
    path = tmp_path / "result.nii.gz"
    medseg.write_segmentation(marker_labels(), path)

    (layer,) = ViewerModel().open(path, plugin="medseg")

    assert segmentation_of(layer).labels == LABELS


@pytest.mark.parametrize("name", ["labels.seg.dcm", "labels.rtstruct.dcm"])
def test_label_maps_in_dicom_open_as_labels_with_their_names(series, name):
    scan = medseg.read_volume(series)
    array = np.zeros(scan.geometry.shape, np.uint8)
    array[20:40, 20:40, 3:9] = 1
    array[25:30, 25:30, 4:8] = 2
    made = medseg.Segmentation(array=array, geometry=scan.geometry, labels=LABELS)
    path = series.parent / name
    medseg.write_segmentation(made, path, source=scan)

    (layer,) = ViewerModel().open(path, plugin="medseg")

    assert layer._type_string == "labels"  # noqa: SLF001 - napari has no public name
    assert segmentation_of(layer).labels.names == LABELS.names
    for structure in LABELS:
        assert segmentation_of(layer).volume_ml(structure.name) == pytest.approx(
            made.volume_ml(structure.name), rel=0.02
        )


def test_labels_saved_from_napari_lie_on_the_scans_own_grid(tmp_path):
    array, geometry = in_voxel_order(marker_image(), (2, 0, 1), (True, False, True))
    oblique = rotated(geometry, 20)
    path = saved_nifti(tmp_path / "ct.nii.gz", array, oblique)
    viewer = ViewerModel()
    (scan,) = viewer.open(path, plugin="medseg")
    labels = viewer.add_labels(
        (scan.data > 100).astype(np.uint8),
        scale=scan.scale,
        translate=scan.translate,
        units=scan.units,
        axis_labels=scan.axis_labels,
        metadata=scan.metadata,
    )

    (written,) = labels.save(str(tmp_path / "mine.nii.gz"), plugin="medseg")

    saved = nibabel.Nifti1Image.from_filename(written)
    assert_allclose(saved.affine, oblique.affine, atol=1e-4)
    assert_array_equal(np.asarray(saved.dataobj), array > 100)


def test_what_is_not_a_scan_is_left_to_others(tmp_path):
    picture = tmp_path / "cells.tif"
    picture.write_bytes(b"II*\0")

    assert get_reader(str(picture)) is None
    assert get_reader(str(tmp_path)) is None
    assert get_reader(["/a/1.dcm", "/b/1.dcm"]) is None


def test_a_damaged_file_is_told_in_one_line(tmp_path):
    path = tmp_path / "ct.nii.gz"
    saved_nifti(path, *in_voxel_order(marker_image()))
    path.write_bytes(path.read_bytes()[:-40])

    with pytest.raises(medseg.UnusableInput, match="TRUNCATED_FILE"):
        layers_of(path)


def test_several_volumes_open_nothing_where_there_is_nobody_to_ask(tmp_path):
    for name in ("a.nii.gz", "b.nii.gz"):
        saved_nifti(tmp_path / name, *in_voxel_order(marker_image()))

    with pytest.raises(medseg.WrongUse, match="SEVERAL_SERIES"):
        layers_of(tmp_path)


def test_the_sample_opens_as_a_scan_and_its_reference():
    scan, reference = ViewerModel().open_sample("medseg", "ct_phantom")

    assert scan.data.shape == reference.data.shape
    assert list(reference.features["structure"])[1:] == list(
        medseg.make_phantom(medseg.SAMPLE_SEED).reference.labels.names
    )


def test_real_dicom_opens(real_data):
    folder = real_data / "dicom/mr_hippocampus/Study1/13_HCropVolume"

    (layer,) = ViewerModel().open(folder, plugin="medseg")

    assert min(layer.data.shape) > 20
    assert layer.contrast_limits[0] < layer.contrast_limits[1]
