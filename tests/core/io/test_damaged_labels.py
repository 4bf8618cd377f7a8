"""DICOM-SEG and RTSTRUCT that are damaged or contradict themselves."""

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

import medseg
from medseg import ErrorCode, LabelSet, SegmentationFormat, UnusableInput
from tests.core.io.studies import completed, loose_examples, random_labels
from tests.core.making import volume_of

SEG, LABELMAP, RTSTRUCT = (
    SegmentationFormat.DICOM_SEG,
    SegmentationFormat.DICOM_SEG_LABELMAP,
    SegmentationFormat.RTSTRUCT,
)
LIVER = LabelSet.from_names([(1, "liver")])
STEP_MM = 10.0
VALUES: list[tuple[str, object]] = [
    *[("US", number) for number in (0, 1, 3, 65535)],
    *[("LO", text) for text in ("", "nan", "-1e308", "1e-320", "abc", "99999999999")],
    *[
        ("LO", ["0", "0", "0"]),
        ("US", [1, 2]),
        ("OB", b""),
        ("OB", b"\xff\xff\xff\xff"),
    ],
    *[("SQ", []), ("SQ", [Dataset()])],
]
LAYOUT = (
    *("Rows", "Columns", "NumberOfFrames", "BitsAllocated", "PixelData"),
    *("PixelSpacing", "SpacingBetweenSlices", "SliceThickness"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelMeasuresSequence"),
    *("PlanePositionSequence", "PlaneOrientationSequence"),
    *("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"),
)
"""What says how many voxels there are and where: wrong, it must not be believed."""


@pytest.fixture
def scan(make_slices, save_slices):
    """Thin slices far apart, as in a CT of the lungs in high resolution."""
    return medseg.read_volume(save_slices(completed(make_slices(step_mm=STEP_MM))))


@pytest.fixture
def labels(scan):
    return random_labels(scan, seed=5)


@pytest.fixture
def box(scan):
    mask = np.zeros(scan.geometry.shape, dtype=np.uint8)
    mask[2:5, 1:4, 4:7] = 1
    return medseg.Segmentation(array=mask, geometry=scan.geometry, labels=LIVER)


def written(result, scan, path, kind=SEG):
    medseg.write_segmentation(
        result, path, source=scan, file_format=kind, overwrite=True
    )
    return path


def changed(path, **elements):
    """A DICOM file with attributes replaced, or taken away where the value is None."""
    data = pydicom.dcmread(path)
    for keyword, value in elements.items():
        if value is None:
            del data[keyword]
        else:
            setattr(data, keyword, value)
    data.save_as(path)
    return path


def measures(data):
    return data.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]


def refused(path, code, **options):
    with pytest.raises(UnusableInput) as caught:
        medseg.read_segments(path, **options)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Rows": 3}, ErrorCode.INVALID_HEADER),
        ({"Columns": 4}, ErrorCode.INVALID_HEADER),
        ({"Rows": 70}, ErrorCode.TRUNCATED_FILE),
        ({"NumberOfFrames": 2}, ErrorCode.INVALID_HEADER),
        ({"NumberOfFrames": 400}, ErrorCode.INVALID_HEADER),
        ({"BitsAllocated": 8}, ErrorCode.TRUNCATED_FILE),
        ({"BitsAllocated": None}, ErrorCode.TRUNCATED_FILE),
        ({"PixelData": b""}, ErrorCode.TRUNCATED_FILE),
        ({"PixelData": None}, ErrorCode.TRUNCATED_FILE),
        ({"PerFrameFunctionalGroupsSequence": []}, ErrorCode.INVALID_HEADER),
    ],
)
def test_a_seg_that_contradicts_its_pixels_is_refused(
    scan, labels, tmp_path, change, code
):
    path = written(labels, scan, tmp_path / "a.dcm")
    refused(changed(path, **change), code)
    with pytest.raises(UnusableInput):
        medseg.read_segments(path, source=scan)


