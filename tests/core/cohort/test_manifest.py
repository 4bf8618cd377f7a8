"""Lists of cases: every fault is told at once."""

import os
from pathlib import Path

import pytest

import medseg
from medseg.cohort.listing.manifest import (
    checked,
    read_written_manifest,
    require_faultless,
    write_manifest,
)
from medseg.core.errors import ErrorCode, UnusableInput


def table(folder, *lines):
    path = folder / "cases.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def study(tmp_path):
    for name in ("a.nii.gz", "b.nii.gz", "b_T2.nii.gz", "a_ref.nii.gz"):
        (tmp_path / name).touch()
    return tmp_path


def test_paths_are_taken_from_the_folder_of_the_list(study):
    path = table(
        study,
        "case,image,reference,patient,centre",
        "two,b.nii.gz,,p1,north",
        f"one,{study / 'a.nii.gz'},a_ref.nii.gz,p1,",
    )

    manifest = medseg.read_manifest(path)

    assert not manifest.faults
    one, two = manifest.cases
    assert (one.case_id, one.images) == ("one", (study / "a.nii.gz",))
    assert one.reference == study / "a_ref.nii.gz"
    assert (two.patient, two.centre, two.reference) == ("p1", "north", None)


def test_a_model_of_several_channels_has_a_column_for_each(study):
    path = table(study, "case,image.T2,image.T1", "b,b_T2.nii.gz,b.nii.gz")

    (case,) = medseg.read_manifest(path, ("T1", "T2")).cases

    assert case.images == (study / "b.nii.gz", study / "b_T2.nii.gz")


def test_all_faults_are_told_at_once(study):
    path = table(
        study,
        "case,image,reference",
        "one,a.nii.gz,",
        "ONE,b.nii.gz,",
        "../out,b.nii.gz,",
        "four,gone.nii.gz,gone_too.nii.gz",
        ",a.nii.gz,",
        "six,,",
        "seven,a.nii.gz,,more,than,there,are,columns",
    )

    faults = [str(fault) for fault in medseg.read_manifest(path).faults]

    assert "one: 2 cases have this name, capitals aside" in faults
    assert any(fault.startswith("../out: a name") for fault in faults)
    assert sum(fault.startswith("four: there is no") for fault in faults) == 2
    assert any(fault.startswith("a case without a name") for fault in faults)
    assert "six: no image is named" in faults
    assert any(fault.startswith("line 8: has more fields") for fault in faults)
    with pytest.raises(UnusableInput, match="INVALID_MANIFEST"):
        require_faultless(medseg.read_manifest(path))


@pytest.mark.parametrize(
    "content", [b"name,image\n", b"\xff\xfe\x00c", b"\xff\xfec", b"", b"\n\n"]
)
def test_what_is_no_table_of_cases_is_refused(tmp_path, content):
    path = tmp_path / "cases.csv"
    path.write_bytes(content)

    with pytest.raises(UnusableInput) as raised:
        medseg.read_manifest(path)

    assert raised.value.code is ErrorCode.INVALID_MANIFEST


def test_other_columns_are_left_alone_and_said(study):
    path = table(study, "case,age,image,sex", "a,61,a.nii.gz,f")

    manifest = medseg.read_manifest(path)

    assert not manifest.faults
    assert manifest.notes == ("columns that are not used: age, sex",)


@pytest.mark.parametrize(
    ("written", "meant"), [("referece", "reference"), ("center", "centre")]
)
def test_a_misspelt_column_is_a_fault(study, written, meant):
    path = table(study, f"case,image,{written}", "a,a.nii.gz,")
    (fault,) = medseg.read_manifest(path).faults
    assert str(fault) == f"column {written}: did you mean {meant}?"


@pytest.mark.parametrize("ordinary", ["patient_id", "centre_id", "series_id", "age"])
def test_columns_of_other_programs_are_no_faults(study, ordinary):
    path = table(study, f"case,image,{ordinary}", "a,a.nii.gz,7")
    assert not medseg.read_manifest(path).faults


def test_a_column_beside_the_one_it_is_like_is_no_fault(study):
    path = table(study, "case,image,centre,centres", "a,a.nii.gz,,")
    assert not medseg.read_manifest(path).faults


