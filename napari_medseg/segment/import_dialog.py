"""The dialog that asks which model of another tool to import, and where to."""

from dataclasses import dataclass
from pathlib import Path

from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

import medseg
from napari_medseg.controls.background import Background, Report
from napari_medseg.controls.errands import run_errand
from napari_medseg.controls.fold import Fold
from napari_medseg.controls.notice import announce, message_label
from napari_medseg.segment.import_fields import ImportFields
from napari_medseg.segment.importing import ImportChoice, configurations_in

_HINT = (
    "A results folder of nnU-Net v2, a MONAI bundle, or a zip of either. Nothing in it "
    "is run. The files do not name the licence of the weights: look it up."
)
_MORE = "Which of several models, the axes it was trained along, and its name."
_UNKNOWN_LICENCE = "LicenseRef-Unknown"


@dataclass(frozen=True, kw_only=True)
class _Found:
    """The configurations there are to choose from in a folder or zip."""

    source: Path
    configurations: tuple[medseg.NnunetConfiguration, ...]


class ImportDialog(QDialog):
    """Asks for the model, its licence, the folder that is to hold it, and more."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("MedSeg: import a model")
        self._source = QLineEdit()
        self._licence = QLineEdit(_UNKNOWN_LICENCE)
        self._out = QLineEdit()
        self._fields = ImportFields()
        self._more = Fold("More", _MORE, self._fields)
        self._message = message_label("What is wrong with the import")
        self._sought: Path | None = None
        self._looking: Background | None = None
        self._buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        announce(self._source, "Model to import", "Folder or zip of the other tool's.")
        announce(self._licence, "Licence", "Of the weights, as an SPDX expression.")
        announce(self._out, "Folder to write", "A new folder, for the imported model.")
        self._lay_out()
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._source.textChanged.connect(self._on_source_changed)
        self._source.editingFinished.connect(self._look)
        self._out.textChanged.connect(self._allow)
        self._allow()
        self.resize(560, 0)

    @property
    def is_looking(self) -> bool:
        """Whether it is being found out what there is to choose from."""
        return self._looking is not None and self._looking.is_busy

    def fill(self, source: Path, out_folder: Path) -> None:
        """Enter paths as the user would."""
        self._source.setText(str(source))
        self._out.setText(str(out_folder))
        self._look()

    def choice(self) -> ImportChoice:
        """What is entered.

        Raises:
            WrongUse: INVALID_OPTION, when one of the fields cannot be read.
        """
        licence = self._licence.text().strip() or _UNKNOWN_LICENCE
        return ImportChoice(
            source=self._path(),
            out_folder=Path(self._out.text().strip()),
            options=self._fields.options(licence),
        )

    def accept(self) -> None:
        """Close; or say why what is entered cannot be used."""
        try:
            self.choice()
        except medseg.MedSegError as error:
            self._message.setText(str(error))
            self._more.unfold()
        else:
            super().accept()

    def _lay_out(self) -> None:
        hint = QLabel(_HINT)
        hint.setWordWrap(True)
        folder, archive = QPushButton("Folder…"), QPushButton("Zip…")
        out = QPushButton("Choose…")
        announce(folder, "Folder to import", "Choose a folder.")
        announce(archive, "Zip to import", "Choose a zip.")
        announce(out, "Where to write", "Choose the folder to put the model in.")
        folder.clicked.connect(self._on_folder_clicked)
        archive.clicked.connect(self._on_zip_clicked)
        out.clicked.connect(self._on_out_clicked)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Model", _row(self._source, folder, archive))
        form.addRow("Licence", self._licence)
        form.addRow("Write to", _row(self._out, out))
        layout = QVBoxLayout(self)
        layout.addWidget(hint)
        layout.addLayout(form)
        layout.addWidget(self._more)
        layout.addWidget(self._message)
        layout.addWidget(self._buttons)

    def _allow(self, _text: str = "") -> None:
        ok = self._buttons.button(QDialogButtonBox.StandardButton.Ok)
        ok.setEnabled(bool(self._source.text().strip() and self._out.text().strip()))

    def _path(self) -> Path:
        return Path(self._source.text().strip())

    def _on_source_changed(self, _text: str) -> None:
        self._fields.offer(())
        self._sought = None
        self._allow()

    def _look(self) -> None:
        """Find out what there is to choose from; a disk may be slow."""
        source = self._path()
        if not self._source.text().strip() or source == self._sought:
            return
        self._sought = source

        def work(_report: Report) -> _Found:
            return _Found(source=source, configurations=configurations_in(source))

        title = f"MedSeg: looking at {source.name}"
        self._looking = run_errand(title, work, self._on_found)

    def _on_found(self, found: object) -> None:
        if isinstance(found, _Found) and found.source == self._sought:
            self._fields.offer(found.configurations)
            if len(found.configurations) > 1:
                self._more.unfold()

    def _on_folder_clicked(self) -> None:
        self._set_source(QFileDialog.getExistingDirectory(self, "Model to import"))

    def _on_zip_clicked(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, "Model to import", "", "Archives (*.zip)"
        )
        self._set_source(name)

    def _on_out_clicked(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Put the model in")
        if folder:
            name = self._path().stem or "model"
            self._out.setText(str(Path(folder) / name))

    def _set_source(self, name: str) -> None:
        if name:
            self._source.setText(name)
            if not self._out.text().strip():
                path = Path(name)
                self._out.setText(str(path.with_name(f"{path.stem}_medseg")))
            self._look()


def choose_import(parent: QWidget) -> ImportChoice | None:
    """Ask what to import; None when the user thinks better of it."""
    dialog = ImportDialog(parent)
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    return dialog.choice() if accepted else None


def _row(field: QLineEdit, *buttons: QPushButton) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(field, 1)
    for button in buttons:
        row.addWidget(button)
    return row
