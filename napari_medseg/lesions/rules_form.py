"""Which structures are lesions, and how lesions that touch are told apart."""

from collections.abc import Collection
from typing import assert_never

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QListWidget,
    QListWidgetItem,
    QWidget,
)

import medseg
from napari_medseg.controls.notice import announce
from napari_medseg.lesions.choice import ALWAYS_OFFERED, Choice, Split, Splitting

_NEIGHBOURS = (
    ("26 (face, edge or corner)", medseg.Connectivity.CORNERS),
    ("18 (face or edge)", medseg.Connectivity.EDGES),
    ("6 (face)", medseg.Connectivity.FACES),
)
_LIST_HEIGHT_PX = 76
_LABEL_WIDTH_PX = 88
_LARGEST = 1e6
_AS_LEARNED = "as learned"


class CountedList(QListWidget):
    """The structures of a label map; those that are ticked are lesions."""

    def __init__(self) -> None:
        super().__init__()
        self._labels: medseg.LabelSet | None = None
        self.setFixedHeight(_LIST_HEIGHT_PX)
        tip = "Structures whose lesions are counted one by one."
        announce(self, "Structures counted", tip)

    def show_structures(self, labels: medseg.LabelSet | None) -> None:
        """List other structures: tumours, cysts and the like are ticked."""
        if labels == self._labels:
            return
        self._labels = labels
        blocked = self.blockSignals(True)
        self.clear()
        for structure in labels or ():
            is_thing = structure.kind is medseg.StructureKind.THING
            self._add(structure.name, is_ticked=is_thing)
        self.blockSignals(blocked)
        for item in self._items()[::-1]:
            if item.checkState() == Qt.CheckState.Checked:
                self.scrollToItem(item)

    def counted(self) -> frozenset[str]:
        """Names of those that are ticked."""
        ticked = Qt.CheckState.Checked
        return frozenset(i.text() for i in self._items() if i.checkState() == ticked)

    def tick(self, names: Collection[str]) -> None:
        """Tick these and no others."""
        for item in self._items():
            is_ticked = item.text() in names
            item.setCheckState(
                Qt.CheckState.Checked if is_ticked else Qt.CheckState.Unchecked
            )

    def _items(self) -> list[QListWidgetItem]:
        return [self.item(row) for row in range(self.count())]

    def _add(self, name: str, *, is_ticked: bool) -> None:
        item = QListWidgetItem(name, self)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        state = Qt.CheckState.Checked if is_ticked else Qt.CheckState.Unchecked
        item.setCheckState(state)


