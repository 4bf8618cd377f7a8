"""A plot one can click."""

from qtpy.QtCore import QEvent, QPointF, QSize, QSizeF, Qt, Signal
from qtpy.QtGui import (
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_medseg.controls.notice import announce
from napari_medseg.controls.theme import faint_ink
from napari_medseg.scores.chart_painting import Ink, height_of, label_at, paint_chart
from napari_medseg.scores.charts import BarChart, Chart

_MINIMUM_WIDTH = 220


class ChartView(QWidget):
    """A chart in which structures can be chosen, with the mouse or the arrow keys.

    Attributes:
        structure_chosen: Label of the bar or dot that was chosen.
    """

    structure_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._chart: Chart | None = None
        self._chosen: int | None = None
        announce(self, "Plot", "")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumWidth(_MINIMUM_WIDTH)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def chart(self) -> Chart | None:
        """What is shown."""
        return self._chart

    def show_chart(self, chart: Chart | None) -> None:
        """Show another chart, or none."""
        self._chart = chart
        self._fit()
        self.update()

    def choose(self, label: int | None) -> None:
        """Mark a structure."""
        self._chosen = label
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """As high as the chart needs to be."""
        height = 0 if self._chart is None else height_of(self._chart, self.width())
        return QSize(_MINIMUM_WIDTH, height)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """In the colours of the theme."""
        if self._chart is not None:
            palette = self.palette()
            ink = Ink(
                text=palette.text().color(),
                faint=faint_ink(palette),
                chosen=palette.highlight().color(),
            )
            painter = QPainter(self)
            paint_chart(painter, QSizeF(self.size()), self._chart, ink, self._chosen)
            painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose what is under the mouse."""
        self._choose_and_tell(self._label_at(event.position()))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Choose the next with an arrow key, the same again with Enter."""
        steps = {
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Return: 0,
            Qt.Key.Key_Enter: 0,
        }
        labels = self._labels()
        step = steps.get(Qt.Key(event.key()))
        if step is None or not labels:
            super().keyPressEvent(event)
        elif self._chosen in labels:
            place = labels.index(self._chosen) + step
            self._choose_and_tell(labels[max(0, min(place, len(labels) - 1))])
        else:
            self._choose_and_tell(labels[0])

    def event(self, event: QEvent) -> bool:
        """Say what is under the mouse."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            label = self._label_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), self._words(label), self)
            return True
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Keep the height that the chart needs at this width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.setMinimumHeight(self.sizeHint().height())

    def _choose_and_tell(self, label: int | None) -> None:
        if label is not None:
            self.choose(label)
            self.structure_chosen.emit(label)

    def _label_at(self, point: QPointF) -> int | None:
        if self._chart is None:
            return None
        return label_at(self._chart, QSizeF(self.size()), point)

    def _labels(self) -> list[int]:
        match self._chart:
            case None:
                return []
            case BarChart(bars=bars):
                return [bar.label for bar in bars]
            case chart:
                by_place = sorted(chart.dots, key=lambda dot: dot.x)
                return [dot.label for dot in by_place]

    def _words(self, label: int | None) -> str:
        chart = self._chart
        if label is None or chart is None:
            return ""
        if isinstance(chart, BarChart):
            return next(f"{b.name}: {b.text}" for b in chart.bars if b.label == label)
        return next(
            f"{dot.name}: {dot.x:.3g}, {dot.y:.3g}"
            for dot in chart.dots
            if dot.label == label
        )
