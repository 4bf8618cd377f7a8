"""The form that names the folders of a cohort one by one."""

from collections.abc import Collection
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QWidget,
)

from napari_medseg.controls.notice import announce
from napari_medseg.review.folders import CohortFolders

_FIELDS = (
    ("Scans", "Folder of the scans, or a dataset in decathlon layout."),
    ("References", "Folder of the references, or the same dataset."),
    ("Predictions", "Folder of a model's label maps."),
    ("Compare with", "Folder of a second model's label maps, for side by side."),
    ("Scores", "scores.csv or scores.json of medseg evaluate, or of a study."),
)


class FoldersForm(QWidget):
    """A line for each folder, with a button to browse.

    Attributes:
        folders_changed: Others are named, as `CohortFolders`.
    """

    folders_changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._root = Path()
        self._lines = [QLineEdit() for _ in _FIELDS]
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for line, (name, tip) in zip(self._lines, _FIELDS, strict=True):
            announce(line, name, tip)
            line.setPlaceholderText("none")
            line.editingFinished.connect(self._on_edited)
            form.addRow(name, self._row(line, name))

    def show_folders(
        self, folders: CohortFolders, missing: Collection[str] = ()
    ) -> None:
        """Name other folders.

        Args:
            folders: What is known.
            missing: Names of the lines that a user may want to fill in.
        """
        self._root = folders.root
        shown = (
            folders.scans,
            folders.references,
            folders.predictions,
            folders.others,
            folders.scores,
        )
        for line, path in zip(self._lines, shown, strict=True):
            is_missing = line.accessibleName() in missing
            line.setPlaceholderText(
                "not found: name its folder" if is_missing else "none"
            )
            line.setText("" if path is None else str(path))
            line.setModified(False)

    def folders(self) -> CohortFolders:
        """What is named here."""
        scans, references, predictions, others, scores = (
            Path(text) if (text := line.text().strip()) else None
            for line in self._lines
        )
        return CohortFolders(
            root=self._root,
            scans=scans,
            references=references,
            predictions=predictions,
            others=others,
            scores=scores,
        )

    def _row(self, line: QLineEdit, name: str) -> QHBoxLayout:
        browse = QPushButton("…")
        browse.setFixedWidth(32)
        announce(browse, f"Browse for {name.lower()}", f"Choose {name.lower()}.")

        def _on_browse() -> None:
            self._browse(line, name)

        browse.clicked.connect(_on_browse)
        row = QHBoxLayout()
        row.addWidget(line, 1)
        row.addWidget(browse)
        return row

    def _browse(self, line: QLineEdit, name: str) -> None:
        start = line.text() or str(self._root)
        if name == "Scores":
            found, _ = QFileDialog.getOpenFileName(
                self, "Table of scores", start, "Scores (*.csv *.json)"
            )
        else:
            found = QFileDialog.getExistingDirectory(self, name, start)
        if found:
            line.setText(found)
            line.setModified(True)
            self._on_edited()

    def _on_edited(self) -> None:
        if any(line.isModified() for line in self._lines):
            for line in self._lines:
                line.setModified(False)
            self.folders_changed.emit(self.folders())
