"""Archives are unpacked below one folder, or not at all."""

import io
import tarfile
from pathlib import Path

import pytest

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.io.download import unpacking
from medseg.io.download.unpacking import unpack_tar


def packed(path: Path, *members: tarfile.TarInfo) -> Path:
    """An archive of these members; files hold their own name."""
    with tarfile.open(path, "w") as tar:
        for member in members:
            content = member.name.encode() if member.isreg() else b""
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def member(
    name: str, kind: bytes = tarfile.REGTYPE, target: str = ""
) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    made.linkname = target
    made.mode = 0o4777
    return made


def unpacked(archive: Path, folder: Path) -> list[str]:
    folder.mkdir()
    unpack_tar(archive, folder, "Task")
    return sorted(
        str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()
    )


def test_files_lie_below_the_folder_and_resource_forks_are_left_out(tmp_path):
    archive = packed(
        tmp_path / "a.tar",
        member("./._Task"),
        member("Task", tarfile.DIRTYPE),
        member("Task/dataset.json"),
        member("Task/imagesTr", tarfile.DIRTYPE),
        member("./Task/imagesTr/a.nii.gz"),
        member("Task/imagesTr/._a.nii.gz"),
        member("Task/.DS_Store"),
        member("__MACOSX/Task/b"),
    )
    out = tmp_path / "out"
    assert unpacked(archive, out) == ["dataset.json", "imagesTr/a.nii.gz"]
    assert (out / "dataset.json").read_text() == "Task/dataset.json"


def test_modes_of_the_archive_are_not_taken_over(tmp_path):
    archive = packed(tmp_path / "a.tar", member("Task/a"))
    unpacked(archive, tmp_path / "out")
    assert not (tmp_path / "out/a").stat().st_mode & 0o4111


@pytest.mark.parametrize(
    "hostile",
    [
        member("/etc/passwd"),
        member("../outside"),
        member("Task/../../outside"),
        member("Task/..", tarfile.DIRTYPE),
        member("Task/link", tarfile.SYMTYPE, "/etc"),
        member("Task/link", tarfile.LNKTYPE, "Task/a"),
        member("Task/pipe", tarfile.FIFOTYPE),
        member("Task/device", tarfile.CHRTYPE),
        member("Task/disk", tarfile.BLKTYPE),
        member("Task/back\\slash"),
        member("C:/Task/a"),
        member("Other/a"),
        member("Task/a"),
        member("Task/A"),
    ],
    ids=lambda hostile: f"{hostile.name}-{hostile.type.decode()}",
)
def test_a_hostile_archive_is_refused(tmp_path, hostile):
    archive = packed(tmp_path / "a.tar", member("Task/a"), hostile)
    with pytest.raises(UnusableInput) as caught:
        unpacked(archive, tmp_path / "out")
    assert caught.value.code == ErrorCode.UNSAFE_ARCHIVE
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["a", "a.tar", "out"]


def test_a_link_is_not_written_through(tmp_path):
    (tmp_path / "secret").mkdir()
    archive = packed(
        tmp_path / "a.tar",
        member("Task/link", tarfile.SYMTYPE, str(tmp_path / "secret")),
        member("Task/link/planted"),
    )
    with pytest.raises(UnusableInput, match="UNSAFE_ARCHIVE"):
        unpacked(archive, tmp_path / "out")
    assert not list((tmp_path / "secret").iterdir())


def test_a_sparse_file_that_would_fill_the_disk_is_refused(tmp_path):
    sparse = tarfile.TarInfo("Task/huge")
    sparse.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "Task/huge",
        "GNU.sparse.realsize": str(2**50),
    }
    content = b"1\n0\n0\n".ljust(512, b"\0")
    sparse.size = len(content)
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(sparse, io.BytesIO(content))
    with pytest.raises(UnusableInput, match="UNSAFE_ARCHIVE"):
        unpacked(tmp_path / "a.tar", tmp_path / "out")


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "MAX_FILES", 3)
    names = [member(f"Task/{number}") for number in range(4)]
    archive = packed(tmp_path / "a.tar", *names)
    with pytest.raises(UnusableInput, match="more than 3 files"):
        unpacked(archive, tmp_path / "out")


@pytest.mark.parametrize("kept", [100, 600])
def test_a_damaged_archive_is_said_to_be(tmp_path, kept):
    archive = packed(tmp_path / "a.tar", member("Task/" + "a" * 90))
    archive.write_bytes(archive.read_bytes()[:kept].replace(b"ustar", b"xstar"))
    with pytest.raises(UnusableInput, match="TRUNCATED_FILE"):
        unpacked(archive, tmp_path / "out")
