"""Labels and instances together: what was written is what is read, in every format."""

import json
import warnings

import highdicom
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pydicom.uid import generate_uid

import medseg
from medseg import (
    ErrorCode,
    Instance,
    LabelSet,
    Panoptic,
    UnusableInput,
    WrongUse,
    instances_path,
    read_panoptic,
    write_panoptic,
)
from tests.core.io.studies import (
    FEW,
    LABELS,
    MADE,
    completed,
    loose_examples,
    random_labels,
)
from tests.core.making import segmentation_of

FEWER = loose_examples(of_a_hundred=5)
LESION = LABELS["Läsion"].id
LABEL, INSTANCE = 0x01, 0x02  # of MedSeg's private block
SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")
THREE = LabelSet.from_names([(1, "liver"), (4, "liver tumour"), (6, "cyst")])


@pytest.fixture
def scan(make_slices, save_slices):
    return medseg.read_volume(save_slices(completed(make_slices())))


def with_lesions(segmentation, seed: int, *, most=9) -> Panoptic:
    """Any numbers, from 1 to 65535, for the voxels of the lesion's label."""
    rng = np.random.default_rng(seed)
    numbers = rng.choice(65535, rng.integers(1, most + 1), replace=False) + 1
    inside = segmentation.array == LESION
    drawn = rng.choice(numbers, segmentation.array.shape)
    instances = np.where(inside, drawn, 0).astype(np.uint16)
    confidences = [None, 0.0, 1.0, float(rng.random())]
    return Panoptic(
        segmentation=segmentation,
        instance_map=instances,
        instances=tuple(
            Instance(
                number=int(number),
                structure_id=LESION,
                confidence=confidences[place % 4],
                tracking_uid=generate_uid() if place % 2 else None,
                tracking_id=f"Nodule {place}" if place % 3 else None,
            )
            for place, number in enumerate(np.unique(instances[inside]))
        ),
        notes=("Läsion: told apart by chance",),
    )


def small(labels, numbers, listed=None) -> Panoptic:
    """A row of voxels; where they are not listed, all instances are tumours."""
    tumours = (Instance(number=n, structure_id=4) for n in set(numbers) - {0})
    array = np.array(labels)[:, None, None]
    return Panoptic(
        segmentation=segmentation_of(array, labels=THREE),
        instance_map=np.array(numbers)[:, None, None],
        instances=tuple(tumours) if listed is None else listed,
    )


def assert_same(read: Panoptic, written: Panoptic, *, is_dicom=False):
    assert_array_equal(read.segmentation.array, written.segmentation.array)
    assert_array_equal(read.instance_map, written.instance_map)
    assert read.geometry.is_same_grid(written.geometry)
    assert read.labels.ids == written.labels.ids
    assert read.labels.names == written.labels.names
    assert [each.kind for each in read.labels] == [each.kind for each in written.labels]
    assert read.segmentation.provenance == written.segmentation.provenance
    assert read.notes == written.notes
    for ours, theirs in zip(read.instances, written.instances, strict=True):
        assert ours.number == theirs.number
        assert ours.structure_id == theirs.structure_id
        assert ours.confidence == theirs.confidence
        assert ours.tracking_id == theirs.tracking_id
        is_new = is_dicom and theirs.tracking_uid is None
        assert is_new or ours.tracking_uid == theirs.tracking_uid
        assert ours.tracking_uid is not None or not is_dicom


@FEW
@given(st.integers(0, 2**32 - 1), st.sampled_from(SUFFIXES))
def test_any_labels_and_instances_come_back_from_two_maps(tmp_path, seed, suffix):
    geometry = medseg.Geometry.from_spacing((5, 4, 6), (0.7, 1.3, 2.0))
    grid = medseg.Volume(array=np.zeros((1, 5, 4, 6), np.int16), geometry=geometry)
    written = with_lesions(random_labels(grid, seed), seed, most=60)
    path = tmp_path / f"case{suffix}"
    write_panoptic(written, path, overwrite=True)
    assert_same(read_panoptic(path), written)


