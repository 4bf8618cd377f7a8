"""Numbers beside the sliders of a view, as wide as they need to be."""

from qtpy.QtWidgets import QLabel, QLineEdit, QWidget

_NAME = "slice_label"  # by which napari's themes know them
_PADDING_PX = 10


def fit_slice_numbers(view: QWidget) -> None:
    """Make room for every digit.

    napari measures the digits before a view that is not its main one has the font of
    the theme.
    """
    for total in view.findChildren(QLabel, _NAME):
        beside = total.parentWidget()
        current = None if beside is None else beside.findChild(QLineEdit, _NAME)
        for label in (total, current):
            if label is not None:
                digits = label.fontMetrics().horizontalAdvance("8" * len(total.text()))
                label.setFixedWidth(digits + _PADDING_PX)
