"""Sessions in File > IO Utilities, by drag and drop, and by key."""

import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import napari
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_medseg.layers.bare import bare
from napari_medseg.layers.conversion import LayerTuple
from napari_medseg.session.autosaves import Autosaves, usual_folder
from napari_medseg.session.files import open_session
from napari_medseg.session.keeper import SessionKeeper
from napari_medseg.session.state import SUFFIX

_FILTER = f"MedSeg session (*{SUFFIX})"
_NOTHING: list[tuple[None]] = [(None,)]  # napari's word for "read, but no layers"
_KEEPERS: dict[int, tuple[weakref.ref[ViewerModel], SessionKeeper]] = {}
"""By the viewer's identity: viewers cannot be weak keys, and must not be kept alive."""

ReadSession = Callable[[str | Sequence[str]], Sequence[LayerTuple | tuple[None]]]


def keeper_of(viewer: ViewerModel, folder: Path | None = None) -> SessionKeeper:
    """The keeper of a viewer's session, made when it is first asked for.

    Args:
        viewer: Whose session.
        folder: Of autosaves; the usual one unless given.
    """
    viewer = bare(viewer)  # napari wraps it for each command anew
    known, keeper = _KEEPERS.get(id(viewer), (None, None))
    if keeper is None or known is None or known() is not viewer:
        for gone in [each for each, (of, _) in _KEEPERS.items() if of() is None]:
            del _KEEPERS[gone]
        keeper = SessionKeeper(viewer, Autosaves(folder or usual_folder()))
        _KEEPERS[id(viewer)] = weakref.ref(viewer), keeper
    return keeper


def save_session(viewer: ViewerModel) -> None:
    """Save the session where it was saved before, or ask where to."""
    keeper = keeper_of(viewer)
    if keeper.path is None:
        save_session_as(viewer)
    else:
        keeper.save(keeper.path)


def save_session_as(viewer: ViewerModel) -> None:
    """Ask where to, and save layers, views and panels."""
    name, _ = QFileDialog.getSaveFileName(
        QApplication.activeWindow(), "Save the session", "session" + SUFFIX, _FILTER
    )
    if name:
        keeper_of(viewer).save(Path(name))


def open_saved_session(viewer: ViewerModel) -> None:
    """Ask which session to open; its layers are added to those there are."""
    name, _ = QFileDialog.getOpenFileName(
        QApplication.activeWindow(), "Open a session", "", _FILTER
    )
    if name:
        keeper_of(viewer).open(Path(name))


def restore_autosave(viewer: ViewerModel) -> None:
    """Open what was last saved by itself, before a crash or a hasty end."""
    keeper_of(viewer).restore()


def get_session_reader(path: str | Sequence[str]) -> ReadSession | None:
    """The function that reads a dropped session file, or None for anything else."""
    is_one = isinstance(path, str) and path.endswith(SUFFIX)
    return read_session if is_one else None


def read_session(path: str | Sequence[str]) -> Sequence[LayerTuple | tuple[None]]:
    """Open a session: in a window in the background, else as layers.

    Raises:
        UnusableInput: Without a window, when it cannot be read.
    """
    if not isinstance(path, str):
        return _NOTHING
    viewer = napari.current_viewer()
    if viewer is not None:
        keeper_of(viewer).open(Path(path))
        return _NOTHING
    return [layer.made for layer in open_session(Path(path)).layers] or _NOTHING