@FEWER
@given(st.integers(0, 2**32 - 1), st.floats(0.3, 8))
def test_any_labels_and_instances_come_back_from_dicom(
    make_slices, save_slices, tmp_path, seed, step_mm
):
    slices = completed(make_slices(5, step_mm=step_mm))
    scan = medseg.read_volume(save_slices(slices, "s"))
    written = with_lesions(random_labels(scan, seed), seed)
    path = tmp_path / "case.dcm"
    write_panoptic(written, path, source=scan, overwrite=True)
    assert_same(read_panoptic(path), written, is_dicom=True)


def test_a_lesion_keeps_the_tracking_uid_that_its_first_file_gave_it(scan, tmp_path):
    written = with_lesions(random_labels(scan, 3), 3)
    write_panoptic(written, tmp_path / "a.dcm", source=scan)
    first = read_panoptic(tmp_path / "a.dcm", source=scan)
    write_panoptic(first, tmp_path / "b.dcm", source=scan)
    assert_same(read_panoptic(tmp_path / "b.dcm"), first)


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 0]])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_lesion_at_all_comes_back(tmp_path, labels, suffix):
    written = small(labels, [0, 0, 0])
    write_panoptic(written, tmp_path / f"a{suffix}")
    assert_same(read_panoptic(tmp_path / f"a{suffix}"), written)


def test_no_lesion_at_all_comes_back_from_dicom(scan, tmp_path):
    empty = np.zeros(scan.geometry.shape, dtype=np.uint16)
    written = Panoptic(
        segmentation=segmentation_of(empty, scan.geometry, THREE),
        instance_map=empty,
        instances=(),
    )
    write_panoptic(written, tmp_path / "a.dcm", source=scan)
    assert_same(read_panoptic(tmp_path / "a.dcm"), written, is_dicom=True)


def test_more_lesions_than_a_byte_can_number_come_back(scan, tmp_path):
    """Of two kinds, 300 and 156, each voxel one."""
    shape = scan.geometry.shape
    numbers = np.zeros(shape, np.uint16)
    numbers.flat[:456] = np.arange(1, 457)
    labels = np.where(numbers > 300, 6, np.where(numbers > 0, 4, 1))
    written = Panoptic(
        segmentation=segmentation_of(labels, scan.geometry, THREE),
        instance_map=numbers,
        instances=tuple(
            Instance(number=n, structure_id=6 if n > 300 else 4) for n in range(1, 457)
        ),
    )
    write_panoptic(written, tmp_path / "a.dcm", source=scan)
    assert_same(read_panoptic(tmp_path / "a.dcm"), written, is_dicom=True)


def test_dicom_has_a_segment_a_lesion_that_says_which_it_is(scan, tmp_path):
    written = with_lesions(random_labels(scan, 4), 4)
    write_panoptic(written, tmp_path / "a.dcm", source=scan)
    segments = pydicom.dcmread(tmp_path / "a.dcm").SegmentSequence
    assert len(segments) == len(written.instances) + len(LABELS) - 1
    lesions = [each for each in segments if "TrackingUID" in each]
    names = [f"Läsion {each.number}" for each in written.instances]
    tracked = [
        each.tracking_id or name
        for each, name in zip(written.instances, names, strict=True)
    ]
    assert [each.TrackingID for each in lesions] == tracked
    assert [each.SegmentLabel for each in lesions] == names
    assert len({each.TrackingUID for each in lesions}) == len(lesions)


def test_lesions_of_one_number_and_two_structures_are_refused(scan, tmp_path):
    written = with_lesions(random_labels(scan, 4), 4)
    write_panoptic(written, tmp_path / "a.dcm", source=scan)
    data = pydicom.dcmread(tmp_path / "a.dcm")
    lesions = [each for each in data.SegmentSequence if "TrackingUID" in each]
    own = [each.private_block(0x0063, "MEDSEG") for each in lesions]
    numbers = {block[INSTANCE].value for block in own}
    assert len(numbers) == len(own) > 1
    for block in own:
        block[INSTANCE].value = 1
    own[0][LABEL].value = LESION + 1
    data.save_as(tmp_path / "b.dcm")

    with pytest.raises(UnusableInput) as raised:
        read_panoptic(tmp_path / "b.dcm")
    assert "\n" not in str(raised.value)


