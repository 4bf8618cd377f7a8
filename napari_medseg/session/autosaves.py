"""Where sessions are saved by themselves, and which of them a crash left behind.

Each napari that is open holds a lock beside its own autosave and removes it when it
ends. A lock whose process is gone is that of a napari that crashed.
"""

import atexit
import uuid
from contextlib import suppress
from pathlib import Path

from qtpy.QtCore import QLockFile, QStandardPaths

from napari_medseg.session.files import remove_session
from napari_medseg.session.state import SUFFIX

_KEPT = 5
_LOCK_ENDING = ".lock"


def usual_folder() -> Path:
    """The user's folder for data of programs."""
    place = QStandardPaths.StandardLocation.GenericDataLocation
    return Path(QStandardPaths.writableLocation(place)) / "medseg" / "autosave"


class Autosaves:
    """The autosave of this viewer, and those of others.

    Args:
        folder: Where they are; made when the first is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / (uuid.uuid4().hex + SUFFIX)
        self._lock: QLockFile | None = None

    def begin(self) -> Path:
        """Hold the lock, remove what is too old, and say where to save to.

        Raises:
            OSError: When the folder cannot be made.
        """
        if self._lock is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = _lock_of(self._path)
            self._lock.tryLock(0)
            atexit.register(self.end)  # a script may end without Qt's event loop
            for path in self.earlier()[_KEPT:]:
                remove_session(path)
        return self._path

    def end(self) -> None:
        """Let go: this napari ends as it should."""
        if self._lock is not None:
            self._lock.unlock()
            self._lock = None
            atexit.unregister(self.end)

    def crashed(self) -> list[Path]:
        """Those whose napari did not end as it should, the newest first; told once."""
        return [path for path in self._others() if _is_left_locked(path)]

    def earlier(self) -> list[Path]:
        """Those that no open napari is writing, the newest first."""
        return [
            path
            for path in self._others()
            if not _lock_path(path).exists() or _is_left_locked(path)
        ]

    def _others(self) -> list[Path]:
        times_ns = {}
        for path in self._folder.glob("*" + SUFFIX):
            with suppress(OSError):  # another napari may be removing it
                times_ns[path] = path.stat().st_mtime_ns
        times_ns.pop(self._path, None)
        return sorted(times_ns, key=times_ns.__getitem__, reverse=True)


def _lock_of(path: Path) -> QLockFile:
    lock = QLockFile(str(_lock_path(path)))
    lock.setStaleLockTime(0)  # old is not stale: only that the process is gone
    return lock


def _lock_path(path: Path) -> Path:
    return path.with_name(path.name + _LOCK_ENDING)


def _is_left_locked(path: Path) -> bool:
    """Whether the process that took the lock is gone; the lock is removed then."""
    return _lock_path(path).exists() and bool(_lock_of(path).removeStaleLockFile())