def test_a_seg_of_fewer_described_frames_is_refused(scan, labels, tmp_path):
    path = written(labels, scan, tmp_path / "a.dcm")
    groups = pydicom.dcmread(path).PerFrameFunctionalGroupsSequence
    few = changed(path, PerFrameFunctionalGroupsSequence=list(groups)[:3])
    refused(few, ErrorCode.INVALID_HEADER)


def test_a_labelmap_of_too_few_rows_is_refused(scan, labels, tmp_path):
    path = written(labels, scan, tmp_path / "a.dcm", LABELMAP)
    data = pydicom.dcmread(path)
    data.decompress()
    data.save_as(path)
    assert_array_equal(medseg.read_segmentation(path).array, labels.array)
    refused(changed(path, Rows=data.Rows - 1), ErrorCode.INVALID_HEADER)


def shares(scan, labels, path):
    """A DICOM-SEG of shares: what is there counts half of a whole."""
    data = pydicom.dcmread(written(labels, scan, path))
    bits = np.unpackbits(
        np.frombuffer(data.PixelData, np.uint8),
        count=data.Rows * data.Columns * data.NumberOfFrames,
        bitorder="little",
    )
    data.SegmentationType = "FRACTIONAL"
    data.BitsAllocated, data.BitsStored, data.HighBit = 8, 8, 7
    data.MaximumFractionalValue = 200
    data.PixelData = (bits * 100).tobytes()
    data.save_as(path)
    return path


def test_shares_count_from_the_threshold_on(scan, labels, tmp_path):
    path = shares(scan, labels, tmp_path / "a.dcm")
    read = medseg.read_segmentation(path, threshold=0.5)
    assert_array_equal(read.array, labels.array)
    assert not medseg.read_segmentation(path, threshold=0.51).array.any()


@pytest.mark.parametrize("largest", [0, 256, None])
def test_shares_of_nothing_known_are_refused(scan, labels, tmp_path, largest):
    path = shares(scan, labels, tmp_path / "a.dcm")
    data = pydicom.dcmread(path)
    data.MaximumFractionalValue = largest  # None: there, but empty
    data.save_as(path)
    refused(path, ErrorCode.INVALID_HEADER, threshold=0.5)
    refused(
        changed(path, MaximumFractionalValue=None),
        ErrorCode.INVALID_HEADER,
        threshold=0.5,
    )


@pytest.mark.parametrize("spacing_mm", [None, "0.00001", "0.009", "3.7", "nan"])
def test_thickness_is_not_taken_for_the_distance_of_slices(
    scan, box, tmp_path, spacing_mm
):
    """Slices 1 mm thick lie 10 mm apart; nothing that can be true says so."""
    path = written(box, scan, tmp_path / "a.dcm")
    data = pydicom.dcmread(path)
    assert measures(data).SliceThickness == 1
    with config.disable_value_validation():
        measures(data).SpacingBetweenSlices = spacing_mm
    data.save_as(path)
    read = medseg.read_segmentation(path)
    assert_array_equal(read.array, box.array)
    assert read.volume_ml("liver") == pytest.approx(box.volume_ml("liver"))
    assert any("distance between slices" in note for note in read.notes)
    assert medseg.read_segmentation(path, source=scan).notes == ()


