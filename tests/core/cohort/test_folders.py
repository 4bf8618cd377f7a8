"""Cases found in folders, whatever the layout; what is left out is said."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

import medseg
from medseg.cohort.listing.case_names import safe_names
from medseg.cohort.listing.manifest import require_faultless
from medseg.core.errors import ErrorCode, UnusableInput

SAMPLE = Path(__file__).parents[3] / "sample_data"
ONE, TWO = ("MRI",), ("T1", "T2")


def touch(folder, *names):
    """Empty files: only names are looked at."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def names_of(case):
    return [path.name for path in case.images]


def listed(manifest):
    assert not manifest.faults, manifest.faults
    require_faultless(manifest)
    return {case.case_id: names_of(case) for case in manifest.cases}


def refused(code, *arguments):
    with pytest.raises(UnusableInput) as raised:
        medseg.cases_in(*arguments)
    assert raised.value.code is code
    return str(raised.value)


class TestPlainFiles:
    def test_each_file_is_a_case_and_hidden_files_are_none(self, tmp_path):
        names = ("b.nii.gz", "a.nii", "c.nrrd", "d.mha", "._b.nii.gz", ".e.nii.gz")
        touch(tmp_path, *names, "notes.txt", "table.csv")

        found = listed(medseg.cases_in(tmp_path, ONE))

        assert found == {
            "a": ["a.nii"],
            "b": ["b.nii.gz"],
            "c": ["c.nrrd"],
            "d": ["d.mha"],
        }

    def test_the_number_of_the_only_channel_is_not_part_of_the_name(self, tmp_path):
        touch(tmp_path, "a_0000.nii.gz", "b_0000.nii.gz")
        assert set(listed(medseg.cases_in(tmp_path, ONE))) == {"a", "b"}

    def test_years_are_no_channels(self, tmp_path):
        touch(tmp_path, "a_2019.nii.gz", "a_2020.nii.gz", "b_2019.nii.gz")
        found = listed(medseg.cases_in(tmp_path, ONE))
        assert set(found) == {"a_2019", "a_2020", "b_2019"}

    def test_channels_are_put_together_by_their_numbers(self, tmp_path):
        touch(tmp_path, *(f"{name}_000{n}.nii.gz" for name in "ab" for n in (1, 0)))
        assert listed(medseg.cases_in(tmp_path, TWO)) == {
            "a": ["a_0000.nii.gz", "a_0001.nii.gz"],
            "b": ["b_0000.nii.gz", "b_0001.nii.gz"],
        }

    def test_a_scan_without_one_of_its_channels_is_left_out_and_said(self, tmp_path):
        touch(
            tmp_path,
            *("a_0000.nii.gz", "a_0001.nii.gz", "b_0000.nii.gz"),
            *("c_0000.nii.gz", "c_0002.nii.gz"),
            *("d_0000.nii.gz", "d_0001.nii.gz", "d_0001.nrrd"),
        )

        manifest = medseg.cases_in(tmp_path, TWO)

        assert set(listed(manifest)) == {"a"}
        assert manifest.notes == (
            "3 scans left out, for not being exactly as b_0000 b_0001",
        )

    def test_one_file_may_hold_all_channels(self, tmp_path):
        touch(tmp_path, "a.nii.gz", "b_0000.nii.gz", "b_0001.nii.gz")
        found = listed(medseg.cases_in(tmp_path, TWO))
        assert found["a"] == ["a.nii.gz"]
        assert len(found["b"]) == 2

    def test_a_name_of_two_files_is_a_fault(self, tmp_path):
        touch(tmp_path, "a.nii.gz", "a.nrrd")
        manifest = medseg.cases_in(tmp_path, ONE)
        assert {fault.what for fault in manifest.faults} == {
            "2 cases have this name, capitals aside"
        }

    def test_a_link_that_leads_nowhere_is_a_fault(self, tmp_path):
        touch(tmp_path, "a.nii.gz")
        (tmp_path / "b.nii.gz").symlink_to(tmp_path / ".git/annex/gone.nii.gz")
        manifest = medseg.cases_in(tmp_path, ONE)
        (fault,) = manifest.faults
        assert str(fault).startswith("b: there is no ")

    def test_folders_beside_the_files_are_told(self, tmp_path):
        touch(tmp_path, "a.nii.gz", "more/b.nii.gz", ".git/c.nii.gz")
        manifest = medseg.cases_in(tmp_path, ONE)
        assert set(listed(manifest)) == {"a"}
        assert manifest.notes == ("1 folders beside the files were not looked into",)


