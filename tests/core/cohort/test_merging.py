"""What parts leave is merged only where it belongs together."""

import pytest

import medseg
from medseg.cohort.folder.journal import Failed, open_journal
from medseg.cohort.folder.places import Places
from medseg.cohort.listing.privacy import without_names
from medseg.core.cohort import CaseState
from medseg.core.errors import ErrorCode
from tests.core.cohort.small_cohort import CASES, Run, write_scan, written_scans


@pytest.fixture(scope="module")
def _parts_once(model, tmp_path_factory):
    run = Run(written_scans(tmp_path_factory.mktemp("parts") / "scans"), model)
    for number in (1, 2):
        run(shard=medseg.Shard(number, 2))
    return run


@pytest.fixture
def parts(_parts_once, tmp_path):
    """Both parts of a cohort of three, done."""
    return _parts_once.copied(tmp_path / "parts")


def test_results_of_other_settings_are_none_of_the_cohort(parts, model):
    other = Run(parts.scans, model, thumbnails=False)
    other(shard=medseg.Shard(1, 2))

    status = medseg.merge_cohort(parts.out)

    assert not status.is_complete
    assert [state for _, state in status.states] == [
        CaseState.DONE,
        CaseState.WAITING,
        CaseState.DONE,
    ]
    assert "\nb," not in (parts.out / "volumes.csv").read_text()


def test_cases_that_are_added_between_two_runs_of_the_parts_are_merged(parts):
    write_scan(parts.scans, "d", 4)
    for number in (1, 2):
        parts(shard=medseg.Shard(number, 2))

    status = medseg.merge_cohort(parts.out)

    assert status.is_complete
    assert [case_id for case_id, _ in status.states] == [*CASES, "d"]


def test_a_clock_that_was_ahead_does_not_make_a_case_fail_for_ever(finished):
    late = Failed(
        time_s=4e9,
        case_id="a",
        key="k",
        code=ErrorCode.TRUNCATED_FILE,
        what="it ends",
        remedy="Copy it.",
    )
    with open_journal(finished.out / "journal-1-of-2.jsonl") as journal:
        journal.add(late)

    assert finished().is_complete
    assert finished.begun == 1
    finished()
    assert finished.begun == 0


def test_tables_that_are_not_written_again_do_not_stay(finished):
    pytest.importorskip("pyarrow")
    medseg.merge_cohort(finished.out, parquet=True)
    assert {path.name for path in finished.out.glob("*.parquet")} == {
        "scores.parquet",
        "volumes.parquet",
    }

    medseg.merge_cohort(finished.out)
    assert not list(finished.out.glob("*.parquet"))
    (finished.scans / "references/a.nii.gz").rename(finished.scans / "a.nii.gz")
    manifest = medseg.cases_in(finished.scans / "images", ("image",))
    medseg.write_manifest(manifest, Places(finished.out).manifest, overwrite=True)
    medseg.merge_cohort(finished.out)
    assert not list(finished.out.glob("scores*"))


def test_a_case_that_fails_when_it_is_done_again_leaves_no_result(finished):
    bad = finished.scans / "images/b.nii.gz"
    bad.write_bytes(bad.read_bytes()[:500])

    finished()

    left = [path for path in finished.out.rglob("b.*") if path.is_file()]
    assert left == []


def test_names_of_files_and_folders_are_not_told(tmp_path):
    folder = tmp_path / "MUELLER HANS 1950"
    (folder / "Anna").mkdir(parents=True)
    (folder / "Anna/ct.nii.gz").touch()
    case = medseg.CohortCase(case_id="p1", images=(folder,))

    told = without_names(
        f"2 scans: {folder.name}/Anna/ct.nii.gz, Anna/mr.nii; Annapolis, 1950", case
    )

    assert told == "2 scans: …, mr.nii; Annapolis, 1950"


def test_folders_named_as_the_words_of_errors_leave_these_whole(tmp_path):
    folder = tmp_path / "tilt"
    folder.mkdir()
    case = medseg.CohortCase(case_id="p1", images=(folder,))
    said = "Have the scan resampled without tilt (dcm2niix writes *_Tilt)."
    assert without_names(said, case) == said