def test_a_series_of_a_file_that_is_no_dicom_is_a_fault(study):
    path = table(study, "case,image,series", "a,a.nii.gz,1.2.3")
    (fault,) = medseg.read_manifest(path).faults
    assert str(fault) == "a: a series is named, but the image is no DICOM"


def test_a_name_that_is_not_utf_8_says_how_to_save_the_list(study):
    path = study / "cases.csv"
    path.write_bytes("case,image\nJosé,a.nii.gz\n".encode("latin-1"))
    faults = [str(fault) for fault in medseg.read_manifest(path).faults]
    assert any(fault.endswith("save the list as such") for fault in faults)


def test_a_list_that_was_written_is_read_again(study):
    path = table(
        study,
        "case,image.T1,image.T2,series,reference,patient,centre",
        'b,b.nii.gz,b_T2.nii.gz,1.2.3,a_ref.nii.gz,"p, 1",x',
    )
    manifest = medseg.read_manifest(path, ("T1", "T2"))

    write_manifest(manifest, study / "out" / "manifest.csv")

    again = read_written_manifest(study / "out" / "manifest.csv")
    assert again.cases == manifest.cases


def test_a_list_with_channels_is_written_as_it_is_read(tmp_path):
    names = ("T1", "FLAIR")
    files = [tmp_path / f"{number}.nii.gz" for number in range(4)]
    for file in files:
        file.touch()
    cases = checked(
        [
            medseg.CohortCase(
                case_id="a", images=tuple(files[:2]), patient="p", centre="x"
            ),
            medseg.CohortCase(case_id="b", images=tuple(files[2:]), reference=files[0]),
        ]
    )

    medseg.write_manifest(cases, tmp_path / "list.csv", names)

    assert medseg.read_manifest(tmp_path / "list.csv", names) == cases


class TestSpreadsheets:
    """Tables as Excel and LibreOffice save them, in any country."""

    @pytest.mark.parametrize("mark", [",", ";", "\t"])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_any_separator_and_encoding_gives_the_same_list(
        self, study, mark, encoding
    ):
        lines = [("Case ", " image", "Patient"), ("a", " a.nii.gz", "M\u00fcller 1")]
        text = "\r\n".join(mark.join(line) for line in (*lines, ("",) * 3, ()))
        (study / "cases.csv").write_bytes(text.encode(encoding))

        manifest = medseg.read_manifest(study / "cases.csv")

        assert not manifest.faults
        assert not manifest.notes
        (case,) = manifest.cases
        assert case.images == (study / "a.nii.gz",)
        assert case.patient == "M\u00fcller 1"

    def test_a_column_that_is_there_twice_is_refused(self, study):
        path = table(study, "case,image,Image", "a,a.nii.gz,b.nii.gz")
        with pytest.raises(UnusableInput, match="more than one column image"):
            medseg.read_manifest(path)

    def test_lines_are_counted_as_an_editor_does(self, study):
        path = table(
            study, "case,image,centre", "", 'a,a.nii.gz,"two', 'lines"', "", "b,b,c,d"
        )
        faults = [str(fault) for fault in medseg.read_manifest(path).faults]
        assert "line 6: has more fields than columns" in faults

    def test_text_that_is_not_utf_8_is_a_fault_of_its_case(self, study):
        path = study / "cases.csv"
        path.write_bytes(b"case,image,patient\na,a.nii.gz,M\xfcller\n")
        (fault,) = medseg.read_manifest(path).faults
        assert (
            str(fault) == "a: M\\udcfcller is not text in UTF-8: save the list as such"
        )


