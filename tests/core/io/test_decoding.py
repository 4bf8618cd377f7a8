"""Compressed pixels are decoded elsewhere: a crash in there costs one series."""

import os
import signal
import subprocess
import sys
import zlib
from contextlib import closing
from threading import Thread

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

import medseg
from medseg import ErrorCode, UnusableInput
from medseg.io.dicom.decoding import Decoder, DecodingLimits
from medseg.io.dicom.encoding import PixelLayout

COMPRESSED = [JPEGLSLossless, JPEG2000Lossless, RLELossless]
OF_SMALL_PICTURES = [JPEGLSLossless, RLELossless]


def layout(syntax: UID, rows: int = 512, columns: int = 512) -> PixelLayout:
    return PixelLayout(syntax=syntax, rows=rows, columns=columns, bits=16)


@pytest.fixture
def large_slices(make_slices):
    """Slices of 512 x 512 in random values, which take a decoder its time."""
    slices = make_slices(3)
    rng = np.random.default_rng(0)
    for data in slices:
        data.Rows = data.Columns = 512
        data.PixelData = rng.integers(0, 4096, (512, 512), np.int16).tobytes()
    return slices


@pytest.mark.parametrize("syntax", COMPRESSED)
def test_a_compressed_series_is_the_same_series(large_slices, save_slices, syntax):
    slices = large_slices
    plain = medseg.read_volume(save_slices(slices, "plain"))
    for data in slices:
        data.compress(syntax, generate_instance_uid=False)
    assert_array_equal(
        medseg.read_volume(save_slices(slices, "compressed")).array, plain.array
    )


def test_a_crash_is_an_error_and_the_next_series_is_read(large_slices, save_slices):
    for data in large_slices:
        data.compress(JPEG2000Lossless)
    file, *others = sorted(save_slices(large_slices).iterdir())
    with closing(Decoder()) as decoder:
        for other in others:
            (picture,) = decoder.frames(other, [0], layout(JPEG2000Lossless))
            assert picture.shape == (512, 512)
        process = decoder.process_id
        assert process is not None
        os.kill(process, signal.SIGTERM)
        with pytest.raises(UnusableInput, match=r"DECODER_FAILED.*crashed") as caught:
            list(decoder.frames(file, [0], layout(JPEG2000Lossless)))
        assert caught.value.where == str(file)
        assert decoder.process_id is None
        (picture,) = decoder.frames(file, [0], layout(JPEG2000Lossless))
        assert decoder.process_id != process


def test_a_process_killed_at_work_is_an_error(large_slices, save_slices):
    """It is killed while it waits for the first of two pictures to be taken."""
    data = large_slices[0]
    data.NumberOfFrames = 8
    data.PixelData *= 8
    data.compress(RLELossless)
    (file,) = save_slices([data]).iterdir()
    with closing(Decoder()) as decoder:
        frames = decoder.frames(file, range(8), layout(RLELossless))
        next(frames)
        assert decoder.process_id is not None
        os.kill(decoder.process_id, signal.SIGTERM)
        with pytest.raises(UnusableInput, match="DECODER_FAILED"):
            list(frames)


def test_too_much_time_is_an_error(large_slices, save_slices):
    data = large_slices[0]
    data.compress(JPEG2000Lossless)
    (file,) = save_slices([data]).iterdir()
    limits = DecodingLimits(seconds=0.02)  # it takes longer to start
    with (
        closing(Decoder(limits)) as decoder,
        pytest.raises(UnusableInput, match=r"DECODER_FAILED.*longer than 0\.02 s"),
    ):
        list(decoder.frames(file, [0], layout(JPEG2000Lossless)))


@pytest.mark.skipif(sys.platform != "linux", reason="no limit on memory there")
@pytest.mark.parametrize("syntax", COMPRESSED)
def test_too_much_memory_is_an_error(large_slices, save_slices, syntax):
    data = large_slices[0]
    data.Rows = data.Columns = 4096
    data.PixelData *= 64
    data.compress(syntax)
    (file,) = save_slices([data]).iterdir()
    limits = DecodingLimits(memory_bytes=48 * 2**20)
    small = layout(syntax)  # what the header says is refused before it is decoded
    with (
        closing(Decoder(limits)) as decoder,
        pytest.raises(UnusableInput, match=r"DECODER_FAILED|TRUNCATED_FILE"),
    ):
        list(decoder.frames(file, [0], small))
    with (
        closing(Decoder(limits)) as decoder,
        pytest.raises(UnusableInput, match="TOO_LARGE"),
    ):
        list(decoder.frames(file, [0], layout(syntax, 4096, 4096)))