def only_frame(path):
    data = pydicom.dcmread(path)
    groups = data.PerFrameFunctionalGroupsSequence
    return changed(
        path,
        NumberOfFrames=1,
        PerFrameFunctionalGroupsSequence=list(groups)[:1],
        PixelData=data.PixelData[: -(-data.Rows * data.Columns // 16) * 2],
    )


def test_a_single_slice_is_as_high_as_is_stated_or_as_it_is_thick(
    scan, labels, tmp_path
):
    path = only_frame(written(labels, scan, tmp_path / "a.dcm"))
    read = medseg.read_segmentation(path)
    assert read.geometry.spacing_mm[2] == pytest.approx(STEP_MM)
    assert read.notes == ()
    data = pydicom.dcmread(path)
    del measures(data).SpacingBetweenSlices
    data.save_as(path)
    read = medseg.read_segmentation(path)
    assert read.geometry.spacing_mm[2] == pytest.approx(1)
    assert "its thickness is its spacing" in "; ".join(read.notes)
    measures(data).SliceThickness = "0.001"
    data.save_as(path)
    refused(path, ErrorCode.MISSING_GEOMETRY)


def redrawn(path, points_ras_mm):
    """An RTSTRUCT whose only contours are those given."""
    data = pydicom.dcmread(path)
    item = data.ROIContourSequence[0].ContourSequence[0]
    contours = []
    for points in points_ras_mm:
        contour = Dataset()
        contour.ContourImageSequence = item.ContourImageSequence
        contour.ContourGeometricType = "CLOSED_PLANAR"
        contour.NumberOfContourPoints = len(points)
        rounded = (np.asarray(points) * (-1, -1, 1)).round(4)
        contour.ContourData = [f"{value:.4f}" for value in rounded.ravel()]
        contours.append(contour)
    data.ROIContourSequence[0].ContourSequence = contours
    data.save_as(path)
    return path


def test_contours_through_the_picture_without_end_are_refused(
    make_slices, save_slices, tmp_path
):
    """100000 points in 2 MB: 50 million crossings, 5 GB to fill them."""
    slices = completed(make_slices(3))
    for data in slices:
        data.Rows = data.Columns = 512
        data.PixelData = bytes(2 * 512 * 512)
    scan = medseg.read_volume(save_slices(slices))
    mask = np.zeros(scan.geometry.shape, dtype=np.uint8)
    mask[1, 1, 1] = 1
    result = medseg.Segmentation(array=mask, geometry=scan.geometry, labels=LIVER)
    path = written(result, scan, tmp_path / "a.dcm", RTSTRUCT)
    steps = np.arange(100_000)
    zigzag = np.stack([steps % 500, 1 + 509 * (steps % 2), steps * 0 + 1], axis=1)
    loop = scan.geometry.to_world(zigzag)
    refused(redrawn(path, [loop]), ErrorCode.TOO_LARGE, source=scan)
    pieces = np.array_split(loop, 20)
    refused(redrawn(path, pieces), ErrorCode.TOO_LARGE, source=scan)
    triangle = scan.geometry.to_world([[0, 0, 1], [511, 0, 1], [511, 511, 1]])
    refused(redrawn(path, [triangle] * 1000), ErrorCode.TOO_LARGE, source=scan)
    (read,) = medseg.read_segments(redrawn(path, [loop[:400]]), source=scan)
    assert read.array.any()


@pytest.mark.parametrize(("i", "is_noted"), [(6, False), (8.4, False), (12, True)])
def test_contours_beyond_the_picture_are_cut_off_and_it_says_so(
    scan, box, tmp_path, i, is_noted
):
    path = written(box, scan, tmp_path / "a.dcm", RTSTRUCT)
    corners = np.array([[3, 2, 4], [i, 2, 4], [i, 5, 4], [3, 5, 4]])
    redrawn(path, [scan.geometry.to_world(corners)])
    read = medseg.read_segmentation(path, source=scan)
    expected = np.zeros(scan.geometry.shape, dtype=np.uint8)
    expected[3 : int(i) + 1, 2:6, 4] = 1
    assert_array_equal(read.array, expected)
    assert any("beyond the picture" in note for note in read.notes) == is_noted


def test_a_scan_that_names_no_images_is_taken_and_it_says_so(scan, box, tmp_path):
    path = written(box, scan, tmp_path / "a.dcm", RTSTRUCT)
    plain = volume_of(scan.array, scan.geometry)
    read = medseg.read_segmentation(path, source=plain)
    assert_array_equal(read.array, box.array)
    assert any("names no DICOM images" in note for note in read.notes)
    assert medseg.read_segmentation(path, source=scan).notes == ()


def read_or_refused(path, scan):
    """Label maps; none where they are refused, without quoting the patient's name."""
    refusal = ""
    maps: tuple[medseg.Segmentation, ...] = ()
    try:
        maps = medseg.read_segments(path, source=scan)
    except medseg.MedSegError as error:
        refusal = str(error)
    assert "Müller" not in refusal
    return maps


def elements(data):
    """Every attribute, with those in the first item of each sequence."""
    for element in data:
        if element.keyword != "SpecificCharacterSet":  # pydicom could not write it
            yield data, element
        if element.VR == "SQ" and len(element.value):
            yield from elements(element.value[0])


@pytest.mark.parametrize("kind", [SEG, LABELMAP, RTSTRUCT])
@loose_examples(of_a_hundred=10)
@given(
    place=st.integers(0, 2**16),
    value=st.none() | st.sampled_from(VALUES),
    is_on_scan=st.booleans(),
)
def test_any_wrong_value_in_labels(  # noqa: PLR0917 - fixtures and drawn values
    scan, labels, tmp_path, kind, place, value, is_on_scan
):
    path = tmp_path / f"{kind}.dcm"
    if not path.exists():
        written(labels, scan, path, kind)
    data = pydicom.dcmread(path)
    every = list(elements(data))
    parent, element = every[place % len(every)]
    del parent[element.tag]
    if value is not None:
        vr, content = value
        new = DataElement(element.tag, vr, content, validation_mode=config.IGNORE)
        parent.add(new)
    data.save_as(tmp_path / "damaged.dcm")
    maps = read_or_refused(tmp_path / "damaged.dcm", scan if is_on_scan else None)
    for each in maps:
        assert set(np.unique(each.array)) <= {0, *each.labels.ids}
    if maps and element.keyword in LAYOUT:
        assert len(maps) == 1
        assert_array_equal(maps[0].array, labels.array)
        assert maps[0].geometry.is_same_grid(scan.geometry)


@pytest.mark.parametrize("kind", [SEG, LABELMAP, RTSTRUCT])
@loose_examples(of_a_hundred=10)
@given(
    changes=st.dictionaries(
        st.integers(128, 2**16), st.integers(0, 255), min_size=1, max_size=4
    ),
    kept=st.just(1.0) | st.floats(0, 1),
)
def test_any_wrong_bytes_in_labels(scan, labels, tmp_path, kind, changes, kept):
    path = tmp_path / f"{kind}.dcm"
    if not path.exists():
        written(labels, scan, path, kind)
    content = bytearray(path.read_bytes())
    for place, value in changes.items():
        content[place % len(content)] = value
    damaged = tmp_path / "damaged.dcm"
    damaged.write_bytes(content[: int(kept * len(content))])
    for each in read_or_refused(damaged, scan):
        assert each.geometry.is_same_grid(scan.geometry)
        assert set(np.unique(each.array)) <= {0, *each.labels.ids}


@pytest.mark.parametrize("kind", [SEG, LABELMAP, RTSTRUCT])
def test_every_cut_of_labels_is_noticed(scan, labels, tmp_path, kind):
    content = written(labels, scan, tmp_path / "a.dcm", kind).read_bytes()
    places = np.linspace(0, len(content) - 2, 40).astype(int).tolist()
    for length in (*places, len(content) - 1):
        (tmp_path / "cut.dcm").write_bytes(content[:length])
        try:
            read = medseg.read_segmentation(tmp_path / "cut.dcm", source=scan)
        except medseg.MedSegError:
            continue
        assert kind is LABELMAP  # whose last 8 bytes only mark the end
        assert length >= len(content) - 8
        assert_array_equal(read.array, labels.array)