class TestNames:
    def test_names_are_made_of_safe_letters_and_each_is_there_once(self, tmp_path):
        long = "x" * 70
        given = (
            *("Müller 1.nii.gz", "Müller+1.nii.gz", "_seg 2.nii.gz", "患者一.nii.gz"),
            *("患者二.nii.gz", "A.nii.gz", "a.nrrd", f"{long}1.nii.gz", f"{long}2.nii"),
        )
        touch(tmp_path, *given)

        found = listed(medseg.cases_in(tmp_path, ONE))

        assert len(found) == len(given)
        assert found["seg-2"] == ["_seg 2.nii.gz"]
        assert len({name.lower() for name in found}) == len(given)
        assert listed(medseg.cases_in(tmp_path, ONE)) == found

    def test_the_number_of_a_channel_survives_a_long_name(self, tmp_path):
        name = "y" * 80
        touch(tmp_path, f"{name}_0000.nii.gz", f"{name}_0001.nii.gz")
        (images,) = listed(medseg.cases_in(tmp_path, TWO)).values()
        assert images == [f"{name}_0000.nii.gz", f"{name}_0001.nii.gz"]

    def test_a_name_that_is_safe_stays_as_it_is(self):
        assert safe_names([(1, "sub-01_ses.2"), (2, "b")]) == {
            1: "sub-01_ses.2",
            2: "b",
        }

    def test_a_name_does_not_depend_on_the_other_cases_unless_it_is_like_one(self):
        alone = safe_names([(1, "a b")])[1]
        beside = safe_names([(1, "a b"), (2, "c")])[1]
        like = safe_names([(1, "a b"), (2, "a-b")])
        assert alone == beside == "a-b"
        assert len(set(like.values())) == 2


class TestSubfolders:
    def test_the_only_image_of_each_folder_is_a_case_of_its_name(self, tmp_path):
        touch(
            tmp_path,
            *("s0001/ct.nii.gz", "s0001/segmentations/liver.nii.gz"),
            *("s0002/ct.nii.gz", "s0002/notes.txt", "s0002/._ct.nii.gz"),
            *("two/a.nii.gz", "two/b.nii.gz", "none/readme.txt", ".git/ct.nii.gz"),
        )

        manifest = medseg.cases_in(tmp_path, ONE)

        assert listed(manifest) == {"s0001": ["ct.nii.gz"], "s0002": ["ct.nii.gz"]}
        assert manifest.notes == ("2 folders without exactly one image were left out",)

    def test_a_stray_file_does_not_hide_a_tree_of_series(self, tmp_path):
        uids = {save_series(tmp_path / name / "ct", name) for name in "abc"}
        touch(tmp_path, "a/mask.nii.gz")
        manifest = medseg.cases_in(tmp_path, ONE)
        assert {case.series for case in manifest.cases} == uids


