"""Gzip as other programs write it, damaged, and as MedSeg writes it."""

import gzip
import zlib
from contextlib import suppress

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import medseg
from medseg import ErrorCode, UnusableInput
from tests.core.making import segmentation_of

SHAPE = (9, 8, 7)
VALUES = np.random.default_rng(0).integers(-50, 900, SHAPE, dtype=np.int16)
PLAIN = nib.Nifti1Image(VALUES, np.eye(4)).to_bytes()


def member(content: bytes, level: int = 6) -> bytes:
    """One gzip member as the `gzip` program writes it, with name, time and comment."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(content) + packer.flush()
    head = b"\x1f\x8b\x08\x18\x01\x02\x03\x04\x00\x03scan.nii\0a comment\0"
    sums = zlib.crc32(content).to_bytes(4, "little")
    return head + packed + sums + len(content).to_bytes(4, "little")


@pytest.mark.parametrize(
    "content",
    [
        *(gzip.compress(PLAIN, level) for level in (0, 1, 9)),
        member(PLAIN),
        b"".join(member(PLAIN[at : at + 100]) for at in range(0, len(PLAIN), 100)),
        member(PLAIN[:200]) + member(b"") + gzip.compress(PLAIN[200:], 0),
        member(PLAIN) + b"\0" * 600,
    ],
    ids=["stored", "fast", "best", "named", "members", "mixed", "padded"],
)
def test_gzip_of_any_writer_is_read(tmp_path, content):
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(content)
    np.testing.assert_array_equal(medseg.read_volume(path).array[0], VALUES)


@given(st.integers(0, len(member(PLAIN)) - 1), st.integers(0, 7))
def test_a_flipped_bit_never_changes_a_voxel_unnoticed(tmp_path_factory, at, bit):
    content = bytearray(member(PLAIN))
    content[at] ^= 1 << bit
    path = tmp_path_factory.mktemp("flipped") / "scan.nii.gz"
    path.write_bytes(content)
    with suppress(UnusableInput):
        np.testing.assert_array_equal(medseg.read_volume(path).array[0], VALUES)


@pytest.mark.parametrize("kept", [0, 1, 2, 9, 17, 400, -9, -5, -1])
def test_a_second_member_cut_off_is_noticed(tmp_path, kept):
    path = tmp_path / "scan.nii.gz"
    second = member(PLAIN[400:])
    path.write_bytes(member(PLAIN[:400]) + second[:kept])
    with pytest.raises(UnusableInput) as caught:
        medseg.read_volume(path)
    assert caught.value.code is ErrorCode.TRUNCATED_FILE


def test_a_label_map_packs_well_and_to_the_same_bytes_each_time(tmp_path):
    labels = np.zeros((64, 64, 40), np.uint8)
    labels[10:50, 20:40, 5:30] = 3
    files = [tmp_path / name for name in ("a.nii.gz", "b.nii.gz")]
    for file in files:
        medseg.write_segmentation(segmentation_of(labels), file)
    first, second = (file.read_bytes() for file in files)
    assert first == second
    assert len(first) < labels.size / 100
    stored = nib.Nifti1Image.from_bytes(gzip.decompress(first))
    np.testing.assert_array_equal(np.asanyarray(stored.dataobj), labels)
