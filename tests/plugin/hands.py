"""A user's eyes and hands: what a window says, and clicks on what it says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from qtpy.QtCore import QItemSelectionModel, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMainWindow,
    QMenu,
    QTabBar,
    QTableView,
    QWidget,
)

from tests.plugin.widgets import part

Panel = TypeVar("Panel", bound=QWidget)
_LEFT = Qt.MouseButton.LeftButton
_LOOK_MS = 100


class Window:
    """The main window, by what it says.

    Attributes:
        seen: Every text seen so far; menus as "File > Open Sample".
    """

    def __init__(self) -> None:
        (self._window,) = (
            widget
            for widget in QApplication.topLevelWidgets()
            if isinstance(widget, QMainWindow) and widget.isVisible()
        )
        self.seen: set[str] = set()

    def choose(self, path: str) -> None:
        """Choose an entry of the menus, as "File > Open Sample"."""
        menus = {" > ".join(words): act for words, act in self._entries()}
        self.seen |= set(menus)
        menus[path]()

    def panel(self, name: str, kind: type[Panel]) -> Panel:
        """Open a panel from the menu and look at it."""
        self.choose(f"Plugins > MedSeg > {name} (MedSeg)")
        QApplication.processEvents()  # napari lays the dock out
        panel = self._window.findChild(kind)
        assert panel is not None
        self.look_at(panel)
        return panel

    def look_at(self, widget: QWidget) -> None:
        """Read everything that a widget says."""
        self.seen |= set(_texts(widget))

    @contextmanager
    def answering(self, *answers: Callable[[QDialog], object]) -> Iterator[None]:
        """Answer the dialogs that come up meanwhile, in this order."""
        left = list(answers)
        answered: list[QDialog] = []

        def answer() -> None:
            for dialog in QApplication.topLevelWidgets():
                if not isinstance(dialog, QDialog) or dialog in answered:
                    continue
                if dialog.isVisible() and left:
                    self.look_at(dialog)
                    answered.append(dialog)
                    left.pop(0)(dialog)
                    return

        timer = QTimer()
        timer.timeout.connect(answer)
        timer.start(_LOOK_MS)
        yield
        timer.stop()
        assert left == []

    def _entries(self) -> Iterator[tuple[tuple[str, ...], Callable[[], object]]]:
        bar = self._window.menuBar()
        for action in bar.actions():
            menu = action.menu()
            if isinstance(menu, QMenu):
                yield from _entries_of(menu, (_plain(action.text()),))


def click(panel: QWidget, text: str) -> None:
    """Click the button that says this."""
    (button,) = (
        each
        for each in panel.findChildren(QAbstractButton)
        if _plain(each.text()) == text and each.isVisibleTo(panel)
    )
    assert button.isEnabled(), text
    button.click()  # wherever a tick's label ends


def choose(panel: QWidget, box: str, text: str) -> None:
    """Choose an entry of the box of this name."""
    combo = part(panel, box, QComboBox)
    index = combo.findText(text)
    assert index >= 0, [combo.itemText(n) for n in range(combo.count())]
    combo.setCurrentIndex(index)
    combo.activated.emit(index)


def click_row(panel: QWidget, table: str, text: str, column: int = 0) -> None:
    """Click the row with this text."""
    view = part(panel, table, QTableView)
    index = view.model().index(row_of(panel, table, text, column), column)
    view.scrollTo(index)
    place = view.visualRect(index).center()
    QTest.mouseClick(view.viewport(), _LEFT, pos=place)


def select_row(panel: QWidget, table: str, text: str, column: int = 0) -> None:
    """Select the row with this text beside those that are."""
    view = part(panel, table, QTableView)
    index = view.model().index(row_of(panel, table, text, column), column)
    flags = QItemSelectionModel.SelectionFlag
    view.selectionModel().select(index, flags.Select | flags.Rows)


def row_of(panel: QWidget, table: str, text: str, column: int = 0) -> int:
    """The row with this text."""
    texts = column_of(panel, table, column)
    return texts.index(text)


def column_of(panel: QWidget, table: str, column: int) -> list[str]:
    """What a column of a table says."""
    rows = part(panel, table, QTableView).model()
    return [str(rows.index(row, column).data()) for row in range(rows.rowCount())]


def name_file(path: Path) -> Callable[[QDialog], None]:
    """An answer to a dialog for files: this one."""

    def answer(dialog: QDialog) -> None:
        assert isinstance(dialog, QFileDialog)
        line = dialog.findChild(QLineEdit)
        assert line is not None
        line.setText(str(path))
        dialog.accept()

    return answer


def press_ok(dialog: QDialog) -> None:
    """An answer to a dialog that has nothing to change."""
    click(dialog, "OK")


def _entries_of(
    menu: QMenu, above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Callable[[], object]]]:
    menu.aboutToShow.emit()
    for action in menu.actions():
        words = (*above, _plain(action.text()))
        below = action.menu()
        if isinstance(below, QMenu):
            yield from _entries_of(below, words)
        elif not action.isSeparator():
            yield words, action.trigger


def _texts(widget: QWidget) -> Iterator[str]:
    for button in widget.findChildren(QAbstractButton):
        yield _plain(button.text()).lstrip("▸▾ ")
    for label in widget.findChildren(QLabel):
        yield _plain(label.text())
    for box in widget.findChildren(QComboBox):
        yield from (box.itemText(index) for index in range(box.count()))
    for tabs in widget.findChildren(QTabBar):
        yield from (_plain(tabs.tabText(index)) for index in range(tabs.count()))


def _plain(text: str) -> str:
    return text.replace("&", "")