def test_highdicom_finds_each_lesion_by_its_tracking_id(scan, tmp_path):
    written = with_lesions(random_labels(scan, 5), 5)
    write_panoptic(written, tmp_path / "a.dcm", source=scan)
    theirs = highdicom.seg.segread(tmp_path / "a.dcm")
    for instance in written.instances:
        wanted = instance.tracking_id or f"Läsion {instance.number}"
        (number,) = theirs.get_segment_numbers(tracking_id=wanted)
        volume = theirs.get_volume(segment_numbers=[number], combine_segments=True)
        assert (volume.array > 0).sum() == written.mask(instance).sum()


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".dcm"])
def test_the_label_map_alone_is_read_as_any_other(scan, tmp_path, suffix):
    written = with_lesions(random_labels(scan, 6), 6)
    source = scan if suffix == ".dcm" else None
    write_panoptic(written, tmp_path / f"a{suffix}", source=source)
    alone = medseg.read_segmentation(tmp_path / f"a{suffix}")
    assert_array_equal(alone.array, written.segmentation.array)
    assert alone.labels.names == LABELS.names
    assert alone.provenance == MADE


def test_a_dicom_seg_without_instances_has_one_for_each_lesion_segment(scan, tmp_path):
    result = random_labels(scan, 7)
    medseg.write_segmentation(result, tmp_path / "a.dcm", source=scan)
    read = read_panoptic(tmp_path / "a.dcm")
    assert_array_equal(read.instance_map > 0, result.array == LESION)
    assert [(each.number, each.structure_id) for each in read.instances] == [
        (1, LESION)
    ]


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".dcm"])
def test_a_label_map_says_whether_it_holds_instances(scan, tmp_path, suffix):
    written = with_lesions(random_labels(scan, 8), 8)
    source = scan if suffix == ".dcm" else None
    one, alone = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    write_panoptic(written, one, source=source)
    medseg.write_segmentation(written.segmentation, alone, source=source)
    assert medseg.holds_instances(one)
    assert not medseg.holds_instances(alone)


def test_contours_hold_no_instances(scan, tmp_path):
    medseg.write_segmentation(
        random_labels(scan, 8),
        tmp_path / "a.dcm",
        source=scan,
        file_format=medseg.SegmentationFormat.RTSTRUCT,
    )
    assert not medseg.holds_instances(tmp_path / "a.dcm")


@pytest.mark.parametrize("is_tracked", [True, False])
def test_lesions_of_another_program_are_told_apart_by_their_tracking(
    scan, tmp_path, is_tracked
):
    """It has none of MedSeg's own elements; the folder holds nothing else."""
    written = with_lesions(random_labels(scan, 9), 9)
    path = tmp_path / "a.dcm"
    write_panoptic(written, path, source=scan)
    data = pydicom.dcmread(path)
    for segment in data.SegmentSequence:
        segment.remove_private_tags()
        if not is_tracked and "TrackingUID" in segment:
            del segment.TrackingUID, segment.TrackingID
    data.save_as(path)
    assert medseg.holds_instances(tmp_path) == is_tracked
    assert len(read_panoptic(tmp_path).instances) == len(written.instances)


def written_by_others(path, **changes) -> None:
    """None of MedSeg's own elements; the first segment is changed."""
    data = pydicom.dcmread(path)
    for segment in data.SegmentSequence:
        segment.remove_private_tags()
    lesions = [each for each in data.SegmentSequence if "TrackingUID" in each]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for keyword, value in changes.items():
            setattr(lesions[0], keyword, value)
        data.save_as(path)


