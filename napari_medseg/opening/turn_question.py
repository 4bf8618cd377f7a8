"""The question whether a window that shows something else may be turned."""

from qtpy.QtWidgets import QApplication, QMessageBox


def ask_to_turn(layer_name: str) -> bool:
    """Whether the user lets the window be turned to the patient."""
    answer = QMessageBox.question(
        QApplication.activeWindow(),
        "MedSeg: turn the window?",
        f"This window also shows {layer_name!r}. Turn it to the patient, so that the "
        "scan is seen the radiological way? The other layers are turned, too.",
    )
    return answer == QMessageBox.StandardButton.Yes
