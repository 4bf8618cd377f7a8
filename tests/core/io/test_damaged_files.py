"""Damaged files of every kind: the truth or a typed error, never anything else."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import nibabel as nib
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless, generate_uid

import medseg
from medseg import ErrorCode, MedSegError, Volume
from medseg.io.dicom.series import scan_dicom
from tests.core.io.studies import completed, loose_examples, random_labels

T = TypeVar("T")
SLICES = 8
SIDE = 48
MEMORY_BYTES = 512 * 2**20
HEADER_VALUES: list[tuple[str, object]] = [
    ("US", 0),
    ("US", 1),
    ("US", 8),
    ("US", 65535),
    ("LO", ""),
    ("LO", "nan"),
    ("LO", "-1e308"),
    ("LO", "1e-320"),
    ("LO", "abc"),
    ("LO", ["0", "0", "0"]),
    ("LO", ["1", "0", "0", "1", "0", "0"]),
    ("LO", ["inf", "2"]),
    ("UI", generate_uid(entropy_srcs=["other"])),
    ("SQ", []),
]
GEOMETRY = (
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
    *("Rows", "Columns", "NumberOfFrames", "SeriesInstanceUID", "SOPClassUID"),
    *("Modality", "ImageType", "AcquisitionNumber", "EchoTime", "InstanceNumber"),
)
MEANING = (
    *("RescaleSlope", "RescaleIntercept", "PixelRepresentation", "BitsAllocated"),
    *("BitsStored", "HighBit", "SamplesPerPixel", "PhotometricInterpretation"),
)

TOLD_IN_A_NOTE = {  # that a slice with this is left out, or of another series
    *("SeriesInstanceUID", "ImageType", "NumberOfFrames"),
    *("SamplesPerPixel", "PhotometricInterpretation"),
}


@pytest.fixture
def slices(make_slices):
    """Slices of 48 x 48: files of five KiB, each voxel of which is known."""
    made = completed(make_slices(SLICES, uid=generate_uid(entropy_srcs=["series"])))
    for number, data in enumerate(made):
        data.Rows = data.Columns = SIDE
        values = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) + 3000 * number
        data.PixelData = values.astype(np.int16).tobytes()
    return made


@pytest.fixture
def series(slices, save_slices) -> Path:
    folder: Path = save_slices(slices)
    return folder


@pytest.fixture
def truth(series) -> Volume:
    return medseg.read_volume(series)


def read_or_refused(read: Callable[[], T]) -> T | None:
    """What was read; None where it was refused as it ought to be."""
    try:
        return read()
    except MedSegError:
        return None


def assert_whole(volume: Volume | None, truth: Volume, **how):
    """It was refused, or has every slice of the truth."""
    assert_part_of(volume, truth, **how)
    if volume is not None:
        assert volume.geometry.shape == truth.geometry.shape


def assert_part_of(volume: Volume | None, truth: Volume, *, atol_mm=1e-6, values=True):
    """Each voxel is where the truth has a voxel, and has its value."""
    if volume is None:
        return
    indices = np.moveaxis(np.indices(volume.geometry.shape), 0, -1)
    exact = truth.geometry.to_index(volume.geometry.to_world(indices))
    nearest = np.rint(exact).astype(int)
    off_mm = np.abs(exact - nearest) * truth.geometry.spacing_mm
    assert_allclose(off_mm, 0, atol=atol_mm)
    assert nearest.min() >= 0
    assert (nearest.reshape(-1, 3).max(axis=0) < truth.geometry.shape).all()
    if values:
        i, j, k = np.moveaxis(nearest, -1, 0)
        assert_array_equal(volume.array[0], truth.array[0][i, j, k])


def fresh(folder: Path) -> Path:
    """An empty folder beside another."""
    new = folder.with_name("damaged")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    return new


@loose_examples(of_a_hundred=60)
@given(
    names=st.permutations(range(SLICES)),
    dropped=st.sets(st.integers(0, SLICES - 1), max_size=3),
    doubled=st.lists(st.integers(0, SLICES - 1), max_size=3),
)
def test_any_order_and_choice_of_slices(series, truth, names, dropped, doubled):
    folder = fresh(series)
    files = sorted(series.iterdir())
    for number, name in enumerate(names):
        if number not in dropped:
            shutil.copy(files[number], folder / f"{name}")
    for copy, number in enumerate(doubled):
        shutil.copy(files[number], folder / f"copy {copy}")
    volume = read_or_refused(lambda: medseg.read_volume(folder))
    assert_part_of(volume, truth)
    if not dropped:
        assert volume is not None
        assert volume.geometry.shape == truth.geometry.shape


@loose_examples(of_a_hundred=80)
@given(
    number=st.integers(0, SLICES - 1),
    keyword=st.sampled_from([*GEOMETRY, *MEANING]),
    value=st.none() | st.sampled_from(HEADER_VALUES),
)
def test_any_wrong_value_in_one_header(series, truth, number, keyword, value):
    folder = shutil.copytree(series, fresh(series), dirs_exist_ok=True)
    file = sorted(folder.iterdir())[number]
    data = pydicom.dcmread(file)
    data.pop(keyword, None)
    if value is not None:
        vr, content = value
        data.add(DataElement(keyword, vr, content, validation_mode=config.IGNORE))
    data.save_as(file)
    volume = read_or_refused(lambda: medseg.read_volume(folder))
    is_told = keyword in TOLD_IN_A_NOTE
    check = assert_part_of if is_told else assert_whole
    check(volume, truth, values=keyword not in MEANING)
    read_or_refused(lambda: medseg.find_volumes(folder))


@loose_examples(of_a_hundred=80)
@given(
    number=st.integers(0, SLICES - 1),
    changes=st.lists(
        st.tuples(st.integers(128, 1200), st.integers(0, 255)), min_size=1, max_size=4
    ),
)
def test_any_wrong_bytes_in_one_header(series, truth, number, changes):
    folder = shutil.copytree(series, fresh(series), dirs_exist_ok=True)
    file = sorted(folder.iterdir())[number]
    content = bytearray(file.read_bytes())
    for place, value in changes:
        content[place] = value
    file.write_bytes(content)
    volume = read_or_refused(lambda: medseg.read_volume(folder))
    assert_part_of(volume, truth, atol_mm=0.11, values=False)


def cuts(size: int) -> list[int]:
    """At every KiB and a few bytes beside it, and shortly before the end."""
    every = [at + beside for at in range(0, size, 1024) for beside in (-1, 0, 7)]
    return [at for at in (*every, size - 2, size - 1) if 0 <= at < size]


ENDS_AND_MIDDLE = [0, SLICES // 2, SLICES - 1]


def file_of_slice(folder: Path, number: int) -> Path:
    """The file of a slice, by position; names are in another order."""
    return next(
        file
        for file in folder.iterdir()
        if pydicom.dcmread(file).InstanceNumber == number + 1
    )


@pytest.mark.parametrize("number", ENDS_AND_MIDDLE)
@pytest.mark.parametrize("suffix", ["", ".dcm"])
def test_a_slice_cut_within_its_header_is_named(series, number, suffix):
    for file in sorted(series.iterdir()):
        file.rename(file.with_name(file.name + suffix))
    file = file_of_slice(series, number)
    neighbour = file_of_slice(series, (number + 1) % SLICES)
    others = series / "notes.txt", series / "DONE"
    others[0].write_text("not a slice")
    others[1].write_bytes(b"")
    content = file.read_bytes()
    for at in range(number % 7, len(content) - 2 * SIDE * SIDE, 7):
        file.write_bytes(content[:at])
        found = scan_dicom([neighbour, file, *others])
        assert [(each.code, each.where) for each in found.damaged] == [
            (ErrorCode.TRUNCATED_FILE, str(file))
        ]
    with pytest.raises(MedSegError, match=f"TRUNCATED_FILE.*{file.name}"):
        medseg.read_volume(series)
    file.write_bytes(content)
    assert medseg.read_volume(series).geometry.shape[2] == SLICES


@pytest.mark.parametrize("number", ENDS_AND_MIDDLE)
def test_a_slice_cut_anywhere(series, number):
    file = file_of_slice(series, number)
    content = file.read_bytes()
    for at in cuts(len(content)):
        file.write_bytes(content[:at])
        with pytest.raises(MedSegError) as caught:
            medseg.read_volume(series)
        assert caught.value.code is ErrorCode.TRUNCATED_FILE
        assert caught.value.where == str(file)


@pytest.mark.parametrize("damage", ["zeros", "no preamble", "empty"])
@pytest.mark.parametrize("number", ENDS_AND_MIDDLE)
def test_a_slice_without_the_mark_of_dicom_is_named(series, number, damage):
    file = file_of_slice(series, number)
    content = file.read_bytes()
    damaged = {"zeros": bytes(5000), "no preamble": content[132:], "empty": b""}
    file.write_bytes(damaged[damage])
    with pytest.raises(MedSegError, match=f"TRUNCATED_FILE.*{file.name}"):
        medseg.read_volume(series)


@pytest.mark.parametrize("rows", [("SS", -24), ("LO", "abc"), ("US", 0), None])
def test_a_series_without_usable_rows_does_not_hide_another(
    slices, make_slices, save_slices, rows
):
    folder = save_slices(slices)
    for number, data in enumerate(make_slices(4)):
        del data.Rows
        if rows is not None:
            vr, value = rows
            data.add(DataElement("Rows", vr, value, validation_mode=config.IGNORE))
        data.save_as(folder / f"other{number}")
    infos = medseg.find_volumes(folder)
    assert [info.slices for info in infos if info.is_usable] == [SLICES]
    refused = [info.problems[0].code for info in infos if not info.is_usable]
    assert set(refused) == {ErrorCode.TRUNCATED_FILE}


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless, RLELossless])
def test_a_compressed_slice_cut_anywhere(slices, truth, save_slices, syntax):
    for data in slices:
        data.compress(syntax, generate_instance_uid=False)
    folder = save_slices(slices, "compressed")
    file = file_of_slice(folder, SLICES - 1)
    content = file.read_bytes()
    for at in (*range(1024, len(content), 1024), len(content) - 8):
        file.write_bytes(content[:at])
        assert_whole(read_or_refused(lambda: medseg.read_volume(folder)), truth)


@pytest.fixture
def scan() -> Volume:
    """Noise, which no packing makes shorter than a few KiB."""
    geometry = medseg.Geometry.from_spacing((16, 18, 10), (1.0, 2.0, 3.0))
    array = np.random.default_rng(0).integers(0, 4096, (1, 16, 18, 10), np.int16)
    return Volume(array=array, geometry=geometry)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha"])
def test_an_image_file_cut_anywhere_is_refused(scan, tmp_path, name):
    path = tmp_path / name
    medseg.write_volume(scan, path)
    content = path.read_bytes()
    for at in cuts(len(content)):
        path.write_bytes(content[:at])
        volume = read_or_refused(lambda: medseg.read_volume(path))
        if volume is not None:  # only a checksum that ITK does not look at is gone
            assert (name, at >= len(content) - 8) == ("a.nrrd", True)
            assert_array_equal(volume.array, scan.array)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha"])
@loose_examples(of_a_hundred=80)
@given(data=st.data())
def test_any_wrong_bytes_in_an_image_file(scan, tmp_path, name, data):
    path = tmp_path / name
    medseg.write_volume(scan, path, overwrite=True)
    damaged = bytearray(path.read_bytes())
    places = st.integers(0, min(len(damaged) - 1, 400))
    for place in data.draw(st.lists(places, min_size=1, max_size=4)):
        damaged[place] = data.draw(st.integers(0, 255))
    path.write_bytes(damaged)
    volume = read_or_refused(lambda: medseg.read_volume(path))
    if volume is not None:
        assert np.isfinite(volume.geometry.affine).all()
        assert np.isfinite(volume.array).all()
        assert volume.array.shape[1:] == volume.geometry.shape


@pytest.mark.parametrize("kind", ["dicom-seg", "dicom-seg-labelmap", "rtstruct"])
def test_labels_in_dicom_cut_anywhere(truth, tmp_path, kind):
    labels = random_labels(truth, 0)
    path = tmp_path / "labels.dcm"
    medseg.write_segmentation(
        labels, path, source=truth, file_format=medseg.SegmentationFormat(kind)
    )
    whole = medseg.read_segmentation(path, source=truth)
    content = path.read_bytes()
    steps = np.linspace(0, len(content) - 1, 24).astype(int)
    for at in (*steps, *range(1024, 6 * 1024, 1024), len(content) - 2):
        path.write_bytes(content[:at])
        read = read_or_refused(lambda: medseg.read_segmentation(path, source=truth))
        if read is not None:
            assert_array_equal(read.array, whole.array)


HOSTILE = f"""
import resource, sys
from pathlib import Path
sys.path[:0] = {sys.path!r}
import medseg
pages = int(Path("/proc/self/statm").read_text().split()[0])
medseg.find_volumes(sys.argv[1])  # loads every reader
pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * resource.getpagesize() + {MEMORY_BYTES}
resource.setrlimit(resource.RLIMIT_AS, (most, most))
for name in sys.argv[2:]:
    for read in (medseg.read_volume, medseg.find_volumes, medseg.read_segmentation):
        try:
            read(name)
        except medseg.MedSegError as error:
            print(error.code)
        else:
            print("read" if read is medseg.find_volumes else "READ " + name)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="no limit on memory there")
