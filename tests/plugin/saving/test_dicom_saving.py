from dataclasses import replace

import numpy as np
import pydicom
import pytest
from napari.layers import Labels, Layer

import medseg
from napari_medseg.layers.conversion import segmentation_layer, volume_layers
from napari_medseg.saving.dicom import DicomLabels
from napari_medseg.saving.writer import write_dicom_seg, write_labels
from tests.plugin.scans import LABELS, marker_labels

FORMATS = medseg.SegmentationFormat


@pytest.fixture(scope="module")
def phantom():
    return medseg.make_phantom(3, shape=(48, 40, 12), spacing_mm=(6.0, 6.0, 12.0))


@pytest.fixture(scope="module")
def series(tmp_path_factory, phantom):
    folder = tmp_path_factory.mktemp("series") / "CT"
    medseg.write_phantom_series(phantom, folder)
    return medseg.read_volume(folder)


@pytest.fixture
def layers(series):
    """The series and labels on it, as napari has them."""
    scan = Layer.create(*volume_layers(series, "scan")[0])
    on_grid = medseg.Segmentation(
        array=labels_on(series), geometry=series.geometry, labels=LABELS
    )
    return scan, Layer.create(*segmentation_layer(on_grid, "labels"))


def labels_on(series):
    """A box of liver with a tumour in it, on the grid of the series."""
    array = np.zeros(series.geometry.shape, np.uint8)
    array[8:30, 10:30, 3:9] = 1
    array[14:20, 14:20, 4:7] = 2
    return array


@pytest.mark.parametrize("file_format", [FORMATS.DICOM_SEG, FORMATS.RTSTRUCT])
def test_labels_are_saved_for_the_series_and_come_back(
    layers, series, tmp_path, file_format
):
    scan, labels = layers

    path = DicomLabels.of(labels, (scan, labels)).write(
        tmp_path / "liver.dcm", file_format
    )

    again = medseg.read_segmentation(path, source=series)
    assert again.labels.names == LABELS.names
    assert np.array_equal(again.array, labels_on(series))
    data = pydicom.dcmread(path)
    first = pydicom.dcmread(series.source[0].path)
    assert data.StudyInstanceUID == first.StudyInstanceUID
    assert path.with_name("liver.json").exists()  # names and provenance


def test_labels_the_user_drew_are_saved_on_the_scans_slices(layers, series, tmp_path):
    scan, _ = layers
    drawn = Labels(
        np.zeros(scan.data.shape, np.uint8),
        scale=scan.scale,
        translate=scan.translate,
        units=scan.units,
        axis_labels=scan.axis_labels,
    )
    drawn.data[3:6, 5:12, 7:20] = 1

    path = DicomLabels.of(drawn, (scan, drawn)).write(
        tmp_path / "drawn", FORMATS.DICOM_SEG
    )

    assert path.name == "drawn.seg.dcm"
    found = medseg.read_segmentation(path, source=series)
    assert found.array.sum() == drawn.data.sum()


def test_without_the_series_dicom_is_refused_in_one_line(layers, tmp_path):
    _, labels = layers
    elsewhere = Layer.create(*segmentation_layer(marker_labels(), "elsewhere"))

    for layer, others in ((labels, ()), (elsewhere, layers)):
        with pytest.raises(medseg.WrongUse, match="NO_DICOM_SOURCE"):
            DicomLabels.of(layer, others).write(tmp_path / "x.dcm", FORMATS.DICOM_SEG)
    assert list(tmp_path.iterdir()) == []


def test_the_writer_of_file_save_needs_the_series_too(layers, tmp_path):
    _, labels = layers
    data, meta, _ = labels.as_layer_data_tuple()

    with pytest.raises(medseg.WrongUse, match="NO_DICOM_SOURCE"):
        write_dicom_seg(str(tmp_path / "x.dcm"), data, meta)


def test_a_scan_that_is_no_dicom_series_is_no_source(layers, series):
    _, labels = layers
    nifti = replace(series, source=())
    scan = Layer.create(*volume_layers(nifti, "nifti")[0])

    assert DicomLabels.of(labels, (scan, labels)).source is None


MADE = medseg.Provenance(
    case_id="c1",
    input_sha256="a" * 64,
    model="m",
    model_sha256="",
    versions=(("medseg", "1"),),
    settings=(),
)


def twin_of(series):
    """Another patient's series that happens to lie on the same grid."""
    return replace(series, case_id="other", sha256="b" * 64)


def made_of(series, sha256):
    labels = medseg.Segmentation(
        array=labels_on(series),
        geometry=series.geometry,
        labels=LABELS,
        provenance=replace(MADE, input_sha256=sha256),
    )
    return Layer.create(*segmentation_layer(labels, "result"))


def test_the_series_that_was_segmented_is_the_one_referred_to(layers, series):
    scan, _ = layers
    twin = Layer.create(*volume_layers(twin_of(series), "twin")[0])
    result = made_of(series, series.sha256)

    for open_layers in ((scan, twin, result), (twin, scan, result)):
        source = DicomLabels.of(result, open_layers).source
        assert source is not None
        assert source.sha256 == series.sha256


def test_labels_made_of_another_scan_are_not_saved_for_the_one_that_is_open(
    layers, series
):
    scan, _ = layers
    result = made_of(series, "c" * 64)

    with pytest.raises(medseg.WrongUse, match=r"NO_DICOM_SOURCE.*another scan"):
        DicomLabels.of(result, (scan, result))


def test_where_drawn_labels_may_belong_to_two_series_it_is_not_guessed(layers, series):
    scan, labels = layers
    twin = Layer.create(*volume_layers(twin_of(series), "twin")[0])

    with pytest.raises(medseg.WrongUse, match="SEVERAL_SERIES: 2 DICOM series"):
        DicomLabels.of(labels, (scan, twin, labels))


def test_a_name_without_a_suffix_replaces_no_file(layers, tmp_path):
    scan, labels = layers
    there = tmp_path / "liver.seg.dcm"
    there.write_bytes(b"precious")

    with pytest.raises(medseg.WrongUse, match="OUTPUT_EXISTS"):
        DicomLabels.of(labels, (scan, labels)).write(
            tmp_path / "liver", FORMATS.DICOM_SEG
        )
    assert there.read_bytes() == b"precious"


def test_a_new_file_replaces_no_description_of_anothers(layers, tmp_path):
    _, labels = layers
    data, meta, _ = labels.as_layer_data_tuple()
    (tmp_path / "sub-01.json").write_text('{"EchoTime": 0.03}')

    with pytest.raises(medseg.WrongUse, match=r"OUTPUT_EXISTS.*sub-01\.json"):
        write_labels(str(tmp_path / "sub-01.nii.gz"), data, meta)
    assert not (tmp_path / "sub-01.nii.gz").exists()
