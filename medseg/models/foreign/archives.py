"""Zip archives of models, unpacked without trusting them.

Plain files below the folder given are written; anything else ends the work.
"""

import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from medseg.core.errors import ErrorCode, MedSegError, UnusableInput
from medseg.io.download.unpacking import (
    is_of_macos,
    is_plain_name,
    require_new,
    unsafe_archive,
)
from medseg.io.safe_writing import writing_errors
from medseg.models.foreign.texts import one_line

_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_FREE_BYTES, _FREE_BYTES_TOGETHER = 2**20, 64 * 2**20
_CHUNK_BYTES = 2**20
_DAMAGES = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error),
    *(ValueError, OverflowError, RuntimeError),
)
"""What `zipfile` raises on a damaged archive, names that are no UTF-8 among it."""


@dataclass(frozen=True, kw_only=True)
class ArchiveLimits:
    """What an archive may become.

    Attributes:
        bytes: Of all its files together.
        ratio: How many times larger than in the archive a file may be, and all of them
            together; a file under 1 MiB may be any, and so may files under 64 MiB
            together.
    """

    bytes: int = 32 * 2**30
    ratio: int = 100


DEFAULT_LIMITS = ArchiveLimits()


def unpack_zip(
    archive: Path,
    folder: Path,
    is_wanted: Callable[[PurePosixPath], bool],
    limits: ArchiveLimits = DEFAULT_LIMITS,
) -> None:
    """Unpack the files wanted; all are checked before the first is written.

    Args:
        archive: The zip file.
        folder: An empty folder.
        is_wanted: Whether a path within the archive is to be written.
        limits: Most the files may take.

    Raises:
        UnusableInput: UNSAFE_ARCHIVE for links, devices, names that lead elsewhere or
            come twice, encrypted files, or files far larger than the archive;
            TRUNCATED_FILE when it is damaged; NOT_READABLE; DISK_FULL or NOT_WRITABLE.
    """
    with _opened(archive) as zip_file:
        members = list(_checked(zip_file, archive, limits))
        for path, member in members:
            if is_wanted(path):
                _write(zip_file, member, folder / path)


@contextmanager
def unpacked(
    archive: Path, is_wanted: Callable[[PurePosixPath], bool]
) -> Iterator[Path]:
    """A folder with the files wanted of an archive, for as long as the block lasts.

    Args:
        archive: The zip file.
        is_wanted: As of `unpack_zip`.

    Raises:
        UnusableInput: As `unpack_zip`.
        MedSegError: That of the block, with the archive and the path in it in place of
            the folder.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve() / archive.stem
        folder.mkdir()
        unpack_zip(archive, folder, is_wanted)
        try:
            yield folder
        except MedSegError as error:
            named = Path(error.where)
            if not named.is_relative_to(folder):
                raise
            inner = named.relative_to(folder).as_posix()
            where = f"{archive}: {inner}" if named != folder else archive
            raise type(error)(
                error.code, error.what, where=where, remedy=error.remedy
            ) from error.__cause__


def zip_names(archive: Path) -> list[PurePosixPath]:
    """Names of what a zip file holds.

    Raises:
        UnusableInput: TRUNCATED_FILE when it is damaged or no zip; NOT_READABLE.
    """
    with _opened(archive) as zip_file:
        return [PurePosixPath(name) for name in zip_file.namelist()]


def require_uncompressed(archive: Path) -> None:
    """Refuse a zip file, as PyTorch writes it, that may become larger than it is.

    Raises:
        UnusableInput: As `unpack_zip`.
    """
    with _opened(archive) as zip_file:
        for _, member in _checked(zip_file, archive, DEFAULT_LIMITS):
            if member.compress_type != zipfile.ZIP_STORED:
                raise unsafe_archive(f"{member.filename!r} is compressed", archive)


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(archive) as zip_file:
            yield zip_file
    except MedSegError:
        raise
    except _DAMAGES as error:
        raise UnusableInput(
            ErrorCode.TRUNCATED_FILE,
            f"the archive is damaged, or no zip: {one_line(error)}",
            where=archive,
            remedy="Download or copy it again.",
        ) from None
    except OSError as error:
        raise UnusableInput(
            ErrorCode.NOT_READABLE,
            f"the archive cannot be read: {error.strerror or one_line(error)}",
            where=archive,
            remedy="Check its permissions and the disk.",
        ) from None


def _checked(
    zip_file: zipfile.ZipFile, archive: Path, limits: ArchiveLimits
) -> Iterator[tuple[PurePosixPath, zipfile.ZipInfo]]:
    """The files of an archive, each found harmless."""
    members = zip_file.infolist()
    packed_bytes = sum(member.compress_size for member in members)
    if packed_bytes > archive.stat().st_size:
        raise unsafe_archive("its files lie over each other", archive)
    total_bytes = sum(member.file_size for member in members)
    if total_bytes > limits.bytes:
        most = f"{limits.bytes / 2**30:g} GiB"
        raise unsafe_archive(f"its files take more than {most}", archive)
    most_bytes = max(limits.ratio * archive.stat().st_size, _FREE_BYTES_TOGETHER)
    if total_bytes > most_bytes:
        raise unsafe_archive("its files grow out of proportion", archive)
    written: set[str] = set()
    for member in members:
        path = PurePosixPath(member.filename)
        _require_plain(member, archive)
        if member.is_dir() or is_of_macos(path.parts):
            continue
        require_new(path, written, archive)
        most_bytes = max(limits.ratio * member.compress_size, _FREE_BYTES)
        if member.file_size > most_bytes:
            raise unsafe_archive(f"{str(path)!r} grows out of proportion", archive)
        yield path, member
    for name in written:
        if {str(parent) for parent in PurePosixPath(name).parents} & written:
            raise unsafe_archive(f"{name!r} lies below a file", archive)


def _require_plain(member: zipfile.ZipInfo, archive: Path) -> None:
    name = member.orig_filename  # as written; `filename` ends at a NUL
    if not is_plain_name(name, PurePosixPath(name).parts):
        raise unsafe_archive(f"the name {name!r} leads elsewhere", archive)
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise unsafe_archive(f"{name!r} is neither file nor folder", archive)
    if member.flag_bits & _ENCRYPTED or member.compress_type not in _PACKED:
        raise unsafe_archive(f"{name!r} is packed in an unusual way", archive)


def _write(zip_file: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    with writing_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        target = path.open("xb")
    with target, zip_file.open(member) as source:
        while chunk := source.read(_CHUNK_BYTES):
            with writing_errors(path):
                target.write(chunk)
        with writing_errors(path):
            target.flush()
