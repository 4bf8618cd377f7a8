"""The Dice of every slice as a curve that is a slider."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import (
    QColor,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
)
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_medseg.controls.notice import announce
from napari_medseg.controls.theme import faint_ink, fainter_ink
from napari_medseg.scores.columns import Colour
from napari_medseg.scores.worst import slice_words

_HEIGHT = 112
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 12, 20, 6
_PAGE = 10
_GAP = 8


@dataclass(frozen=True, kw_only=True)
class Curve:
    """What the curve shows.

    Attributes:
        title: Of what, and in which plane.
        dice: Of each slice, NaN where there is nothing.
        wrong: Share of the wrong voxels that lie in each slice, the worst being 1.
        colour: Of the structure; None for all together.
    """

    title: str
    dice: Sequence[float]
    wrong: Sequence[float]
    colour: Colour | None = None

    def words(self, index: int) -> str:
        """What is to be said of a slice."""
        dice = self.dice[index]
        value = "nothing there" if math.isnan(dice) else f"Dice {dice:.3f}"
        return f"{slice_words(index, len(self.dice))}: {value}"


class SliceCurve(QWidget):
    """Dice slice by slice; dragging or the arrow keys move through the slices.

    Attributes:
        slice_chosen: Number of a slice, from 0.
    """

    slice_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._curve: Curve | None = None
        self._index = 0
        self._picture: QPixmap | None = None
        announce(self, "Dice by slice", "")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(200, _HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def curve(self) -> Curve | None:
        """What is shown."""
        return self._curve

    @property
    def index(self) -> int:
        """The slice the line is at."""
        return self._index

    def show_curve(self, curve: Curve | None) -> None:
        """Show another curve, or none."""
        self._curve = curve
        self._picture = None
        self._describe()

    def show_index(self, index: int) -> None:
        """Move the line to a slice."""
        if index != self._index:
            self._index = index
            self._describe()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Wide and low."""
        return QSize(600, _HEIGHT)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go to the slice under the mouse."""
        self._go(self._index_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go along with a drag."""
        self._go(self._index_at(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Step with the arrows and Page keys, to the ends with Home and End."""
        last = 0 if self._curve is None else len(self._curve.dice) - 1
        goals = {
            Qt.Key.Key_Left: self._index - 1,
            Qt.Key.Key_Right: self._index + 1,
            Qt.Key.Key_PageDown: self._index - _PAGE,
            Qt.Key.Key_PageUp: self._index + _PAGE,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        goal = goals.get(Qt.Key(event.key()))
        if goal is None:
            super().keyPressEvent(event)
        else:
            self._go(goal)

    def event(self, event: QEvent) -> bool:
        """Say what the slice under the mouse has."""
        if isinstance(event, QHelpEvent) and self._curve is not None:
            index = self._index_at(event.pos().x())
            QToolTip.showText(event.globalPos(), self._curve.words(index), self)
            return True
        return super().event(event)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """The curve from a picture kept, so that a step to another slice is quick."""
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._drawn())
        painter.setPen(QPen(self.palette().text().color(), 1.5))
        frame = self._frame()
        if self._curve is not None:
            x = self._x_of(self._index)
            painter.drawLine(QPointF(x, frame.top()), QPointF(x, frame.bottom()))
            words = self._curve.words(self._shown_index())
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(self._title_box(), flags, words)
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Draw anew."""
        self._picture = None
        super().resizeEvent(event)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Draw anew in the colours of another theme."""
        self._picture = None
        super().changeEvent(event)

    def _drawn(self) -> QPixmap:
        """The curve without the line of the present slice."""
        if self._picture is None:
            ratio = self.devicePixelRatioF()
            self._picture = QPixmap(self.size() * ratio)
            self._picture.setDevicePixelRatio(ratio)
            self._picture.fill(Qt.GlobalColor.transparent)
            painter = QPainter(self._picture)
            painter.setFont(self.font())
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            frame = self._frame()
            self._paint_frame(painter, frame)
            if self._curve is not None:
                self._paint_wrong(painter, frame, self._curve)
                self._paint_dice(painter, frame, self._curve)
            painter.end()
        return self._picture

    def _paint_frame(self, painter: QPainter, frame: QRectF) -> None:
        flags = Qt.AlignmentFlag
        for value in (0.0, 0.5, 1.0):
            y = frame.bottom() - value * frame.height()
            painter.setPen(QPen(faint_ink(self.palette()), 1))
            painter.drawLine(QPointF(frame.left(), y), QPointF(frame.right(), y))
            painter.setPen(self.palette().text().color())
            box = QRectF(0, y - 8, _LEFT - 6, 16)
            painter.drawText(box, flags.AlignRight | flags.AlignVCenter, f"{value:g}")
        left = flags.AlignLeft | flags.AlignVCenter
        painter.drawText(self._title_box(), left, self._title(painter.fontMetrics()))

    def _paint_wrong(self, painter: QPainter, frame: QRectF, curve: Curve) -> None:
        width = frame.width() / len(curve.wrong)
        outline = [frame.bottomLeft()]
        for index, share in enumerate(curve.wrong):
            top = frame.bottom() - share * frame.height()
            left = frame.left() + index * width
            outline += [QPointF(left, top), QPointF(left + width, top)]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fainter_ink(self.palette()))
        painter.drawPolygon(QPolygonF([*outline, frame.bottomRight()]))

    def _paint_dice(self, painter: QPainter, frame: QRectF, curve: Curve) -> None:
        text = self.palette().text().color()
        colour = text if curve.colour is None else QColor(*curve.colour)
        painter.setPen(QPen(colour, 2))
        painter.setBrush(colour)
        points: list[QPointF] = []
        for index, dice in enumerate((*curve.dice, math.nan)):
            if not math.isnan(dice):
                y = frame.bottom() - dice * frame.height()
                points.append(QPointF(self._x_of(index), y))
            elif len(points) == 1:
                painter.drawEllipse(points.pop(), 1.5, 1.5)
            else:
                painter.drawPolyline(QPolygonF(points))
                points = []

    def _title_box(self) -> QRectF:
        return QRectF(_LEFT, 0, max(1, self.width() - _LEFT - _RIGHT), _TOP - 2)

    def _title(self, metrics: QFontMetrics) -> str:
        """As much of it as there is room for beside the words of the slice."""
        if self._curve is None:
            return "Dice by slice: compute the scores first."
        slices = len(self._curve.dice)
        widest = f"{slice_words(slices - 1, slices)}: nothing there"
        words = metrics.horizontalAdvance(widest)
        room = int(self._title_box().width()) - words - _GAP
        whole = f"{self._curve.title}: Dice (line), wrong voxels (bars)"
        return metrics.elidedText(whole, Qt.TextElideMode.ElideRight, room)

    def _describe(self) -> None:
        words = "" if self._curve is None else self._curve.words(self._shown_index())
        self.setAccessibleDescription(words)
        self.update()

    def _shown_index(self) -> int:
        last = 0 if self._curve is None else len(self._curve.dice) - 1
        return max(0, min(self._index, last))

    def _frame(self) -> QRectF:
        height = self.height() - _TOP - _BOTTOM
        return QRectF(_LEFT, _TOP, max(1, self.width() - _LEFT - _RIGHT), height)

    def _x_of(self, index: int) -> float:
        slices = 1 if self._curve is None else len(self._curve.dice)
        frame = self._frame()
        return frame.left() + (index + 0.5) / slices * frame.width()

    def _index_at(self, x: float) -> int:
        frame = self._frame()
        slices = 1 if self._curve is None else len(self._curve.dice)
        index = int((x - frame.left()) / frame.width() * slices)
        return max(0, min(index, slices - 1))

    def _go(self, index: int) -> None:
        if self._curve is not None:
            index = max(0, min(index, len(self._curve.dice) - 1))
            self.show_index(index)
            self.slice_chosen.emit(index)
