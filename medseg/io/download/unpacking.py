"""Tar archives of datasets, unpacked without trusting them.

Plain files and folders below one top folder are written; anything else ends the work.
Nothing of the archive's owners, modes or times is taken over.
"""

import math
import shutil
import tarfile
from pathlib import Path, PurePosixPath

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.progress import Progress, ProgressCallback, ignore_progress

MAX_FILES = 20_000


def unpack_tar(
    archive: Path,
    folder: Path,
    top: str,
    on_progress: ProgressCallback = ignore_progress,
) -> None:
    """Unpack an uncompressed archive whose files all lie below the folder `top`.

    Args:
        archive: The tar file. Its files cannot be larger than it is itself: it is not
            compressed, and sparse files are refused.
        folder: An empty folder; takes what lies below `top`.
        top: Name of the archive's one top folder.
        on_progress: Called after every file; may raise `Cancelled`.

    Raises:
        UnusableInput: UNSAFE_ARCHIVE or TRUNCATED_FILE; `folder` is then to be removed.
    """
    written: set[str] = set()
    try:
        with tarfile.open(archive, "r:") as tar:
            for member in tar:
                path = _path_below(member, archive, top)
                if path is None:
                    continue
                require_new(path, written, archive)
                _write(tar, member, folder / path)
                on_progress(_progress(member, archive))
    except (tarfile.TarError, EOFError) as error:
        raise UnusableInput(
            ErrorCode.TRUNCATED_FILE,
            f"the archive is damaged: {error}",
            where=archive,
            remedy="Download it again.",
        ) from error


def _path_below(
    member: tarfile.TarInfo, archive: Path, top: str
) -> PurePosixPath | None:
    """Where a member belongs below `top`; None for what is left out."""
    path = PurePosixPath(member.name)
    parts = tuple(part for part in path.parts if part != ".")
    if is_of_macos(parts):
        return None
    if not is_plain_name(member.name, parts):
        raise unsafe_archive(f"the name {member.name!r} leads elsewhere", archive)
    if not (member.isdir() or (member.isreg() and not member.issparse())):
        raise unsafe_archive(f"{member.name!r} is neither file nor folder", archive)
    if parts and parts[0] != top:
        raise unsafe_archive(f"{member.name!r} lies outside the folder {top}", archive)
    is_file_below = member.isreg() and len(parts) > 1
    return PurePosixPath(*parts[1:]) if is_file_below else None


def is_of_macos(parts: tuple[str, ...]) -> bool:
    """Resource forks and folder settings that macOS packs along."""
    names = {"__MACOSX", ".DS_Store"}
    return any(part.startswith("._") or part in names for part in parts)


def is_plain_name(name: str, parts: tuple[str, ...]) -> bool:
    """Relative, downward, and the same on every system."""
    is_downward = not name.startswith("/") and ".." not in parts
    return is_downward and not any(sign in name for sign in "\\:\0")


def require_new(path: PurePosixPath, written: set[str], archive: Path) -> None:
    """Refuse a second file of a name, which some systems take upper case for lower."""
    key = str(path).casefold()
    if key in written:
        raise unsafe_archive(f"{str(path)!r} is in it twice", archive)
    written.add(key)
    if len(written) > MAX_FILES:
        raise unsafe_archive(f"it holds more than {MAX_FILES} files", archive)


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    source = tar.extractfile(member)
    if source is None:
        raise tarfile.ReadError(f"no content for {member.name}")
    with source, path.open("xb") as target:
        shutil.copyfileobj(source, target)


def _progress(member: tarfile.TarInfo, archive: Path) -> Progress:
    total = math.ceil(archive.stat().st_size / 1_000_000)
    done = math.ceil((member.offset_data + member.size) / 1_000_000)
    note = PurePosixPath(member.name).name
    return Progress(stage="unpacking (MB)", done=done, total=total, note=note)


def unsafe_archive(what: str, archive: Path) -> UnusableInput:
    """The error for an archive that is not to be trusted."""
    return UnusableInput(
        ErrorCode.UNSAFE_ARCHIVE,
        f"the archive is not unpacked: {what}",
        where=archive,
        remedy="Get the archive from its publisher.",
    )