def test_what_headers_claim_takes_no_memory(scan, slices, save_slices, tmp_path):
    good = tmp_path / "good"
    good.mkdir()
    for name in ("good.nii.gz", "good.nrrd", "good.mha"):
        medseg.write_volume(scan, good / name)
    save_slices(slices, "good")
    hostile = [*hostile_images(good, tmp_path), *hostile_series(slices, save_slices)]
    script = tmp_path / "script.py"
    script.write_text(HOSTILE)
    done = subprocess.run(
        [sys.executable, str(script), str(good), *map(str, hostile)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert "READ" not in done.stdout
    assert len(done.stdout.split()) == 3 * len(hostile)


def hostile_images(good: Path, folder: Path) -> Sequence[Path]:
    """Headers that claim 8 GiB, and more than any number of bytes."""
    paths = []
    for number, sizes in enumerate([(1625, 1625, 1625), (32767, 32767, 32767)]):
        header = nib.Nifti1Header()
        header.set_data_dtype(np.int16)
        header.set_data_shape(sizes)
        header.set_sform(np.eye(4), code=1)
        header["vox_offset"] = 352
        image = folder / f"claim{number}.nii"
        image.write_bytes(header.binaryblock + bytes(4096))
        words = " ".join(map(str, sizes))
        nrrd = (good / "good.nrrd").read_bytes().replace(b"16 18 10", words.encode())
        (folder / f"claim{number}.nrrd").write_bytes(nrrd)
        mha = (good / "good.mha").read_bytes().replace(b"16 18 10", words.encode())
        (folder / f"claim{number}.mha").write_bytes(mha)
        paths += [image, folder / f"claim{number}.nrrd", folder / f"claim{number}.mha"]
    return paths


def hostile_series(slices, save_slices) -> Sequence[Path]:
    """Series whose pictures are said to be large, plain and compressed."""
    folders = []
    for syntax in (None, RLELossless, JPEGLSLossless):
        if syntax is not None:
            for data in slices:
                data.compress(syntax, generate_instance_uid=False)
        for size in (16_000, 65_535):
            for data in slices:
                data.Rows = data.Columns = size
            folders.append(save_slices(slices, f"{size} {syntax}"))
        for data in slices:
            data.Rows = data.Columns = SIDE
            if syntax is not None:
                data.decompress(generate_instance_uid=False)
    slices[0].NumberOfFrames = 1_000_000
    return [*folders, save_slices(slices[:1], "frames")]
