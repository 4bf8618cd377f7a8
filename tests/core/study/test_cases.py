"""The table of cases: read as spreadsheets write it, refused with line and column."""

import pytest

from medseg import ErrorCode, UnusableInput, WrongUse, read_case_table


def table(tmp_path, text: str, encoding: str = "utf-8"):
    path = tmp_path / "cases.csv"
    path.write_bytes(text.encode(encoding))
    return read_case_table(path)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_may_be_parted_by_comma_semicolon_or_tab(tmp_path, separator):
    lines = ["case,patient,site", "a,p1,north", "b,p2,south"]
    read = table(tmp_path, "\r\n".join(lines).replace(",", separator))
    assert read.columns == ("patient", "site")
    assert dict(read.rows["b"]) == {"patient": "p2", "site": "south"}


def test_a_byte_order_mark_blank_lines_quotes_and_spaces_do_no_harm(tmp_path):
    text = 'case, site\n\n a ,"north, left"\n\n'
    read = table(tmp_path, text, "utf-8-sig")
    assert read.rows["a"]["site"] == "north, left"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("id,site\na,north", "id, site"),
        ("case,site\na,north\na,south", "line 3: a is there twice"),
        ("case,site\na,north,1", "line 2 has 3 values"),
        ("case,site\n,north", "line 2: there is no case"),
        ("case,site,site\na,1,2", "same name"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(tmp_path, text, told):
    with pytest.raises(UnusableInput, match=told) as error:
        table(tmp_path, text)
    assert error.value.code is ErrorCode.INVALID_DATASET
    assert str(tmp_path) not in error.value.where


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path):
    with pytest.raises(UnusableInput) as error:
        read_case_table(tmp_path / "none.csv")
    assert error.value.code is ErrorCode.NOT_FOUND
    with pytest.raises(UnusableInput) as error:
        table(tmp_path, "case;ort\na;Köln", "latin-1")
    assert error.value.code is ErrorCode.NOT_READABLE


def test_columns_and_cases_that_are_asked_for_must_be_there(tmp_path):
    read = table(tmp_path, "case,site\na,north\nb,\n")
    read.require(["site"], ["a"])
    with pytest.raises(WrongUse, match="It has site"):
        read.require(["patient"], ["a"])
    with pytest.raises(UnusableInput, match="no row for c, d"):
        read.require([], ["a", "c", "d"])
    with pytest.raises(UnusableInput, match="'site' is empty for b"):
        read.require(["site"], ["a", "b"])