class TestDatasets:
    def test_a_decathlon_dataset_with_its_references(self):
        manifest = medseg.cases_in(SAMPLE / "Task90_PhantomAbdomen", ("CT",))
        assert len(listed(manifest)) == 10
        assert manifest.cases[3].case_id == "phantom_003"
        assert all(case.reference for case in manifest.cases)
        assert not manifest.notes

    def test_the_hippocampus_dataset(self, real_data):
        folder = real_data / "Task04_Hippocampus"
        manifest = medseg.cases_in(folder, ONE)
        assert len(listed(manifest)) == len(list((folder / "labelsTr").glob("h*")))
        images = medseg.cases_in(folder / "imagesTr", ONE, folder / "labelsTr")
        assert images.cases == manifest.cases

    def test_channels_of_nnunet_are_taken_by_name(self, tmp_path):
        folder = nnunet(tmp_path, "FLAIR", "T2w", "T1")
        case = medseg.cases_in(folder, TWO).cases[0]
        assert names_of(case) == ["a_0002.nii.gz", "a_0001.nii.gz"]
        assert case.reference == folder / "labelsTr/a.nii.gz"

    def test_channels_of_other_names_are_taken_by_number_which_is_said(self, tmp_path):
        manifest = medseg.cases_in(nnunet(tmp_path, "zero", "one"), TWO)
        assert names_of(manifest.cases[0]) == ["a_0000.nii.gz", "a_0001.nii.gz"]
        assert manifest.notes == ("zero, one of the dataset taken for T1, T2",)

    @pytest.mark.parametrize("there", [("a",), ("a", "b", "c")])
    def test_a_dataset_of_other_channels_is_refused(self, tmp_path, there):
        line = refused(ErrorCode.CHANNEL_MISMATCH, nnunet(tmp_path, *there), TWO)
        assert "the model takes T1, T2" in line

    def test_a_missing_file_is_named(self, tmp_path):
        folder = nnunet(tmp_path, "T1", "T2")
        (folder / "imagesTr/a_0001.nii.gz").unlink()
        line = refused(ErrorCode.INVALID_DATASET, folder, TWO)
        assert "channel T2 of case a" in line


def nnunet(folder, *channels):
    description = {
        "channel_names": {str(n): name for n, name in enumerate(channels)},
        "labels": {"background": 0, "liver": 1},
        "numTraining": 2,
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(description))
    touch(folder, "labelsTr/a.nii.gz", "labelsTr/b.nii.gz", "imagesTr/._a_0000.nii.gz")
    for name in "ab":
        touch(folder, *(f"imagesTr/{name}_{n:04}.nii.gz" for n in range(len(channels))))
    return folder


class TestBids:
    def bids(self, folder, *names):
        (folder / "dataset_description.json").write_text('{"BIDSVersion": "1.9.0"}')
        return touch(folder, *names)

    def test_sessions_and_runs_are_cases_of_a_patient(self, tmp_path):
        self.bids(
            tmp_path,
            *("sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz",),
            *("sub-01/ses-2/anat/sub-01_ses-2_run-1_T1w.nii.gz",),
            *("sub-02/anat/sub-02_T1w.nii.gz", "sub-02/anat/sub-02_T1w.json"),
            *("sub-02/dwi/sub-02_dwi.nii.gz", "sub-02/func/sub-02_bold.nii.gz"),
            "derivatives/other/sub-02/anat/sub-02_dseg.nii.gz",
        )

        manifest = medseg.cases_in(tmp_path, ("T1",))

        assert listed(manifest) == {
            "sub-01_ses-1": ["sub-01_ses-1_T1w.nii.gz"],
            "sub-01_ses-2_run-1": ["sub-01_ses-2_run-1_T1w.nii.gz"],
            "sub-02": ["sub-02_T1w.nii.gz"],
        }
        assert [c.patient for c in manifest.cases] == ["sub-01", "sub-01", "sub-02"]

    def test_channels_are_told_by_the_suffix_in_the_order_of_the_model(self, tmp_path):
        names = ("FLAIR", "T2w", "T1w")
        self.bids(tmp_path, *(f"sub-1/anat/sub-1_{n}.nii.gz" for n in names))
        (case,) = medseg.cases_in(tmp_path, TWO).cases
        assert names_of(case) == ["sub-1_T1w.nii.gz", "sub-1_T2w.nii.gz"]

    def test_the_only_scan_is_taken_whatever_it_is_called(self, tmp_path):
        self.bids(tmp_path, "sub-1/ct/sub-1_ct.nii.gz")
        assert listed(medseg.cases_in(tmp_path, ONE)) == {"sub-1": ["sub-1_ct.nii.gz"]}

    def test_of_several_none_is_guessed_and_what_there_is_is_said(self, tmp_path):
        self.bids(
            tmp_path,
            *("sub-1/anat/sub-1_T1w.nii.gz", "sub-1/anat/sub-1_T2w.nii.gz"),
            "sub-2/anat/sub-2_T1w.nii.gz",
        )
        manifest = medseg.cases_in(tmp_path, ONE)
        assert set(listed(manifest)) == {"sub-2"}
        assert manifest.notes == (
            "1 scan left out, as none of its files is clearly MRI (T1w 1, T2w 1), such "
            "as sub-1: name the file in a list (medseg cohort list)",
        )
        (tmp_path / "sub-2/anat/sub-2_T1w.nii.gz").unlink()
        line = refused(ErrorCode.EMPTY_FOLDER, tmp_path, ONE)
        assert "T1w 1, T2w 1" in line
        assert "manifest" in line

    def test_names_longer_than_a_case_may_have_keep_their_suffix(self, tmp_path):
        entities = f"sub-{'1' * 40}_acq-{'a' * 40}"
        self.bids(tmp_path, f"sub-1/anat/{entities}_T1w.nii.gz")
        (case,) = medseg.cases_in(tmp_path, ("T1",)).cases
        assert case.case_id == entities[:64]

    def test_a_patient_of_a_name_that_is_not_utf_8_can_be_written(self, tmp_path):
        folder = os.fsdecode(b"sub-\xfc")
        try:
            self.bids(tmp_path, f"{folder}/anat/{folder}_T1w.nii.gz")
        except (OSError, UnicodeError):
            pytest.skip("this file system takes names in UTF-8 only")
        (case,) = medseg.cases_in(tmp_path, ("T1",)).cases
        assert case.patient.encode() == b"sub-\\udcfc"

    def test_it_is_known_without_its_description(self, tmp_path):
        touch(tmp_path, "sub-1/anat/sub-1_T1w.nii.gz")
        assert set(listed(medseg.cases_in(tmp_path, ONE))) == {"sub-1"}


