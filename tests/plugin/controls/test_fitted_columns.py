"""Columns of the panels' tables are as wide as what they hold."""

import pytest
from qtpy.QtGui import QStandardItem, QStandardItemModel
from qtpy.QtWidgets import QTableView

from napari_medseg.controls.fitted_columns import FittedColumns

LEAST_PX = 40
NUMBER, NAME, LAST = range(3)


@pytest.fixture
def table(qtbot):
    """A number, a name that takes what is left, and another number."""
    table = QTableView()
    table.setModel(QStandardItemModel(0, 3, table))
    table.verticalHeader().hide()
    qtbot.addWidget(table)
    table.resize(400, 200)
    FittedColumns(table, {NUMBER: LEAST_PX, LAST: LEAST_PX}, taker=NAME)
    table.show()
    qtbot.waitExposed(table)
    return table


def fill(table, rows):
    model = table.model()
    model.beginResetModel()
    model.setRowCount(0)
    for row in rows:
        model.appendRow([QStandardItem(text) for text in row])
    model.endResetModel()


def is_cut(table, column):
    model, width = table.model(), table.columnWidth(column)
    cells = (model.index(row, column) for row in range(model.rowCount()))
    return any(table.sizeHintForIndex(cell).width() > width for cell in cells)


def test_the_longest_number_fits_wherever_it_stands(table):
    rows = [(str(number), "liver", "1.0") for number in range(200)]

    fill(table, [*rows, ("1234567890", "liver", "1.0")])

    assert not is_cut(table, NUMBER)
    assert table.columnWidth(LAST) == LEAST_PX


def test_one_column_takes_what_the_others_leave(table):
    fill(table, [("1", "liver", "1.0")])
    assert table.horizontalHeader().length() == table.viewport().width()

    table.resize(600, 200)
    assert table.horizontalHeader().length() == table.viewport().width()

    table.setColumnHidden(LAST, True)
    assert table.horizontalHeader().length() == table.viewport().width()


def test_a_narrow_table_is_scrolled_and_no_cell_is_cut(table):
    fill(table, [("1234567890", "left kidney", "1234.5")])

    table.resize(120, 200)

    assert not any(is_cut(table, column) for column in range(3))
    assert table.horizontalHeader().length() > table.viewport().width()


def test_a_long_name_leaves_room_for_the_numbers(table):
    fill(table, [("1", "a very long name " * 20, "1.0")])

    assert table.horizontalHeader().length() == table.viewport().width()
