"""Asking where to save."""

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QWidget

import medseg


def ask_where(
    parent: QWidget, title: str, proposed: str, kinds: str, suffixes: tuple[str, ...]
) -> Path | None:
    """Where to save; None when the user thinks better of it.

    Args:
        parent: Over which the dialog opens.
        title: Of the dialog.
        proposed: A name to begin with.
        kinds: Kinds of files as Qt writes them.
        suffixes: Those that are written; a name with another gets the first.

    Raises:
        WrongUse: OUTPUT_EXISTS, when a name that got its suffix here is taken: the
            dialog has not asked whether that may be replaced.
    """
    name, _ = QFileDialog.getSaveFileName(parent, title, proposed, kinds)
    if not name:
        return None
    path = Path(name)
    if path.suffix.lower() in suffixes:
        return path
    path = path.with_name(path.name + suffixes[0])
    medseg.require_absent(path, overwrite=False)
    return path
