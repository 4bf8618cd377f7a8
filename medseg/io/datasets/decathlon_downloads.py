"""Tasks of the Medical Segmentation Decathlon, from the server to a dataset folder."""

import logging
from pathlib import Path

from medseg.core.decathlon import DECATHLON_URL, DecathlonTask
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.progress import ProgressCallback, ignore_progress
from medseg.io.datasets.reading import read_dataset
from medseg.io.download.files import RemoteFile, fetch
from medseg.io.download.unpacking import unpack_tar
from medseg.io.safe_writing import (
    made_parent,
    require_absent_folder,
    written_whole_folder,
)

_LOGGER = logging.getLogger(__name__)


def download_decathlon_task(
    task: DecathlonTask,
    parent: Path,
    *,
    base_url: str = DECATHLON_URL,
    on_progress: ProgressCallback = ignore_progress,
) -> Path:
    """Fetch, check and unpack one task; a complete folder is left as it is.

    The archive is kept beside the folder while it is not whole, so that a download that
    was stopped goes on; the folder appears at once and complete.

    Args:
        task: From `decathlon_task`.
        parent: Folder that takes the task's folder; made where it is missing.
        base_url: Address of the folder with the archives; https only.
        on_progress: Called after every megabyte and file; may raise `Cancelled`.

    Returns:
        The task's folder.

    Raises:
        WrongUse: OUTPUT_EXISTS when the folder holds anything but the complete task.
        UnusableInput: DOWNLOAD_FAILED, NOT_FOUND, WRONG_CHECKSUM, UNSAFE_ARCHIVE,
            DISK_FULL, NOT_WRITABLE, or INVALID_DATASET.
    """
    folder = parent / task.name
    if _is_complete(folder, task):
        _LOGGER.info("%s is complete already and is left as it is", folder)
        return folder
    require_absent_folder(folder)
    archive = parent / f".partial-{task.archive_name}"
    remote = RemoteFile(
        url=f"{base_url.rstrip('/')}/{task.archive_name}",
        md5=task.md5,
        bytes=task.archive_bytes,
    )
    with made_parent(archive):
        fetch(remote, archive, room_for_copies=2, on_progress=on_progress)
    with written_whole_folder(folder) as temporary:
        unpack_tar(archive, temporary, task.name, on_progress)
        _require_whole(temporary, task)
    archive.unlink()
    return folder


def _is_complete(folder: Path, task: DecathlonTask) -> bool:
    try:
        _require_whole(folder, task)
    except UnusableInput:
        return False
    return True


def _require_whole(folder: Path, task: DecathlonTask) -> None:
    """Refuse a folder that is not a dataset with every training case of the task."""
    found = len(read_dataset(folder).cases)
    if found != task.training_cases:
        raise UnusableInput(
            ErrorCode.INVALID_DATASET,
            f"it has {found} training cases, {task.name} has {task.training_cases}",
            where=task.name,
            remedy="Download it again.",
        )
