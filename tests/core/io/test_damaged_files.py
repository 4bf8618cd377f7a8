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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless, generate_uid

import medseg
from medseg import MedSegError, Volume
from tests.core.io.studies import completed, random_labels

T = TypeVar("T")
SLICES = 8
SIDE = 48
MEMORY_BYTES = 512 * 2**20
LOOSE = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
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


@settings(LOOSE, max_examples=60)
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


@settings(LOOSE, max_examples=80)
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
    assert_part_of(volume, truth, values=keyword not in MEANING)
    read_or_refused(lambda: medseg.find_volumes(folder))


@settings(LOOSE, max_examples=80)
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


def test_a_slice_cut_anywhere(series, truth):
    file = sorted(series.iterdir())[3]
    content = file.read_bytes()
    for at in cuts(len(content)):
        file.write_bytes(content[:at])
        assert_part_of(read_or_refused(lambda: medseg.read_volume(series)), truth)


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless, RLELossless])
def test_a_compressed_slice_cut_anywhere(slices, truth, save_slices, syntax):
    for data in slices:
        data.compress(syntax, generate_instance_uid=False)
    folder = save_slices(slices, "compressed")
    file = sorted(folder.iterdir())[3]
    content = file.read_bytes()
    for at in (*range(1024, len(content), 1024), len(content) - 8):
        file.write_bytes(content[:at])
        assert_part_of(read_or_refused(lambda: medseg.read_volume(folder)), truth)


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
@settings(LOOSE, max_examples=80)
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