def save_series(folder, uid_of, count=4, **changes):
    """The first slices of the sample CT as a series of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    uid = generate_uid(entropy_srcs=[uid_of])
    for file in sorted((SAMPLE / "ct_phantom").iterdir())[:count]:
        data = pydicom.dcmread(file)
        data.SeriesInstanceUID = uid
        data.PatientName = "Canary^Carla"
        for keyword, value in changes.items():
            setattr(data, keyword, value)
        data.save_as(folder / f"{uid_of}_{file.name}")
    return uid


class TestDicom:
    def test_series_are_cases_and_scouts_and_labels_are_not(self, tmp_path):
        first = save_series(tmp_path / "Carla/1", "first")
        second = save_series(tmp_path / "Carla/1", "second")
        third = save_series(tmp_path / "Carl", "third", count=5)
        save_series(
            tmp_path / "Carl",
            "scout",
            count=1,
            ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
        )
        scan = medseg.read_volume(tmp_path / "Carl", series=third)
        labels = medseg.Segmentation(
            array=(scan.array[0] > 0).astype(np.uint8),
            geometry=scan.geometry,
            labels=medseg.LabelSet.from_names([(1, "body")]),
        )
        medseg.write_segmentation(labels, tmp_path / "Carl/seg.dcm", source=scan)
        touch(tmp_path / "Carl", ".hidden.dcm", "report.txt")

        manifest = medseg.cases_in(tmp_path, ONE)

        require_faultless(manifest)
        assert {case.series for case in manifest.cases} == {first, second, third}
        assert "1 series that are no volumes were left out (scouts)" in manifest.notes
        assert any("other objects were left out" in note for note in manifest.notes)
        for case in manifest.cases:
            assert case.case_id.startswith("series-")
            assert "arl" not in case.case_id
            volume = medseg.read_volume(case.images[0], series=case.series)
            assert volume.array.shape[3] in (4, 5)

    def test_a_name_is_the_same_wherever_the_series_lies(self, tmp_path):
        save_series(tmp_path / "here", "first")
        shutil.copytree(tmp_path / "here", tmp_path / "there/deep")
        here, there = (
            medseg.cases_in(tmp_path / each, ONE) for each in ("here", "there")
        )
        assert [c.case_id for c in here.cases] == [c.case_id for c in there.cases]

    def test_a_series_that_cannot_be_read_is_a_case_that_will_fail(self, tmp_path):
        save_series(tmp_path, "whole", count=6)
        sorted(tmp_path.iterdir())[2].unlink()
        assert len(medseg.cases_in(tmp_path, ONE).cases) == 1

    def test_references_are_named_as_the_cases(self, tmp_path):
        save_series(tmp_path / "scans", "first")
        (case,) = medseg.cases_in(tmp_path / "scans", ONE).cases
        touch(tmp_path, f"references/{case.case_id}.nii.gz")
        manifest = medseg.cases_in(tmp_path / "scans", ONE, tmp_path / "references")
        assert manifest.cases[0].reference is not None

    def test_many_series_in_one_folder_are_told_to_be_slow(self, tmp_path):
        for number in range(21):
            save_series(tmp_path, f"s{number}", count=3)
        (note,) = medseg.cases_in(tmp_path, ONE).notes
        assert note.startswith("21 series lie in one folder")

    def test_a_series_is_not_taken_for_every_channel(self, tmp_path):
        save_series(tmp_path, "first")
        (fault,) = medseg.cases_in(tmp_path, TWO).faults
        assert fault.what == "there is no file for some of T1, T2"

    def test_a_real_tree(self, real_data):
        manifest = medseg.cases_in(real_data / "dicom/dicom2nifti", ONE)
        require_faultless(manifest)
        assert len(manifest.cases) >= 10
        assert any("left out" in note for note in manifest.notes)

    def test_a_real_scan_beside_its_rtstruct(self, real_data):
        manifest = medseg.cases_in(real_data / "dicom/ibsi_ct/dicom", ("CT",))
        (case,) = manifest.cases
        assert case.images[0].name == "image"
        assert manifest.notes == ("1 other objects were left out: see medseg inspect",)


class TestReferences:
    @pytest.fixture
    def study(self, tmp_path):
        touch(tmp_path, *(f"scans/{name}.nii.gz" for name in "abc"))
        return touch(tmp_path, "masks/a.nii.gz", "masks/b.nrrd", "masks/z.nii.gz")

    def test_they_are_paired_by_name_and_what_is_alone_is_said(self, study):
        manifest = medseg.cases_in(study / "scans", ONE, study / "masks")
        paired = {case.case_id: case.reference for case in manifest.cases}
        assert paired["a"] == study / "masks/a.nii.gz"
        assert paired["b"] == study / "masks/b.nrrd"
        assert paired["c"] is None
        assert manifest.notes == (
            "1 cases have no reference: c",
            "1 references are of no case: z",
        )

    def test_where_none_is_of_a_case_nothing_is_scored_by_mistake(self, study):
        touch(study, "others/x.nii.gz")
        line = refused(ErrorCode.NO_PAIRS, study / "scans", ONE, study / "others")
        assert "such as x" in line
        assert "such as a" in line

    def test_two_of_one_name_are_refused(self, study):
        touch(study, "masks/a.nrrd")
        refused(ErrorCode.INVALID_DATASET, study / "scans", ONE, study / "masks")

    def test_a_folder_without_any_is_refused(self, study):
        (study / "empty").mkdir()
        refused(ErrorCode.EMPTY_FOLDER, study / "scans", ONE, study / "empty")
        refused(ErrorCode.NOT_FOUND, study / "scans", ONE, study / "gone")


class TestNothing:
    def test_a_folder_without_a_scan_is_refused(self, tmp_path):
        refused(ErrorCode.EMPTY_FOLDER, tmp_path, ONE)
        touch(tmp_path, "letter.txt", ".hidden.nii.gz", "deep/er/a.nii.gz")
        refused(ErrorCode.EMPTY_FOLDER, tmp_path, ONE)

    def test_a_folder_that_is_not_there(self, tmp_path):
        refused(ErrorCode.NOT_FOUND, tmp_path / "gone", ONE)

    def test_a_file_that_is_no_list(self, tmp_path):
        touch(tmp_path, "scan.nii.gz")
        line = refused(ErrorCode.INVALID_MANIFEST, tmp_path / "scan.nii.gz", ONE)
        assert "medseg segment takes one scan" in line