def test_uid_and_name_that_another_program_tracks_a_lesion_by_are_kept(scan, tmp_path):
    lesions = tuple(
        Instance(number=n, structure_id=4, tracking_uid=f"1.2.{n}", tracking_id=name)
        for n, name in ((1, "Nodule B"), (2, "left upper lobe"))
    )
    labels = np.zeros(scan.geometry.shape, np.uint8)
    labels[0, 0, :2], labels[2, 0, 1] = 4, 4
    numbers = np.zeros_like(labels)
    numbers[0, 0, :2], numbers[2, 0, 1] = 1, 2
    written = Panoptic(
        segmentation=segmentation_of(labels, scan.geometry, THREE),
        instance_map=numbers,
        instances=lesions,
    )
    path = tmp_path / "a.dcm"
    write_panoptic(written, path, source=scan)
    written_by_others(path)

    read = read_panoptic(path)
    assert [(each.tracking_uid, each.tracking_id) for each in read.instances] == [
        *(("1.2.1", "Nodule B"), ("1.2.2", "left upper lobe"))
    ]
    write_panoptic(read, tmp_path / "b.dcm", source=scan)
    segments = pydicom.dcmread(tmp_path / "b.dcm").SegmentSequence
    tracked = {(s.TrackingUID, s.TrackingID) for s in segments if "TrackingUID" in s}
    assert tracked == {("1.2.1", "Nodule B"), ("1.2.2", "left upper lobe")}
    write_panoptic(read, tmp_path / "c.nii.gz")
    listed = read_panoptic(tmp_path / "c.nii.gz").instances
    assert [each.tracking_id for each in listed] == ["Nodule B", "left upper lobe"]


def test_a_tracking_uid_that_is_none_is_left_out(scan, tmp_path):
    written = with_lesions(random_labels(scan, 9), 9)
    path = tmp_path / "a.dcm"
    write_panoptic(written, path, source=scan)
    written_by_others(path, TrackingUID="lesion one", TrackingID="first")

    first, *others = read_panoptic(path).instances
    assert (first.tracking_uid, first.tracking_id) == (None, "first")
    assert all(each.tracking_uid for each in others)


def test_there_must_be_a_file_to_hold_instances(tmp_path):
    with pytest.raises(UnusableInput) as refused:
        medseg.holds_instances(tmp_path / "a.nii.gz")
    assert refused.value.code is ErrorCode.NOT_FOUND


def test_further_texts_are_written_with_it_or_not_at_all(tmp_path):
    path, table = tmp_path / "a.nii.gz", tmp_path / "a.txt"
    table.write_text("mine")
    with pytest.raises(WrongUse, match="OUTPUT_EXISTS"):
        write_panoptic(small([1, 4], [0, 1]), path, texts={table: "Läsion"})
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
    written = small([1, 4], [0, 1])
    write_panoptic(written, path, texts={table: "Läsion"}, overwrite=True)
    assert table.read_text(encoding="utf-8") == "Läsion"
    assert_same(read_panoptic(path), written)


def test_the_json_beside_lists_the_instances_with_their_volumes(tmp_path):
    listed = (Instance(number=2, structure_id=4, confidence=0.25),)
    write_panoptic(small([1, 4, 4], [0, 2, 2], listed), tmp_path / "a.nii.gz")
    content = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert [each["name"] for each in content["labels"]] == list(THREE.names)
    assert content["instances"] == [
        {
            "number": 2,
            "structure_id": 4,
            "confidence": 0.25,
            "tracking_uid": None,
            "tracking_id": None,
            "volume_ml": 0.002,
        }
    ]


def test_files_that_are_there_are_kept(tmp_path):
    written = small([1, 4], [0, 1])
    instances_path(tmp_path / "a.nii.gz").write_bytes(b"mine")
    with pytest.raises(WrongUse) as refused:
        write_panoptic(written, tmp_path / "a.nii.gz")
    assert refused.value.code is ErrorCode.OUTPUT_EXISTS
    assert [file.name for file in tmp_path.iterdir()] == ["a.instances.nii.gz"]
    write_panoptic(written, tmp_path / "a.nii.gz", overwrite=True)
    assert_same(read_panoptic(tmp_path / "a.nii.gz"), written)


