"""Pixels read as they lie in the file are those that pydicom reads."""

import numpy as np
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from medseg import UnusableInput
from medseg.io.dicom.headers import read_headers
from medseg.io.dicom.pixels import decode_frames
from tests.core.io.conftest import COLUMNS, ROWS

PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


def saved(make_slices, path, *, syntax, bits, is_signed, values):
    (data,) = make_slices(1)
    data.BitsStored, data.HighBit = bits, bits - 1
    data.PixelRepresentation = int(is_signed)
    data.PixelData = values.astype("<i2" if is_signed else "<u2").tobytes()
    data["PixelData"].VR = "OW"
    data.file_meta.TransferSyntaxUID = syntax
    data.save_as(
        path,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=True,
        enforce_file_format=True,
    )
    return read_headers(path)[0]


@pytest.mark.parametrize("syntax", PLAIN)
@pytest.mark.parametrize("bits", [9, 12, 16])
@pytest.mark.parametrize("is_signed", [False, True])
def test_usual_pixels_are_read_from_where_they_lie(
    make_slices, tmp_path, syntax, bits, is_signed
):
    low = -(2 ** (bits - 1)) if is_signed else 0
    values = np.linspace(low, low + 2**bits - 1, ROWS * COLUMNS).round()
    path = tmp_path / "slice"
    header = saved(
        *(make_slices, path),
        syntax=syntax,
        bits=bits,
        is_signed=is_signed,
        values=values,
    )
    assert header.layout.plain is not None
    found = header.layout.plain.picture(path, ROWS, COLUMNS)
    (wanted,) = decode_frames(path, [0])
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(found, values.reshape(ROWS, COLUMNS))


def test_bits_that_do_not_count_are_left_to_pydicom(make_slices, tmp_path):
    values = np.arange(ROWS * COLUMNS) + 4090  # 12 bits end at 4095
    path = tmp_path / "slice"
    header = saved(
        *(make_slices, path),
        syntax=ExplicitVRLittleEndian,
        bits=12,
        is_signed=False,
        values=values,
    )
    assert header.layout.plain is not None
    assert header.layout.plain.picture(path, ROWS, COLUMNS) is None


def test_other_encodings_are_left_to_pydicom(make_slices, tmp_path):
    (data,) = make_slices(1)
    data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data.save_as(tmp_path / "slice", enforce_file_format=True)
    assert read_headers(tmp_path / "slice")[0].layout.plain is None


def test_pixels_cut_off_are_left_to_pydicom(make_slices, tmp_path):
    (data,) = make_slices(1)
    path = tmp_path / "slice"
    data.save_as(path)
    path.write_bytes(path.read_bytes()[:-2])
    (header,) = read_headers(path)
    assert header.layout.plain is not None
    assert header.layout.plain.picture(path, ROWS, COLUMNS) is None


def test_an_image_without_pixels_was_cut_off(make_slices, tmp_path):
    (data,) = make_slices(1)
    del data.PixelData
    data.save_as(tmp_path / "slice")
    with pytest.raises(UnusableInput, match=r"TRUNCATED_FILE.*ends before its pixels"):
        read_headers(tmp_path / "slice")


def test_a_header_longer_than_what_is_read_ahead_is_read(make_slices, tmp_path):
    (data,) = make_slices(1)
    data.private_block(0x0011, "long", create=True).add_new(1, "OB", bytes(40_000))
    data.save_as(tmp_path / "slice")
    content = (tmp_path / "slice").read_bytes()
    for read in (0, 100, 2**15, len(content)):
        (header,) = read_headers(tmp_path / "slice", content[:read])
        assert header == read_headers(tmp_path / "slice")[0]
        assert header.layout.plain is not None
