"""What happens when napari first uses the plugin: keys, Help menu, autosave."""

import napari
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication, QMenu

from napari_medseg.help import show_help
from napari_medseg.session.commands import keeper_of, save_session

_SAVE_SESSION_KEY = "Control-Alt-W"
_HELP_NAME = "medseg_help"


def on_activate(_context: object) -> None:
    """Attend to the current viewer, if there is one, and to each that is opened."""
    _on_window_changed()
    application = QApplication.instance()
    if isinstance(application, QApplication):
        application.focusWindowChanged.connect(_on_window_changed)


def attend(viewer: ViewerModel) -> None:
    """Give a viewer the key that saves, a Help entry, and an autosave."""
    viewer.bind_key(_SAVE_SESSION_KEY, save_session, overwrite=True)
    window = getattr(viewer, "window", None)
    if window is not None:
        keeper = keeper_of(viewer)
        add_help(window.help_menu)
        window.help_menu.destroyed.connect(keeper.end)  # the window was closed
        keeper.begin()


def add_help(menu: QMenu) -> None:
    """Put MedSeg into the Help menu, and back whenever napari makes it anew."""

    def add() -> None:
        if all(action.objectName() != _HELP_NAME for action in menu.actions()):
            action = menu.addAction("MedSeg")
            action.setObjectName(_HELP_NAME)
            action.triggered.connect(_on_help_wanted)

    menu.aboutToShow.connect(add)
    add()


def _on_window_changed(_window: object = None) -> None:
    viewer = napari.current_viewer()
    if viewer is not None and not keeper_of(viewer).has_begun:
        attend(viewer)


def _on_help_wanted() -> None:
    viewer = napari.current_viewer()
    if viewer is not None:
        show_help(viewer)