def test_all_files_are_written_or_none(tmp_path, monkeypatch):
    """The second map fails: what was there before is there still."""
    path = tmp_path / "a.nii.gz"
    write_panoptic(small([1, 4], [0, 1]), path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    saved = []

    def fail_at_the_second(_array, _geometry, file):
        saved.append(file)
        if len(saved) == 2:
            raise OSError(28, "No space left on device", str(file))
        file.write_bytes(b"new")

    monkeypatch.setattr("medseg.io.save_nifti", fail_at_the_second)
    with pytest.raises(UnusableInput) as refused:
        write_panoptic(small([4, 4], [1, 2]), path, overwrite=True)
    assert refused.value.code is ErrorCode.DISK_FULL
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_dicom_needs_the_scan_it_refers_to(tmp_path):
    with pytest.raises(WrongUse) as refused:
        write_panoptic(small([1, 4], [0, 1]), tmp_path / "a.dcm")
    assert refused.value.code is ErrorCode.NO_DICOM_SOURCE
    assert not list(tmp_path.iterdir())


def test_a_label_map_without_instances_is_refused(tmp_path):
    labels = small([1, 4], [0, 1])
    medseg.write_segmentation(labels.segmentation, tmp_path / "a.nii.gz")
    with pytest.raises(UnusableInput, match=r"a\.instances\.nii\.gz") as refused:
        read_panoptic(tmp_path / "a.nii.gz")
    assert refused.value.code is ErrorCode.NOT_FOUND


def test_a_label_map_written_over_loses_its_instances(tmp_path):
    """An instance map that is left over from an earlier result is not believed."""
    written = small([1, 4], [0, 1])
    write_panoptic(written, tmp_path / "a.nii.gz")
    other = written.segmentation
    medseg.write_segmentation(other, tmp_path / "a.nii.gz", overwrite=True)
    assert not medseg.holds_instances(tmp_path / "a.nii.gz")
    with pytest.raises(UnusableInput) as refused:
        read_panoptic(tmp_path / "a.nii.gz")
    assert refused.value.code is ErrorCode.NOT_FOUND


def test_instances_that_are_listed_and_not_there_are_not_passed_over(tmp_path):
    write_panoptic(small([1, 4], [0, 1]), tmp_path / "a.nii.gz")
    (tmp_path / "a.instances.nii.gz").unlink()
    assert medseg.holds_instances(tmp_path / "a.nii.gz")
    with pytest.raises(UnusableInput, match=r"a\.instances\.nii\.gz") as refused:
        read_panoptic(tmp_path / "a.nii.gz")
    assert refused.value.code is ErrorCode.NOT_FOUND


def test_maps_of_two_results_are_refused(tmp_path):
    write_panoptic(small([1, 4], [0, 1]), tmp_path / "a.nii.gz")
    write_panoptic(small([4, 1], [1, 0]), tmp_path / "b.nii.gz")
    (tmp_path / "b.instances.nii.gz").replace(tmp_path / "a.instances.nii.gz")
    with pytest.raises(UnusableInput, match="contradict") as refused:
        read_panoptic(tmp_path / "a.nii.gz")
    assert refused.value.code is ErrorCode.NOT_A_LABEL_MAP


def test_a_number_that_is_not_listed_is_refused(tmp_path):
    write_panoptic(small([1, 4], [0, 1]), tmp_path / "a.nii.gz")
    write_panoptic(small([1, 4], [0, 9]), tmp_path / "b.nii.gz")
    (tmp_path / "b.instances.nii.gz").replace(tmp_path / "a.instances.nii.gz")
    with pytest.raises(UnusableInput) as refused:
        read_panoptic(tmp_path / "a.nii.gz")
    assert refused.value.code is ErrorCode.UNKNOWN_LABEL


@pytest.mark.parametrize(
    "damage", [{"number": "x"}, {"number": 0}, {"confidence": 2}, {"tracking_uid": "a"}]
)
def test_a_damaged_list_is_refused(tmp_path, damage):
    write_panoptic(small([1, 4], [0, 1]), tmp_path / "a.nii.gz")
    file = tmp_path / "a.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["instances"][0] |= damage
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UnusableInput, match="the instances beside") as refused:
        read_panoptic(tmp_path / "a.nii.gz")
    assert refused.value.code is ErrorCode.NOT_A_LABEL_MAP


def test_damaged_notes_on_instances_are_refused(tmp_path):
    write_panoptic(small([1, 4], [0, 1]), tmp_path / "a.nii.gz")
    file = tmp_path / "a.json"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"instance_notes": []', '"instance_notes": 3'))
    with pytest.raises(UnusableInput, match="the notes on instances") as refused:
        read_panoptic(tmp_path / "a.nii.gz")
    assert refused.value.where == str(file)


def test_an_instance_map_is_no_case_of_its_own(tmp_path):
    write_panoptic(small([1, 4], [0, 1]), tmp_path / "a.nii.gz")
    assert list(medseg.label_maps_by_case(tmp_path)) == ["a"]
