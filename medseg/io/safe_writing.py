"""Files and folders that appear whole or not at all."""

import errno
import os
import shutil
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from medseg.core.errors import ErrorCode, MedSegError, UnusableInput, WrongUse

Saver = Callable[[Path], object]
"""Writes what it holds to the file it is given."""

_UNFINISHED = ".partial-"
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def written_whole(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary file to write to; it becomes `path` when the block ends well.

    The temporary lies in the same folder and ends in the same suffixes. When the
    block raises, it is removed and what was at `path` before is untouched.

    Args:
        path: File to write; its folder is made where it is missing.
        overwrite: Whether a file already there may be replaced.

    Raises:
        WrongUse: OUTPUT_EXISTS.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    with written_whole_together((path,), overwrite=overwrite) as (temporary,):
        yield temporary


@contextmanager
def written_whole_together(
    paths: Sequence[Path], *, stale: Sequence[Path] = (), overwrite: bool = False
) -> Iterator[tuple[Path, ...]]:
    """Give a temporary file for each path, as `written_whole` does for one.

    No file is moved to its path before all are complete and on the disk. They are moved
    in the order given; only what stops the program or the disk between two of these
    renames leaves some files new and the others as they were.

    Args:
        paths: Files to write, the main one last: a full disk is reported for it.
        stale: Files that would no longer be true, and go when the others are there.
        overwrite: Whether files already there may be replaced, or removed.

    Raises:
        WrongUse: OUTPUT_EXISTS when one of them is there.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    for path in (*paths, *stale):
        require_absent(path, overwrite=overwrite)
    temporaries = tuple(_beside(path) for path in paths)
    with ExitStack() as stack:
        for path, temporary in zip(paths, temporaries, strict=True):
            stack.enter_context(made_parent(path))
            stack.enter_context(_typed_errors(path, temporary))
        try:
            yield temporaries
            for temporary in temporaries:
                _flush_to_disk(temporary)
            with _put_aside(stale):
                for path, temporary in zip(paths, temporaries, strict=True):
                    temporary.replace(path)
            for folder in {path.parent for path in paths}:
                _flush_folder_to_disk(folder)
        finally:
            for temporary in temporaries:
                temporary.unlink(missing_ok=True)


def write_together(
    savers: Mapping[Path, Saver],
    *,
    stale: Collection[Path] = (),
    overwrite: bool = False,
) -> None:
    """Write several files, as `written_whole_together` does.

    Args:
        savers: What writes each file, the main one last.
        stale: Files that are removed, unless they are among those written.
        overwrite: Whether files already there may be replaced, or removed.

    Raises:
        WrongUse: OUTPUT_EXISTS when one of them is there.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    gone = tuple(path for path in stale if path not in savers)
    together = written_whole_together(tuple(savers), stale=gone, overwrite=overwrite)
    with together as temporaries:
        for save, temporary in zip(savers.values(), temporaries, strict=True):
            save(temporary)


@contextmanager
def _put_aside(paths: Sequence[Path]) -> Iterator[None]:
    """Remove files when the block ends well; else they are where they were."""
    aside: dict[Path, Path] = {}
    try:
        for path in filter(Path.exists, paths):
            with _typed_errors(path, path):
                aside[path] = path.replace(_beside(path))
        yield
    except BaseException:
        for path, kept in aside.items():
            kept.replace(path)
        raise
    for kept in aside.values():
        kept.unlink(missing_ok=True)


def text_saver(text: str) -> Saver:
    """What writes a text, in UTF-8."""
    return partial(Path.write_text, data=text, encoding="utf-8")


@contextmanager
def written_whole_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder to fill; it becomes `path` when the block ends well.

    Only an absent or an empty folder is written, so that nothing else is ever lost.

    Raises:
        WrongUse: OUTPUT_EXISTS when `path` holds something already.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    require_absent_folder(path)
    temporary = _beside(path)
    with made_parent(path), _typed_errors(path, temporary):
        try:
            temporary.mkdir()
            yield temporary
            for file in temporary.rglob("*"):
                if file.is_file():
                    _flush_to_disk(file)
            temporary.replace(path)
            _flush_folder_to_disk(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def require_absent_folder(path: Path) -> None:
    """Refuse, before any work is done, a folder that holds something already.

    Raises:
        WrongUse: OUTPUT_EXISTS.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise _exists(path)


def _exists(folder: Path) -> WrongUse:
    return WrongUse(
        ErrorCode.OUTPUT_EXISTS,
        "the output folder is already there and is not empty"
        if folder.is_dir()
        else "there is a file where the output folder is to be",
        where=folder,
        remedy="Give another folder.",
    )


def require_absent(path: Path, *, overwrite: bool) -> None:
    """Refuse to write where a file is already, unless it may be replaced.

    Raises:
        WrongUse: OUTPUT_EXISTS.
    """
    if path.exists() and not overwrite:
        raise WrongUse(
            ErrorCode.OUTPUT_EXISTS,
            "the output is already there",
            where=path,
            remedy="Give another name, or allow it to be replaced (--overwrite).",
        )


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that were killed had not finished writing into a folder.

    Only where no other process may be writing.
    """
    for path in folder.iterdir() if folder.is_dir() else ():
        if is_leftover(path) and path.is_file():
            path.unlink(missing_ok=True)


def is_leftover(path: Path) -> bool:
    """Whether a file or folder is one that was not finished, by its name."""
    return path.name.startswith(_UNFINISHED)


def require_place(path: Path) -> None:
    """Refuse, before any work is done, a path where no file can be made.

    Raises:
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    folder = next((each for each in path.parents if each.exists()), path.parent)
    probe = _beside(folder / path.name)
    with _typed_errors(path, probe):
        probe.touch()
        probe.unlink()


@contextmanager
def writing_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write a file into typed errors.

    Raises:
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    with _typed_errors(path, path):
        yield


@contextmanager
def made_parent(path: Path) -> Iterator[None]:
    """Make the missing folders above `path`; take them away again on failure.

    One that holds something by then stays.

    Raises:
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    missing = [folder for folder in path.parents if not folder.exists()]
    try:
        with _typed_errors(path, path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for folder in missing:  # innermost first
            with suppress(OSError):
                folder.rmdir()
        raise


def _beside(path: Path) -> Path:
    return path.with_name(f"{_UNFINISHED}{uuid.uuid4().hex[:12]}-{path.name}")


@contextmanager
def _typed_errors(path: Path, temporary: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write `path` into typed errors."""
    try:
        yield
    except OSError as error:
        typed = _typed(error, path, temporary)
        if typed is None:
            raise
        raise typed from error


def _typed(error: OSError, path: Path, temporary: Path) -> MedSegError | None:
    if error.errno in _NO_SPACE:
        return UnusableInput(
            ErrorCode.DISK_FULL,
            "the disk is full; nothing was written",
            where=path,
            remedy="Free some space or write to another disk.",
        )
    if error.errno == errno.ENOTEMPTY and path.is_dir():
        return _exists(path)  # made meanwhile by somebody else
    if error.filename is not None and not _is_ours(error, path, temporary):
        return None  # something the block read, say
    return UnusableInput(
        ErrorCode.NOT_WRITABLE,
        f"cannot be written: {error.strerror or error}",
        where=path,
        remedy="Check the folder's permissions, or write somewhere else.",
    )


def _is_ours(error: OSError, path: Path, temporary: Path) -> bool:
    named = Path(str(error.filename))
    return named in {path, *path.parents} or temporary in {named, *named.parents}


def _flush_to_disk(file: Path) -> None:
    with file.open("rb+") as stream:
        os.fsync(stream.fileno())


def _flush_folder_to_disk(folder: Path) -> None:
    with suppress(OSError):  # not every system can open a folder
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
