"""Zip archives: unpacked, or refused before a file is written."""

import stat
import struct
import zipfile
from contextlib import suppress
from pathlib import Path, PurePosixPath

import pytest

from medseg import ErrorCode, UnusableInput
from medseg.models.foreign.archives import ArchiveLimits, unpack_zip, zip_names


def anything(path: PurePosixPath) -> bool:  # noqa: ARG001
    return True


def zipped(folder: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    archive = folder / "some.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zip_file:
        for name, content in members:
            zip_file.writestr(name, content)
    return archive


def of_kind(name: str, kind: int) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = (kind | 0o777) << 16
    return member


def refused(archive: Path, folder: Path, limits: ArchiveLimits | None = None) -> str:
    target = folder / "target"
    target.mkdir()
    with pytest.raises(UnusableInput) as caught:
        unpack_zip(archive, target, anything, limits or ArchiveLimits())
    assert caught.value.code == ErrorCode.UNSAFE_ARCHIVE
    assert not any(target.iterdir())
    assert sorted(path.name for path in folder.iterdir()) == ["some.zip", "target"]
    return caught.value.what


def test_files_wanted_are_unpacked(tmp_path):
    archive = zipped(
        tmp_path, ("a/b.txt", b"1"), ("a/c.bin", b"2"), ("__MACOSX/x", b"")
    )
    unpack_zip(archive, tmp_path / "out", lambda path: path.suffix == ".txt")
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert files == [tmp_path / "out/a/b.txt"]
    assert files[0].read_bytes() == b"1"


@pytest.mark.parametrize(
    "name",
    ["../up", "a/../../up", "/etc/passwd", "C:/x", "a\\..\\x", "a/b\0.txt"],
)
def test_names_that_lead_elsewhere_are_refused(name, tmp_path):
    plain = "n" * len(name)  # `zipfile` would mend the name; put it in afterwards
    archive = zipped(tmp_path, ("fine", b"1"), (plain, b"2"))
    content = archive.read_bytes().replace(plain.encode(), name.encode())
    archive.write_bytes(content)
    assert "leads elsewhere" in refused(archive, tmp_path)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(kind, tmp_path):
    archive = zipped(tmp_path, ("fine", b"1"), (of_kind("link", kind), b"/etc/passwd"))
    assert "neither file nor folder" in refused(archive, tmp_path)


def test_two_files_of_a_name_are_refused_whatever_the_case(tmp_path):
    archive = zipped(tmp_path, ("a/Plans.json", b"1"), ("a/plans.json", b"2"))
    assert "twice" in refused(archive, tmp_path)


def test_a_file_that_is_a_folder_too_is_refused(tmp_path):
    archive = zipped(tmp_path, ("a", b"1"), ("a/b", b"2"))
    assert "below a file" in refused(archive, tmp_path)


def test_a_file_that_grows_out_of_proportion_is_refused(tmp_path):
    archive = zipped(tmp_path, ("fine", b"1"), ("bomb", bytes(3 * 2**20)))
    assert "out of proportion" in refused(archive, tmp_path)


def test_files_that_take_too_much_together_are_refused(tmp_path):
    archive = zipped(tmp_path, *((f"f{n}", bytes(1000)) for n in range(20)))
    what = refused(archive, tmp_path, ArchiveLimits(bytes=15_000))
    assert "take more than" in what


def test_files_that_lie_over_each_other_are_refused(tmp_path):
    archive = zipped(tmp_path, ("aa", bytes(range(256)) * 9), ("bb", b"2"))
    content = bytearray(archive.read_bytes())
    directory = content.rindex(b"PK\x01\x02")  # the second file's entry
    first = content.index(b"PK\x01\x02")
    sizes = slice(first + 16, first + 28)  # CRC, packed and plain size
    content[directory + 16 : directory + 28] = content[sizes]
    content[directory + 42 : directory + 46] = struct.pack("<I", 0)
    archive.write_bytes(content)
    assert "over each other" in refused(archive, tmp_path)


def test_an_encrypted_file_is_refused(tmp_path):
    archive = zipped(tmp_path, ("secret", b"1"))
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    assert "unusual" in refused(archive, tmp_path)


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_damaged_archive_is_refused(damage, tmp_path):
    archive = zipped(tmp_path, ("a", bytes(range(250)) * 40))
    content = bytearray(archive.read_bytes())
    if damage == "cut":
        del content[-10:]
    else:
        content[60:80] = bytes(20)
    archive.write_bytes(content)
    with pytest.raises(UnusableInput, match="TRUNCATED_FILE"):
        unpack_zip(archive, tmp_path / "out", anything)


def test_files_that_together_grow_out_of_proportion_are_refused(tmp_path):
    archive = zipped(tmp_path, *((f"f{n}", bytes(2**20)) for n in range(70)))
    assert archive.stat().st_size < 2**20 / 2
    assert "out of proportion" in refused(archive, tmp_path)


def test_a_name_that_is_no_text_is_damage(tmp_path):
    archive = zipped(tmp_path, ("aaa\u00e9/plans.json", b"{}"))
    content = archive.read_bytes().replace("\u00e9".encode(), b"\xff\xfe")
    archive.write_bytes(content)
    for read in (unpack_anything, zip_names):
        with pytest.raises(UnusableInput, match="TRUNCATED_FILE"):
            read(archive)


def unpack_anything(archive: Path) -> None:
    unpack_zip(archive, archive.parent / "out", anything)


def test_whatever_byte_is_wrong_an_archive_is_unpacked_or_refused(tmp_path):
    archive = zipped(tmp_path, ("a/plans.json", b'{"a":1}' * 50), ("b", b"{}"))
    content = archive.read_bytes()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 0xFF
        archive.write_bytes(changed)
        with suppress(UnusableInput):
            unpack_zip(archive, tmp_path / str(place), anything)
