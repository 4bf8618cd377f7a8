"""NIfTI, NRRD and MHA whose headers contradict themselves or the voxels in the file."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import medseg
from medseg import ErrorCode, UnusableInput
from medseg.core.geometry import Geometry
from tests.core.io.studies import loose_examples
from tests.core.making import volume_of

SHAPE = (8, 9, 10)
VALUES = np.random.default_rng(0).integers(-500, 500, SHAPE, dtype=np.int16)
RAW = VALUES.tobytes(order="F")
HEAD = ErrorCode.INVALID_HEADER


def refused(path: Path, code: ErrorCode) -> None:
    for read in (medseg.read_volume, medseg.read_segmentation):
        with pytest.raises(UnusableInput) as caught:
            read(path)
        assert caught.value.code == code


def nifti(*changes: tuple[int, str, float]) -> bytes:
    """A NIfTI file with its fields changed: where, how stored, what."""
    geometry = Geometry.from_spacing(SHAPE, (1.0, 1.5, 2.0))
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *SHAPE, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 4, 16)  # int16, 16 bits
    struct.pack_into("<8f", header, 76, 1, *geometry.spacing_mm, 0, 0, 0, 0)
    struct.pack_into("<3f", header, 108, 352, 1, 0)  # offset, slope, intercept
    struct.pack_into("<B2h", header, 123, 2, 0, 0)
    struct.pack_into("<2h", header, 252, 1, 1)  # qform and sform are there
    struct.pack_into("<12f", header, 280, *geometry.affine[:3].flat)
    struct.pack_into("<3f", header, 268, *geometry.affine[:3, 3])
    struct.pack_into("<4s", header, 344, b"n+1\0")
    for offset, kind, value in changes:
        struct.pack_into(f"<{kind}", header, offset, value)
    return bytes(header) + RAW


def nrrd(fields: str = "", *, encoding: str = "raw", space: str = "LPS") -> bytes:
    """An NRRD file of the same voxels; fields replace or come after the others."""
    lines = {
        "type": "int16",
        "dimension": "3",
        "space": space,
        "sizes": "8 9 10",
        "space directions": "(1,0,0) (0,1.5,0) (0,0,2)",
        "endian": "little",
        "encoding": encoding,
        "space origin": "(5,6,7)",
    }
    lines |= dict(line.split(": ", 1) for line in fields.splitlines())
    text = "".join(f"{name}: {value}\n" for name, value in lines.items() if value)
    voxels = gzip.compress(RAW) if encoding == "gzip" else RAW
    return f"NRRD0005\n{text}\n".encode() + voxels


def meta_image(fields: str = "") -> bytes:
    lines = {
        "ObjectType": "Image",
        "NDims": "3",
        "ElementByteOrderMSB": "False",
        "ElementSpacing": "1 1.5 2",
        "Offset": "5 6 7",
        "DimSize": "8 9 10",
        "ElementType": "MET_SHORT",
    }
    lines |= dict(line.split(" = ", 1) for line in fields.splitlines())
    text = "".join(f"{name} = {value}\n" for name, value in lines.items() if value)
    return f"{text}ElementDataFile = LOCAL\n".encode() + RAW


def saved(content: bytes, folder: Path, suffix: str) -> Path:
    path = folder / f"scan{suffix}"
    path.write_bytes(content)
    return path


TOO_MANY_VOXELS = {
    "nifti, a slice less": (nifti((46, "h", 9)), ".nii"),
    "nifti, half the slices": (nifti((46, "h", 5)), ".nii"),
    "nifti, half the rows": (nifti((42, "h", 4)), ".nii"),
    "nifti, half the bits": (nifti((70, "h", 2), (72, "h", 8)), ".nii"),
    "nifti, two volumes": (nifti() + RAW, ".nii"),
    "nifti, 5 KiB": (nifti() + bytes(5000), ".nii"),
    "packed nifti, a slice less": (gzip.compress(nifti((46, "h", 9))), ".nii.gz"),
    "packed nifti, two volumes": (gzip.compress(nifti() + RAW), ".nii.gz"),
    "nrrd, a slice less": (nrrd("sizes: 8 9 9"), ".nrrd"),
    "nrrd, half the bits": (nrrd("type: uint8"), ".nrrd"),
    "nrrd, two volumes": (nrrd() + RAW, ".nrrd"),
    "packed nrrd, half the bits": (nrrd("type: uint8", encoding="gzip"), ".nrrd"),
    "packed nrrd, a slice less": (nrrd("sizes: 8 9 9", encoding="gzip"), ".nrrd"),
    "mha, a slice less": (meta_image("DimSize = 8 9 9"), ".mha"),
    "mha, half the bits": (meta_image("ElementType = MET_UCHAR"), ".mha"),
    "mha, two volumes": (meta_image() + RAW, ".mha"),
}


@pytest.mark.parametrize("case", TOO_MANY_VOXELS)
def test_more_voxels_than_the_header_says_are_refused(tmp_path, case):
    content, suffix = TOO_MANY_VOXELS[case]
    refused(saved(content, tmp_path, suffix), HEAD)


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (nifti() + b"\n" * 20, ".nii"),
        (gzip.compress(nifti() + b"\n" * 20), ".nii.gz"),
        (nrrd() + b"\n" * 20, ".nrrd"),
        (meta_image() + b"\n" * 20, ".mha"),
    ],
)
def test_a_few_bytes_after_the_voxels_are_noted(tmp_path, content, suffix):
    volume = medseg.read_volume(saved(content, tmp_path, suffix))
    assert_array_equal(volume.array[0], VALUES)
    assert "20 byte(s) after the last voxel not used" in volume.notes


def test_voxels_after_extensions_of_the_header_are_read(tmp_path):
    content = nifti((108, "f", 1352.0), (348, "B", 1))
    path = saved(content[:352] + bytes(1000) + content[352:], tmp_path, ".nii")
    volume = medseg.read_volume(path)
    assert_array_equal(volume.array[0], VALUES)
    assert volume.notes == ()


def test_inspect_tells_of_too_many_voxels(tmp_path):
    path = saved(nifti((46, "h", 5)), tmp_path, ".nii")
    (found,) = medseg.find_volumes(path)
    assert any("INVALID_HEADER" in str(problem) for problem in found.problems)


UNUSABLE = {
    "bits unlike the type": nifti((70, "h", 2)),
    "voxels begin within a byte": nifti((108, "f", 352.7)),
    "voxels begin at NaN": nifti((108, "f", np.nan)),
    "infinite slope": nifti((112, "f", np.inf)),
    "slope of minus infinity": nifti((112, "f", -np.inf)),
    "far beyond the room": nifti((292, "f", 1e30), (252, "h", 0)),
    "a voxel longer than the room": nifti((280, "f", 1e7), (252, "h", 0)),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_numbers_that_cannot_be_meant_are_refused(tmp_path, what):
    refused(saved(UNUSABLE[what], tmp_path, ".nii"), HEAD)


def test_a_slope_of_nan_means_that_nothing_is_scaled(tmp_path):
    path = saved(nifti((112, "f", np.nan)), tmp_path, ".nii")
    assert_array_equal(medseg.read_volume(path).array[0], VALUES)


@pytest.mark.parametrize(
    ("apart_mm", "is_noted"), [(0.05, False), (0.2, True), (0.9, True)]
)
def test_forms_a_little_apart_are_noted_with_the_distance(tmp_path, apart_mm, is_noted):
    path = saved(nifti((268, "f", apart_mm)), tmp_path, ".nii")
    volume = medseg.read_volume(path)
    assert_allclose(volume.geometry.affine[:3, 3], 0)  # the sform's
    wanted = f"sform and qform are {apart_mm:.2f} mm apart: the sform is used"
    assert volume.notes == ((wanted,) if is_noted else ())


@pytest.mark.parametrize(
    ("unit", "mm"),
    [
        ("mm", 1),
        ("millimeters", 1),
        ("m", 1000),
        ("meter", 1000),
        ("cm", 10),
        ("um", 1e-3),
        ("µm", 1e-3),
        ("microns", 1e-3),
    ],
)
def test_lengths_in_other_units_become_millimetres(tmp_path, unit, mm):
    units = " ".join([f'"{unit}"'] * 3)
    for content, suffix, origin in (
        (nrrd(f"space units: {units}"), ".nrrd", (-5, -6, 7)),
        (
            nrrd(
                f"space: \nspace directions: \nspace origin: \nunits: {units}"
                "\nspacings: 1 1.5 2"
            ),
            ".nrrd",
            (0, 0, 0),
        ),
        (meta_image(f"DistanceUnits = {unit}"), ".mha", (-5, -6, 7)),
    ):
        geometry = medseg.read_volume(saved(content, tmp_path, suffix)).geometry
        assert_allclose(geometry.spacing_mm, np.array((1, 1.5, 2)) * mm)
        assert_allclose(geometry.affine[:3, 3], np.array(origin) * mm)


def test_what_had_another_unit_is_noted(tmp_path):
    path = saved(nrrd('space units: "m" "m" "m"'), tmp_path, ".nrrd")
    assert medseg.read_volume(path).notes == ("lengths were in m",)


@pytest.mark.parametrize(
    "content",
    [
        nrrd('space units: "ells" "ells" "ells"'),
        nrrd('space units: "mm" "mm" "m"'),
        nrrd('space units: "s" "s" "s"'),
        meta_image("DistanceUnits = inch"),
    ],
)
def test_lengths_in_units_that_nobody_knows_are_refused(tmp_path, content):
    suffix = ".nrrd" if content.startswith(b"NRRD") else ".mha"
    refused(saved(content, tmp_path, suffix), HEAD)


@pytest.mark.parametrize(
    "content",
    [
        nrrd("space directions: (1,0,0) (0,1.5,0) none"),
        nrrd("space directions: none (1,0,0) (0,1.5,0)"),
        nrrd("space: \nspace directions: \nspace origin: \nspacings: 1 1.5 nan"),
        nrrd("space: \nspace directions: \nspace origin: "),
        meta_image("ElementSpacing = "),
    ],
)
def test_an_axis_without_a_spacing_gets_none_invented(tmp_path, content):
    suffix = ".nrrd" if content.startswith(b"NRRD") else ".mha"
    refused(saved(content, tmp_path, suffix), ErrorCode.MISSING_GEOMETRY)


@pytest.mark.parametrize("space", ["scanner-xyz", "3D-right-handed", "3D-left-handed"])
def test_a_space_that_is_not_the_patients_gives_no_orientation(tmp_path, space):
    volume = medseg.read_volume(saved(nrrd(space=space), tmp_path, ".nrrd"))
    assert volume.notes == ("the file does not give an orientation",)


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("LPS", (-1, -1, 1)),
        ("left-posterior-superior", (-1, -1, 1)),
        ("RAS", (1, 1, 1)),
        ("right-anterior-superior", (1, 1, 1)),
        ("LAS", (-1, 1, 1)),
        ("left-anterior-superior", (-1, 1, 1)),
    ],
)
def test_a_space_of_the_patient_is_understood(tmp_path, space, signs):
    volume = medseg.read_volume(saved(nrrd(space=space), tmp_path, ".nrrd"))
    assert volume.notes == ()
    place_ras_mm = np.array((5 + 3, 6 + 2 * 1.5, 7 + 2)) * signs
    assert_allclose(volume.geometry.to_world((3, 2, 1)), place_ras_mm)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
@loose_examples(of_a_hundred=40)
@given(
    st.dictionaries(st.integers(0, 700), st.integers(0, 255), min_size=1, max_size=4),
    st.integers(-40, 40),
)
def test_damage_at_random_never_makes_another_shape(tmp_path, suffix, changes, longer):
    """Bytes changed, and the end cut off or grown: the same size or a typed error."""
    path = tmp_path / f"scan{suffix}"
    medseg.write_volume(volume_of(VALUES), path, overwrite=True)
    content = bytearray(path.read_bytes())
    for place, value in changes.items():
        content[place % len(content)] = value
    path.write_bytes(content[: len(content) + min(longer, 0)] + bytes(max(longer, 0)))
    try:
        volume = medseg.read_volume(path)
    except medseg.MedSegError:
        return
    assert sorted(volume.geometry.shape) == sorted(SHAPE)
    assert np.isfinite(volume.array).all()
