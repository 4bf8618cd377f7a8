"""Plots painted on a widget, a picture or a page."""

from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import QMarginsF, QPointF, QRectF, QSize, QSizeF, Qt
from qtpy.QtGui import (
    QColor,
    QFont,
    QImage,
    QPageSize,
    QPainter,
    QPdfWriter,
    QPen,
)

from napari_medseg.scores.charts import Bar, BarChart, Chart, Dot, ScatterChart

BAR_HEIGHT = 20
_NAME_SHARE = 0.36
_NAME_MOST = 160
_VALUE_WIDTH = 46
_DOT_RADIUS = 5
_LEFT, _BOTTOM, _TOP, _RIGHT = 56, 40, 12, 24
_SCATTER_HEIGHT = 190
_SAVED_SHAPE = 0.8  # height over width of a scatter plot
_POINTS_AN_INCH = 72
_PIXELS_A_POINT = 3
_TITLE_HEIGHT = 26


@dataclass(frozen=True, kw_only=True)
class Ink:
    """Colours of text and lines.

    Attributes:
        text: Of words and axes.
        faint: Of lines that help the eye.
        chosen: Behind or around the structure chosen.
    """

    text: QColor
    faint: QColor
    chosen: QColor


def height_of(chart: Chart, width: int) -> int:
    """Height that a chart cannot do without."""
    if isinstance(chart, BarChart):
        return len(chart.bars) * BAR_HEIGHT + 2
    return min(_SCATTER_HEIGHT, width)


