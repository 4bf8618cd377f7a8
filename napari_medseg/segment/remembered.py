"""The model folders a user chose, remembered from one start of napari to the next.

Kept in Qt's `QSettings`, not among napari's settings of this plugin: those are made for
what a user sets on a page, and this list grows by itself; napari 0.9's predecessors
have none; and two naparis that are open at once do not undo what the other one wrote.
"""

from qtpy.QtCore import QSettings

_FOLDERS = "models/folders"
_LAST = "models/last"
_MOST = 10


class RememberedModels:
    """Model folders, the newest first, and the model that was used last."""

    def __init__(self) -> None:
        scope = QSettings.Scope.UserScope
        self._stored = QSettings(QSettings.Format.IniFormat, scope, "medseg", "napari")

    @property
    def folders(self) -> tuple[str, ...]:
        """Those chosen last; some of them may be gone."""
        self._stored.sync()  # another napari may have written
        stored = self._stored.value(_FOLDERS, [])
        return tuple(stored if isinstance(stored, list) else [stored])  # one is no list

    @property
    def last(self) -> str:
        """Name or folder of the model used last; empty when none was."""
        return str(self._stored.value(_LAST, ""))

    def add(self, folder: str) -> None:
        """Remember a folder, and forget the one chosen longest ago."""
        others = [each for each in self.folders if each != folder]
        self._stored.setValue(_FOLDERS, [folder, *others][:_MOST])

    def used(self, model: str) -> None:
        """Remember which model was used."""
        self._stored.setValue(_LAST, model)
