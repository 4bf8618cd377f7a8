"""Saving the scores and their plots where the user says."""

from qtpy.QtWidgets import QWidget

import medseg
from napari_medseg.controls.saving import ask_where
from napari_medseg.scores.chart_painting import save_chart
from napari_medseg.scores.charts import Chart

_PLOT_WIDTH = 480
_TABLES = "Comma-separated values (*.csv)"
_PLOTS = "PDF (*.pdf);;PNG (*.png)"


def save_scores(parent: QWidget, evaluation: medseg.Evaluation) -> str:
    """Save the table; says what became of it.

    Raises:
        MedSegError: When it cannot be written.
    """
    path = ask_where(parent, "Save the scores", "scores.csv", _TABLES, (".csv",))
    if path is None:
        return "Not saved."
    medseg.write_scores(evaluation, path, overwrite=True)
    return f"Saved {path.name}."


def save_plot(parent: QWidget, chart: Chart) -> str:
    """Save a plot; says what became of it.

    Raises:
        WrongUse: OUTPUT_EXISTS, as `ask_where`.
    """
    path = ask_where(parent, "Save the plot", "scores.pdf", _PLOTS, (".pdf", ".png"))
    if path is None:
        return "Not saved."
    is_saved = save_chart(chart, path, _PLOT_WIDTH)
    return f"Saved {path.name}." if is_saved else f"Cannot write {path.name}."
