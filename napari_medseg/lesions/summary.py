"""The line under or over a table that says what it holds in all."""

from qtpy.QtWidgets import QLabel

from napari_medseg.controls.notice import announce

_OUT_OF_DATE = "Out of date: "


class Summary(QLabel):
    """A table in a line, marked while the table is not that of the labels as they are.

    Where there is no table it says how there would be one, which is not marked.
    """

    def __init__(self, name: str) -> None:
        """An empty line.

        Args:
            name: For screen readers.
        """
        super().__init__()
        self.setWordWrap(True)
        announce(self, name, "")
        self._words = ""
        self._has_table = False
        self._is_stale = False

    def show_words(self, words: str, *, has_table: bool) -> None:
        """Say something else."""
        self._words, self._has_table = words, has_table
        self._show()

    def show_stale(self, *, is_stale: bool) -> None:
        """Mark the table as out of date, or no more."""
        self._is_stale = is_stale
        self._show()

    def _show(self) -> None:
        is_marked = self._is_stale and self._has_table
        self.setText(f"{_OUT_OF_DATE}{self._words}" if is_marked else self._words)
