"""The Plot tab of the Scores panel."""

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_medseg.controls.notice import announce
from napari_medseg.scores.chart_view import ChartView
from napari_medseg.scores.charts import Plot, chart_of
from napari_medseg.scores.work import Comparison


class PlotTab(QWidget):
    """Which plot, the plot, and a button to save it.

    Attributes:
        structure_chosen: Label of the bar or dot that was chosen.
        save_requested: Save the plot.
    """

    structure_chosen = Signal(int)
    save_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._comparison: Comparison | None = None
        self._plot = QComboBox()
        for plot in Plot:
            self._plot.addItem(plot.value, plot)
        self._save = QPushButton("Save…")
        self.view = ChartView()
        announce(self._plot, "Kind of plot", "What to plot.")
        announce(self._save, "Save plot", "Save the plot as PDF or PNG.")
        self._lay_out()
        self._plot.currentIndexChanged.connect(self._draw)
        self._save.clicked.connect(self.save_requested)
        self.view.structure_chosen.connect(self.structure_chosen)

    def show_scores(self, comparison: Comparison | None) -> None:
        """Plot these scores, or nothing."""
        self._comparison = comparison
        self._save.setEnabled(comparison is not None)
        self._draw()

    def _draw(self, _index: int = 0) -> None:
        comparison, plot = self._comparison, Plot(self._plot.currentText())
        self.view.show_chart(None if comparison is None else chart_of(plot, comparison))

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self._plot, 1)
        row.addWidget(self._save)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidgetResizable(True)
        area.setWidget(self.view)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addLayout(row)
        layout.addWidget(area, 1)