class TestChannels:
    COLUMNS = "case,image.T1,image.T2"
    NAMES = ("T1", "T2")

    @pytest.mark.parametrize(
        ("row", "blank"), [("b,b.nii.gz,", "t2"), ("b,,b_T2.nii.gz", "t1")]
    )
    def test_a_blank_cell_is_a_fault_and_shifts_no_channel(self, study, row, blank):
        path = table(study, self.COLUMNS, row)
        (fault,) = medseg.read_manifest(path, self.NAMES).faults
        assert str(fault) == f"line 2: has no file in image.{blank}"

    def test_a_file_for_all_channels_is_told_from_one_for_each(self, study):
        path = table(
            study,
            "case,image,image.T1,image.T2",
            "a,a.nii.gz,,",
            "b,,b.nii.gz,b_T2.nii.gz",
        )
        manifest = medseg.read_manifest(path, self.NAMES)
        assert not manifest.faults
        assert [len(case.images) for case in manifest.cases] == [1, 2]

        medseg.write_manifest(manifest, study / "again.csv", self.NAMES)
        assert medseg.read_manifest(study / "again.csv", self.NAMES) == manifest
        assert read_written_manifest(study / "again.csv").cases == manifest.cases

    def test_a_file_for_all_beside_one_for_a_channel_is_a_fault(self, study):
        columns = "case,image,image.T1,image.T2"
        path = table(study, columns, "a,a.nii.gz,b.nii.gz,b.nii.gz")
        (fault,) = medseg.read_manifest(path, self.NAMES).faults
        assert str(fault) == "line 2: has a file in image and one in image.t1"

    @pytest.mark.parametrize("name", ["series", "slice.dcm", "slice"])
    def test_dicom_does_not_hold_several_channels(self, study, name):
        if name == "series":
            (study / name).mkdir()
        else:
            (study / name).write_bytes(bytes(128) + b"DICM")
        path = table(study, "case,image", f"a,{name}")
        (fault,) = medseg.read_manifest(path, self.NAMES).faults
        assert str(fault) == "a: there is no file for some of T1, T2"


def case_of(name, *files):
    return medseg.CohortCase(case_id=name, images=tuple(map(Path, files)))


class TestListsMadeByHand:
    @pytest.mark.parametrize(
        "names", [("../../evil",), ("a", "A"), ("a", "a"), ("",), ("x" * 65,)]
    )
    def test_their_names_are_looked_at_too(self, names):
        cases = tuple(case_of(name, "scan.nii.gz") for name in names)
        with pytest.raises(UnusableInput, match="INVALID_MANIFEST"):
            require_faultless(medseg.Manifest(cases=cases))

    def test_they_are_sorted(self):
        cases = (case_of("b", "scan.nii.gz"), case_of("a", "scan.nii.gz"))
        found = require_faultless(medseg.Manifest(cases=cases))
        assert found.cases == cases[::-1]

    def test_they_are_written_sorted(self, tmp_path):
        cases = (case_of("b", "/scan.nii.gz"), case_of("a", "/scan.nii.gz"))
        medseg.write_manifest(medseg.Manifest(cases=cases), tmp_path / "list.csv")
        assert read_written_manifest(tmp_path / "list.csv").cases == cases[::-1]


@pytest.fixture
def odd_file(tmp_path):
    """A file whose name is not UTF-8, as old Windows archives leave them."""
    path = tmp_path / os.fsdecode(b"M\xfcller.nii.gz")
    try:
        path.touch()
    except (OSError, UnicodeError):
        pytest.skip("this file system takes names in UTF-8 only")
    return path


def test_names_of_files_that_are_not_utf_8_are_kept(tmp_path, odd_file):
    cases = checked([case_of("a", odd_file)])

    medseg.write_manifest(cases, tmp_path / "list.csv")

    assert read_written_manifest(tmp_path / "list.csv").cases == cases.cases
    assert medseg.read_manifest(tmp_path / "list.csv") == cases
    odd_file.unlink()
    (fault,) = medseg.read_manifest(tmp_path / "list.csv").faults
    assert str(fault).encode().endswith(b"M\\udcfcller.nii.gz")


def test_a_run_takes_names_that_are_not_utf_8(run, odd_file):
    odd_file.write_bytes((run.scans / "images/a.nii.gz").read_bytes())
    bad = odd_file.with_name(os.fsdecode(b"\xfc.nii.gz"))
    bad.write_bytes(b"no image")
    manifest = checked([case_of("a", odd_file), case_of("b", bad)])
    how = medseg.HowToRun(workers=1, time_limit_s=600.0)
    executor = medseg.LocalExecutor(how=how)

    status = medseg.run_cohort(manifest, run.out, run.make, executor)

    assert [failure.case_id for failure in status.failures] == ["b"]
    assert (run.out / "segmentations/a.nii.gz").is_file()