class RulesForm(QWidget):
    """What a lesion is.

    Attributes:
        changed: The user has changed something.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._counted = CountedList()
        self._splitting = QComboBox()
        for splitting in ALWAYS_OFFERED:
            self._splitting.addItem(splitting.value, splitting)
        self._neck = _number(medseg.DistanceWatershed().neck_mm, " mm", 0.05, 0.25)
        usual = medseg.IntensityWatershed()
        self._contrast = _number(usual.contrast, "", 0.1, 1.0)
        self._sigma = _number(usual.sigma_mm, " mm", 0.1, 0.5)
        self._shade = QComboBox()
        for shade in medseg.Shade:
            self._shade.addItem(shade.value, shade)
        self._heat = _number(medseg.LearnedCentres().least_heat, "", 0.01, 0.05)
        self._apart = _number(0.0, " mm", 0.0, 0.5)
        self._apart.setSpecialValueText(_AS_LEARNED)
        self._minimum = _number(0.0, " mm³", 0.0, 10.0)
        self._neighbours = QComboBox()
        for words, connectivity in _NEIGHBOURS:
            self._neighbours.addItem(words, connectivity)
        self._form = QFormLayout(self)
        self._name_parts()
        self._lay_out()
        self._connect()
        self._show_settings()

    def choice(self) -> Choice:
        """What is chosen."""
        counted = self._counted.counted()
        if self._splitting.currentText() == Splitting.STORED.value:
            rules = medseg.InstanceRules()
            return Choice(counted=counted, rules=rules, is_stored=True)
        rules = medseg.InstanceRules(
            connectivity=dict(_NEIGHBOURS)[self._neighbours.currentText()],
            minimum_mm3=self._minimum.value(),
            split=self._split(),
        )
        return Choice(counted=counted, rules=rules)

    def show_structures(self, labels: medseg.LabelSet | None) -> None:
        """List the structures of another label map, or none."""
        self._counted.show_structures(labels)

    def show_unit(self, unit: str) -> None:
        """Show the unit of the scan's intensities, empty for none."""
        self._contrast.setSuffix(f" {unit}" if unit else "")

    def offer_learned(self, *, is_offered: bool) -> None:
        """Offer to part lesions by a model's centres, or no more.

        Where it is new, it is chosen: it is the way of a model that has learned it.
        """
        self._offer(Splitting.LEARNED, is_offered=is_offered)

    def offer_stored(self, *, is_offered: bool) -> None:
        """Offer to take lesions as the file of the labels numbers them, or no more.

        Where it is new, it is chosen: no other way keeps their numbers and names.
        """
        self._offer(Splitting.STORED, is_offered=is_offered)

    def _offer(self, splitting: Splitting, *, is_offered: bool) -> None:
        box = self._splitting
        place = box.findText(splitting.value)
        if is_offered and place < 0:
            place = 0 if splitting is Splitting.STORED else box.count()
            box.insertItem(place, splitting.value, splitting)
            box.setCurrentIndex(place)
        elif not is_offered and place >= 0:
            if box.currentIndex() == place:
                box.setCurrentIndex(box.findText(Splitting.PIECES.value))
            box.removeItem(place)

    def _split(self) -> Split:
        match splitting := Splitting(self._splitting.currentText()):
            case Splitting.PIECES | Splitting.STORED:
                return medseg.Components()
            case Splitting.NECKS:
                return medseg.DistanceWatershed(neck_mm=self._neck.value())
            case Splitting.INTENSITY:
                return medseg.IntensityWatershed(
                    contrast=self._contrast.value(),
                    sigma_mm=self._sigma.value(),
                    shade=medseg.Shade(self._shade.currentText()),
                )
            case Splitting.LEARNED:
                return medseg.LearnedCentres(
                    least_heat=self._heat.value(), apart_mm=self._apart.value() or None
                )
            case _:
                assert_never(splitting)

    def _name_parts(self) -> None:
        for widget, name, tip in (
            (
                self._splitting,
                "Method",
                "Lesions that touch are one (connected pieces), or are separated: at "
                "necks (distance from the surface), at valleys (intensity), or at the "
                "centres that the model that made the labels has learned. As stored: "
                "with the numbers, names and confidences that the file has.",
            ),
            (
                self._neck,
                "Neck depth",
                "Least difference of radius, in mm, between a neck and the lesions on "
                "both sides (h of the h-maxima). Smaller values separate more lesions, "
                "and split more single ones.",
            ),
            (
                self._contrast,
                "Contrast",
                "Least depth of the valley between two lesions, in the scan's unit of "
                "intensity (HU for CT). Smaller values separate more.",
            ),
            (
                self._sigma,
                "Smoothing",
                "Standard deviation, in mm, of the Gaussian filter that the scan goes "
                "through before valleys are detected.",
            ),
            (
                self._shade,
                "Lesion centres",
                "Intensity of lesion centres: brighter or darker than between lesions.",
            ),
            (
                self._heat,
                "Threshold",
                "Least value of the model's heatmap at a lesion centre, above 0 and up "
                "to 1 (certain). Smaller values detect more centres.",
            ),
            (
                self._apart,
                "Min. distance",
                "Least distance between two centres, in mm; of two that are closer, "
                "the one with the higher heatmap value counts. As learned: 1.5 voxels "
                "of the model's grid.",
            ),
            (
                self._neighbours,
                "Connectivity",
                "Neighbours of a voxel that belong to the same piece: 26, 18 or 6.",
            ),
            (
                self._minimum,
                "Min. volume",
                "Least volume of a lesion, in mm³; smaller pieces become background.",
            ),
        ):
            announce(widget, name, tip)

    def _lay_out(self) -> None:
        form = self._form
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Count", self._counted)
        for widget in (
            *(self._splitting, self._neck, self._contrast, self._sigma, self._shade),
            *(self._heat, self._apart, self._neighbours, self._minimum),
        ):
            form.addRow(widget.accessibleName(), widget)
            form.labelForField(widget).setMinimumWidth(_LABEL_WIDTH_PX)

    def _connect(self) -> None:
        self._splitting.currentIndexChanged.connect(self._show_settings)
        self._counted.itemChanged.connect(self._on_changed)
        for box in (self._splitting, self._shade, self._neighbours):
            box.currentIndexChanged.connect(self._on_changed)
        for number in (
            *(self._neck, self._contrast, self._sigma),
            *(self._heat, self._apart, self._minimum),
        ):
            number.valueChanged.connect(self._on_changed)

    def _show_settings(self, _index: int = 0) -> None:
        """Show the settings of the way that is chosen."""
        splitting = Splitting(self._splitting.currentText())
        for wanted, widgets in (
            (Splitting.NECKS, (self._neck,)),
            (Splitting.INTENSITY, (self._contrast, self._sigma, self._shade)),
            (Splitting.LEARNED, (self._heat, self._apart)),
        ):
            self._show(widgets, is_shown=splitting is wanted)
        is_separated = splitting is not Splitting.STORED
        self._show((self._neighbours, self._minimum), is_shown=is_separated)

    def _show(self, widgets: tuple[QWidget, ...], *, is_shown: bool) -> None:
        for widget in widgets:
            widget.setVisible(is_shown)
            self._form.labelForField(widget).setVisible(is_shown)

    def _on_changed(self, _value: object = None) -> None:
        self.changed.emit()


def _number(value: float, suffix: str, least: float, step: float) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setDecimals(2 if step < 1 else 1)
    box.setRange(least, _LARGEST)
    box.setSingleStep(step)
    box.setSuffix(suffix)
    box.setValue(value)
    return box
