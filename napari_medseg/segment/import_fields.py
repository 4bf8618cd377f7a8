"""What an import can be asked for beside the model; few need it."""

from collections.abc import Sequence

from qtpy.QtWidgets import QComboBox, QFormLayout, QLineEdit, QWidget

import medseg
from napari_medseg.controls.notice import announce

_CHECKPOINTS = {
    medseg.NnunetCheckpoint.FINAL: "the last weights",
    medseg.NnunetCheckpoint.BEST: "the best weights",
}
_LONGEST_FOLDS = 100
_UNKNOWN = tuple(medseg.NnunetConfiguration)


class ImportFields(QWidget):
    """Configuration, folds, checkpoint, axes and name; all can stay as they are."""

    def __init__(self) -> None:
        super().__init__()
        self._found: tuple[medseg.NnunetConfiguration, ...] = ()
        self._configuration = QComboBox()
        self._folds = QLineEdit()
        self._checkpoint = QComboBox()
        self._trained_as = QLineEdit()
        self._name = QLineEdit()
        for checkpoint, words in _CHECKPOINTS.items():
            self._checkpoint.addItem(words, checkpoint.value)
        self._folds.setMaxLength(_LONGEST_FOLDS)
        self._folds.setPlaceholderText("all there are; or numbers, as 0, 1")
        self._trained_as.setPlaceholderText("as the files say; or as RAS, LPS")
        self._name.setPlaceholderText("that of the dataset or bundle")
        self._name_parts()
        self._lay_out()
        self.offer(())

    def offer(self, found: Sequence[medseg.NnunetConfiguration]) -> None:
        """Offer the configurations found, or all where it is not known; keep a choice.

        Args:
            found: Those there are; none where it is not known.
        """
        chosen = self._configuration.currentData()
        self._found = tuple(found)
        match self._found:
            case ():
                first = "the only one there is"
            case (only,):
                first = f"the only one: {only}"
            case _:
                first = "choose one"
        self._configuration.clear()
        self._configuration.addItem(first)
        for configuration in self._found or _UNKNOWN:
            self._configuration.addItem(configuration.value, configuration.value)
        kept = 0 if chosen is None else self._configuration.findData(chosen)
        self._configuration.setCurrentIndex(max(kept, 0))

    def options(self, licence: str) -> medseg.NnunetOptions:
        """What is entered.

        Args:
            licence: Of the weights, as SPDX expression.

        Raises:
            WrongUse: INVALID_OPTION for what is no number of a fold and no axes, and
                where one of several configurations is to be chosen.
        """
        return medseg.NnunetOptions(
            configuration=self._chosen(),
            checkpoint=medseg.NnunetCheckpoint(self._checkpoint.currentData()),
            folds=_folds(self._folds.text()),
            name=self._name.text().strip(),
            licence=licence,
            trained_as=_axes(self._trained_as.text().strip()),
        )

    def _chosen(self) -> medseg.NnunetConfiguration | None:
        chosen = self._configuration.currentData()
        if chosen is not None:
            return medseg.NnunetConfiguration(chosen)
        if len(self._found) > 1:
            raise _wrong(
                f"which of them? There are {', '.join(self._found)}",
                "Configuration",
                "Choose one.",
            )
        return None

    def _name_parts(self) -> None:
        for field, name, tip in (
            (self._configuration, "Configuration", "nnU-Net: which of several."),
            (self._folds, "Folds", "nnU-Net: numbers of folds. Empty: all there are."),
            (self._checkpoint, "Checkpoint", "nnU-Net: which weights of each fold."),
            (
                self._trained_as,
                "Trained as",
                "nnU-Net: where the voxel axes of the training scans pointed, if a "
                "tool around it turned them.",
            ),
            (self._name, "Name", "Of the model, in the list."),
        ):
            announce(field, name, tip)

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Configuration", self._configuration)
        form.addRow("Folds", self._folds)
        form.addRow("Checkpoint", self._checkpoint)
        form.addRow("Trained as", self._trained_as)
        form.addRow("Name", self._name)


def _folds(text: str) -> tuple[int, ...]:
    words = text.replace(",", " ").split()
    if not all(word.isascii() and word.isdigit() for word in words):
        what = f"{text.strip()!r} names no folds"
        raise _wrong(what, "Folds", "Give numbers, as 0, 1; or none, for all.")
    return tuple(int(word) for word in words)


def _axes(codes: str) -> medseg.PatientAxes | None:
    if not codes:
        return None
    try:
        return medseg.PatientAxes(codes=codes.upper())
    except ValueError as error:
        remedy = "Give three letters, as RAS; or none, for what the files say."
        raise _wrong(str(error), "Trained as", remedy) from None


def _wrong(what: str, field: str, remedy: str) -> medseg.WrongUse:
    code = medseg.ErrorCode.INVALID_OPTION
    return medseg.WrongUse(code, what, where=field, remedy=remedy)
