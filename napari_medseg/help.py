"""Help > MedSeg: what to do first, the keys, and what MedSeg is not."""

import inspect
from collections.abc import Iterable
from html import escape
from importlib.metadata import version

from napari.components import ViewerModel
from qtpy.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QTextBrowser,
    QVBoxLayout,
)

from napari_medseg.controls.notice import RESEARCH_USE_ONLY, announce
from napari_medseg.shortcuts import SHORTCUTS, Shortcut

_PACKAGE = __name__.partition(".")[0]
_QT_NAMES = {"Control": "Ctrl", "PageDown": "PgDown", "PageUp": "PgUp"}
_STEPS = (
    ("Open a scan", "Drag a DICOM folder or a NIfTI, NRRD or MHA file on the window."),
    (
        "Segment it",
        "Plugins > MedSeg > Segment: choose scan, model and device. A new layer is "
        "added; none is ever replaced.",
    ),
    (
        "Score it",
        "Plugins > MedSeg > Scores: choose prediction and reference. A click on a row "
        "goes to the structure.",
    ),
    (
        "Look at the structures",
        "Plugins > MedSeg > Structures: names, volumes, colours; hide one, go to one.",
    ),
    (
        "Count the lesions",
        "Plugins > MedSeg > Lesions: size, diameters and place of each, what became of "
        "it since an earlier scan, and which of a reference were found.",
    ),
    (
        "Correct it",
        "Plugins > MedSeg > Correct: tools for one structure, with undo; the model's "
        "result stays as it was.",
    ),
    (
        "Look through many",
        "Plugins > MedSeg > Cohort review: open the folder of a dataset or study.",
    ),
    (
        "Save",
        "File > Save Selected Layers writes NIfTI, NRRD, MHA, DICOM-SEG or RTSTRUCT; "
        "File > IO Utilities keeps the whole session.",
    ),
    (
        "Settings",
        "File > Preferences > MedSeg (napari 0.9): autosave, device, review.",
    ),
)


class HelpDialog(QDialog):
    """A page of help beside the viewer; it need not be closed to go on."""

    def __init__(self, page: str) -> None:
        super().__init__(QApplication.activeWindow())
        self.setWindowTitle("MedSeg")
        text = QTextBrowser()
        text.setHtml(page)
        announce(text, "Help on MedSeg", "What to do first, and the keys.")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.addWidget(text)
        layout.addWidget(buttons)
        self.resize(560, 620)


def show_help(viewer: ViewerModel) -> HelpDialog:
    """Show the page of help."""
    dialog = HelpDialog(help_page(shortcuts_of(viewer)))
    dialog.show()
    return dialog


def shortcuts_of(viewer: ViewerModel) -> tuple[Shortcut, ...]:
    """Keys of the panels, and those that this plugin gave the viewer."""
    of_viewer = (
        Shortcut(keys=_as_qt_writes(str(key)), does=_summary(action))
        for key, action in viewer.keymap.items()
        if getattr(action, "__module__", "").partition(".")[0] == _PACKAGE
    )
    known = {shortcut.keys for shortcut in SHORTCUTS}
    others = (shortcut for shortcut in of_viewer if shortcut.keys not in known)
    return (*others, *SHORTCUTS)


def help_page(shortcuts: Iterable[Shortcut]) -> str:
    """The page of help as HTML that any theme gives its colours."""
    steps = "".join(
        f"<li><b>{escape(title)}.</b> {escape(text)}</li>" for title, text in _STEPS
    )
    keys = "".join(
        f"<tr><td><code>{escape(each.keys)}</code>&nbsp;&nbsp;</td>"
        f"<td>{escape(each.does)}</td></tr>"
        for each in shortcuts
    )
    return (
        f"<h2>MedSeg {version('medseg')}</h2><p><i>{RESEARCH_USE_ONLY}</i></p>"
        f"<h3>What to do</h3><ol>{steps}</ol>"
        f"<h3>Keys</h3><table>{keys}</table>"
        "<p>Every command is in the command palette too (Ctrl+Shift+P).</p>"
    )


def _as_qt_writes(key: str) -> str:
    """A key of a keymap, "Control-1" or "Ctrl+1", as Qt writes it."""
    parts = key.replace("-", "+").split("+")
    return "+".join(_QT_NAMES.get(part, part) for part in parts)


def _summary(action: object) -> str:
    """First sentence of what a function says of itself."""
    return (inspect.getdoc(action) or "").partition("\n")[0].rstrip(".")