def paint_chart(
    painter: QPainter, size: QSizeF, chart: Chart, ink: Ink, chosen: int | None
) -> None:
    """Paint a chart into a rectangle at the origin."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    match chart:
        case BarChart():
            for row, bar in enumerate(chart.bars):
                top = row * BAR_HEIGHT
                band = QRectF(0, top, size.width(), BAR_HEIGHT)
                _paint_bar(painter, band, bar, chart.end, ink, bar.label == chosen)
        case ScatterChart():
            _paint_axes(painter, size, chart, ink)
            for dot in chart.dots:
                is_chosen = dot.label == chosen
                _paint_dot(painter, dot_place(chart, dot, size), dot, ink, is_chosen)


def label_at(chart: Chart, size: QSizeF, point: QPointF) -> int | None:
    """Structure whose bar or dot is at a point."""
    if isinstance(chart, BarChart):
        row = int(point.y() // BAR_HEIGHT)
        return chart.bars[row].label if 0 <= row < len(chart.bars) else None
    places = [(dot_place(chart, dot, size) - point, dot.label) for dot in chart.dots]
    near = [
        (gap.manhattanLength(), label)
        for gap, label in places
        if gap.manhattanLength() <= 2 * _DOT_RADIUS
    ]
    return min(near)[1] if near else None


def dot_place(chart: ScatterChart, dot: Dot, size: QSizeF) -> QPointF:
    """Middle of a dot."""
    frame = _frame(size)
    x = frame.left() + chart.across.share(dot.x) * frame.width()
    y = frame.bottom() - chart.up.share(dot.y) * frame.height()
    return QPointF(x, y)


def save_chart(chart: Chart, path: Path, width: int) -> bool:
    """Write a chart, black on white, as PDF or PNG by the suffix.

    Returns:
        Whether it could be written.
    """
    least = height_of(chart, width)
    is_bars = isinstance(chart, BarChart)
    height = _TITLE_HEIGHT + (least if is_bars else round(width * _SAVED_SHAPE))
    if path.suffix.lower() == ".pdf":
        writer = QPdfWriter(str(path))
        page = QSizeF(width, height)
        writer.setPageSize(QPageSize(page, QPageSize.Unit.Point))
        writer.setPageMargins(QMarginsF(0, 0, 0, 0))
        writer.setResolution(_POINTS_AN_INCH)
        painter = QPainter()
        if not painter.begin(writer):
            return False
        _paint_page(painter, page, chart)
        return painter.end()
    image = QImage(QSize(width, height) * _PIXELS_A_POINT, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    painter.scale(_PIXELS_A_POINT, _PIXELS_A_POINT)
    _paint_page(painter, QSizeF(width, height), chart)
    painter.end()
    return image.save(str(path))


def _paint_page(painter: QPainter, page: QSizeF, chart: Chart) -> None:
    black, grey = QColor(0, 0, 0), QColor(190, 190, 190)
    font = QFont()
    font.setPixelSize(12)
    painter.setFont(font)
    painter.setPen(black)
    title = QRectF(0, 0, page.width(), _TITLE_HEIGHT)
    painter.drawText(title, Qt.AlignmentFlag.AlignCenter, chart.title)
    painter.translate(0, _TITLE_HEIGHT)
    below = QSizeF(page.width(), page.height() - _TITLE_HEIGHT)
    paint_chart(painter, below, chart, Ink(text=black, faint=grey, chosen=grey), None)


def _paint_bar(
    painter: QPainter, band: QRectF, bar: Bar, end: float, ink: Ink, is_chosen: bool
) -> None:
    if is_chosen:
        painter.fillRect(band, ink.chosen)
    name_width = min(_NAME_MOST, band.width() * _NAME_SHARE)
    name_box = QRectF(2, band.top(), name_width - 6, band.height())
    name = painter.fontMetrics().elidedText(
        bar.name, Qt.TextElideMode.ElideRight, int(name_box.width())
    )
    painter.setPen(ink.text)
    middle = Qt.AlignmentFlag.AlignVCenter
    painter.drawText(name_box, middle | Qt.AlignmentFlag.AlignLeft, name)
    value_box = QRectF(
        band.right() - _VALUE_WIDTH, band.top(), _VALUE_WIDTH - 4, band.height()
    )
    painter.drawText(value_box, middle | Qt.AlignmentFlag.AlignRight, bar.text)
    room = band.width() - name_width - _VALUE_WIDTH
    groove = QRectF(name_width, band.top() + 4, room, band.height() - 8)
    painter.setPen(QPen(ink.faint, 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(groove)
    if bar.value is not None:
        share = min(1.0, bar.value / end)
        filled = QRectF(
            groove.left(), groove.top(), groove.width() * share, groove.height()
        )
        painter.fillRect(filled, QColor(*bar.colour))


def _frame(size: QSizeF) -> QRectF:
    width = max(1.0, size.width() - _LEFT - _RIGHT)
    return QRectF(_LEFT, _TOP, width, max(1.0, size.height() - _BOTTOM - _TOP))


def _paint_axes(painter: QPainter, size: QSizeF, chart: ScatterChart, ink: Ink) -> None:
    frame = _frame(size)
    flags = Qt.AlignmentFlag
    for tick in chart.across.ticks:
        x = frame.left() + chart.across.share(tick) * frame.width()
        painter.setPen(QPen(ink.faint, 1))
        painter.drawLine(QPointF(x, frame.top()), QPointF(x, frame.bottom()))
        painter.setPen(ink.text)
        box = QRectF(x - 30, frame.bottom() + 2, 60, 16)
        painter.drawText(box, flags.AlignHCenter | flags.AlignTop, f"{tick:g}")
    for tick in chart.up.ticks:
        y = frame.bottom() - chart.up.share(tick) * frame.height()
        painter.setPen(QPen(ink.faint, 1))
        painter.drawLine(QPointF(frame.left(), y), QPointF(frame.right(), y))
        painter.setPen(ink.text)
        box = QRectF(16, y - 8, frame.left() - 20, 16)
        painter.drawText(box, flags.AlignRight | flags.AlignVCenter, f"{tick:g}")
    if chart.has_diagonal:
        painter.setPen(QPen(ink.text, 1, Qt.PenStyle.DashLine))
        painter.drawLine(frame.bottomLeft(), frame.topRight())
    painter.setPen(ink.text)
    below = QRectF(frame.left(), frame.bottom() + 18, frame.width(), 18)
    painter.drawText(below, flags.AlignCenter, chart.across.title)
    painter.save()
    painter.translate(0, frame.center().y())
    painter.rotate(-90)
    beside = QRectF(-frame.height() / 2, 0, frame.height(), 16)
    painter.drawText(beside, flags.AlignCenter, chart.up.title)
    painter.restore()


def _paint_dot(
    painter: QPainter, place: QPointF, dot: Dot, ink: Ink, is_chosen: bool
) -> None:
    painter.setPen(QPen(ink.text, 2.5 if is_chosen else 1))
    painter.setBrush(QColor(*dot.colour))
    radius = _DOT_RADIUS + 3 if is_chosen else _DOT_RADIUS
    painter.drawEllipse(place, radius, radius)
