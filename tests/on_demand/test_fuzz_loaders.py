"""Each loader on files damaged at random, for as long as is asked for.

    pytest tests/on_demand/test_fuzz_loaders.py --fuzz-seconds 600 --fuzz-seed 1

A file that is neither read nor refused as it ought to be stays in the folder that the
failure names; so does one at which the whole process ends.
"""

import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

import medseg
from medseg import SegmentationFormat
from tests.core.io.conftest import enhanced_ct, make_slices, save_slices
from tests.core.io.studies import completed, random_labels

__all__ = ["enhanced_ct", "make_slices", "save_slices"]

HEADER_BYTES = 2000
EDGES = (0, 1, 127, 128, 255)
SYNTAXES = {
    "plain": ExplicitVRLittleEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "rle": RLELossless,
    "jpeg-ls": JPEGLSLossless,
    "jpeg-2000": JPEG2000Lossless,
}
LABELS = [each for each in SegmentationFormat if each.is_dicom]


@pytest.fixture
def slices(make_slices):
    made = completed(make_slices())
    for number, data in enumerate(made):
        data.Rows = data.Columns = 32
        values = np.arange(1024) + 1000 * number
        data.PixelData = values.astype(np.int16).tobytes()
    return made


@pytest.fixture
def fuzz(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Damage a file, read it and put it right again, until the time is over."""
    seconds = request.config.getoption("--fuzz-seconds")
    rng = np.random.default_rng(request.config.getoption("--fuzz-seed"))

    def run(file: Path, read: Callable[[], object]) -> None:
        content = file.read_bytes()
        truth = read()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            changed = damaged(content, rng)
            file.write_bytes(changed)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    result = read()
            except medseg.MedSegError:
                continue
            require_sound(result, truth)
            if content.startswith(changed):  # only cut off
                require_same(result, truth)

    return run


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """A few bytes changed, taken out, put in or repeated; or the end cut off."""
    new = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        is_in_header = rng.random() < 0.7
        last = min(HEADER_BYTES, len(new)) if is_in_header else len(new)
        at, length = int(rng.integers(0, max(last, 1))), int(rng.integers(1, 9))
        match rng.integers(0, 7):
            case 0 | 1:
                new[at : at + 1] = bytes([rng.integers(0, 256)])
            case 2:
                new[at : at + length] = bytes([rng.choice(EDGES)] * length)
            case 3:
                del new[at : at + length]
            case 4:
                new[at:at] = rng.bytes(length)
            case 5:
                new[at:at] = new[at : at + 16 * length]
            case _:
                if rng.random() < 0.2:
                    del new[at:]
    return bytes(new)


def require_sound(result: object, truth: object) -> None:
    """What is read is finite; of a series only the damaged file can read otherwise.

    What a single file holds may all be otherwise, and be as sound as it was.
    """
    if isinstance(result, medseg.Segmentation):
        assert set(np.unique(result.array)) <= {0, *result.labels.ids}
    if not isinstance(result, medseg.Volume) or not isinstance(truth, medseg.Volume):
        return
    assert np.isfinite(result.array).all()
    assert np.isfinite(result.geometry.affine).all()
    assert result.array.shape[1:] == result.geometry.shape
    if len({each.path for each in truth.source}) > 1:
        require_other_slices(result, truth)


def require_other_slices(result: medseg.Volume, truth: medseg.Volume) -> None:
    """All slices but one are those of the truth, and lie where they do."""
    indices = np.moveaxis(np.indices(result.geometry.shape), 0, -1)
    exact = truth.geometry.to_index(result.geometry.to_world(indices))
    nearest = np.rint(exact).astype(int)
    assert (np.abs(exact - nearest) * truth.geometry.spacing_mm).max() < 0.11
    assert nearest.min() >= 0
    assert (nearest.reshape(-1, 3).max(axis=0) < truth.geometry.shape).all()
    i, j, k = np.moveaxis(nearest, -1, 0)
    is_same = (result.array[0] == truth.array[0][i, j, k]).all(axis=(0, 1))
    assert is_same.sum() >= truth.geometry.shape[2] - 1


def require_same(result: object, truth: object) -> None:
    """A file that was cut off and is read says what it said before."""
    if isinstance(result, medseg.Volume | medseg.Segmentation):
        assert isinstance(truth, type(result))
        assert result.geometry.shape == truth.geometry.shape
        np.testing.assert_allclose(result.geometry.affine, truth.geometry.affine)
        np.testing.assert_array_equal(result.array, truth.array)


@pytest.mark.parametrize("name", SYNTAXES)
def test_dicom_series(slices, save_slices, fuzz, name):
    syntax: UID = SYNTAXES[name]
    for data in slices:
        if syntax.is_compressed and not syntax.is_deflated:
            data.compress(syntax, generate_instance_uid=False)
        data.file_meta.TransferSyntaxUID = syntax
    folder = save_slices(slices)
    file = min(folder.iterdir())
    fuzz(file, lambda: medseg.read_volume(folder))


def test_enhanced_dicom(enhanced_ct, tmp_path, fuzz):
    file = tmp_path / "enhanced"
    enhanced_ct.save_as(file)
    fuzz(file, lambda: medseg.read_volume(file))


def test_finding(slices, save_slices, fuzz):
    folder = save_slices(slices)
    fuzz(min(folder.iterdir()), lambda: medseg.find_volumes(folder))


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha"])
def test_image_files(tmp_path, fuzz, name):
    geometry = medseg.Geometry.from_spacing((9, 8, 7), (1.0, 2.0, 3.0))
    array = np.arange(9 * 8 * 7, dtype=np.int16).reshape(1, 9, 8, 7)
    medseg.write_volume(medseg.Volume(array=array, geometry=geometry), tmp_path / name)
    fuzz(tmp_path / name, lambda: medseg.read_volume(tmp_path / name))


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("with_source", [True, False])
def test_labels_in_dicom(slices, save_slices, tmp_path, fuzz, kind, with_source):
    scan = medseg.read_volume(save_slices(slices))
    file = tmp_path / "labels.dcm"
    medseg.write_segmentation(
        random_labels(scan, 0), file, source=scan, file_format=kind
    )
    source = scan if with_source else None
    fuzz(file, lambda: medseg.read_segmentation(file, source=source))