@pytest.mark.parametrize("syntax", [None, *OF_SMALL_PICTURES])
@pytest.mark.parametrize(
    "claim", [{"Rows": 65535, "Columns": 65535}, {"Rows": 65535}, {"Columns": 10}]
)
def test_claims_that_the_pixels_do_not_meet_are_refused(
    make_slices, save_slices, syntax, claim
):
    slices = make_slices()
    for data in slices:
        if syntax is not None:
            data.compress(syntax)
        for keyword, value in claim.items():
            setattr(data, keyword, value)
    codes = [ErrorCode.TOO_LARGE, ErrorCode.TRUNCATED_FILE]
    if syntax == JPEGLSLossless:  # GDCM ends the whole process then
        codes.append(ErrorCode.DECODER_FAILED)
    with pytest.raises(UnusableInput) as caught:
        medseg.read_volume(save_slices(slices))
    assert caught.value.code in codes


@pytest.mark.parametrize("syntax", [None, *OF_SMALL_PICTURES])
def test_a_million_frames_are_refused(enhanced_ct, tmp_path, syntax):
    groups = enhanced_ct.PerFrameFunctionalGroupsSequence
    if syntax is not None:
        enhanced_ct.compress(syntax)
    enhanced_ct.NumberOfFrames = 1_000_000
    groups += [groups[0]] * 100
    enhanced_ct.save_as(tmp_path / "enhanced")
    with pytest.raises(UnusableInput):
        medseg.read_volume(tmp_path / "enhanced")


def test_cut_pixels_of_jpeg_ls_end_in_time(large_slices, save_slices):
    for data in large_slices:
        data.compress(JPEGLSLossless)
    folder = save_slices(large_slices)
    file = min(folder.iterdir())
    file.write_bytes(file.read_bytes()[:-100_000])
    with pytest.raises(UnusableInput) as caught:
        medseg.read_volume(folder)
    assert caught.value.code in (ErrorCode.TRUNCATED_FILE, ErrorCode.DECODER_FAILED)
    assert caught.value.where == str(file)


@pytest.mark.parametrize(
    "syntax", [DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_deflated_and_big_endian_series_are_read(make_slices, save_slices, syntax):
    slices = make_slices()
    plain = medseg.read_volume(save_slices(slices, "plain"))
    for data in slices:
        data.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian:
            pixels = np.frombuffer(data.PixelData, "<i2").astype(">i2")
            data.PixelData = pixels.tobytes()
            data.set_original_encoding(is_implicit_vr=False, is_little_endian=False)
    assert_array_equal(
        medseg.read_volume(save_slices(slices, "other")).array, plain.array
    )


def test_a_deflated_file_of_more_than_a_gigabyte_is_refused(make_slices, tmp_path):
    (data,) = make_slices(1)
    data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    mebibyte = deflater.compress(bytes(2**20)) + deflater.flush(zlib.Z_FULL_FLUSH)
    with (tmp_path / "bomb").open("wb") as stream:
        stream.write(bytes(128) + b"DICM")
        write_file_meta_info(stream, data.file_meta)
        stream.write(mebibyte * 1025)
    assert (tmp_path / "bomb").stat().st_size < 2**21
    with pytest.raises(UnusableInput, match=r"TOO_LARGE.*inflates to more than 1 GiB"):
        medseg.read_volume(tmp_path / "bomb")


@pytest.fixture
def compressed_folder(make_slices, save_slices):
    slices = make_slices()
    for data in slices:
        data.compress(RLELossless)
    return save_slices(slices)


def test_a_script_without_a_guard_reads_a_compressed_series(
    compressed_folder, tmp_path
):
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "import medseg\n"
        f"print(medseg.read_volume({str(compressed_folder)!r}).array.shape)\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", str(script)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "(1, 9, 7, 12)\n"
    assert done.stderr == ""


def test_threads_read_at_the_same_time(compressed_folder):
    shapes = []

    def read() -> None:
        shapes.append(medseg.read_volume(compressed_folder).geometry.shape)

    threads = [Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shapes == [(9, 7, 12)] * 3


def test_the_process_needs_no_torch():
    code = (
        "import sys, medseg.io.dicom.decoding_child; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
