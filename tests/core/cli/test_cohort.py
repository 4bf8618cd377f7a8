"""The commands for many scans: what they print, write, refuse and exit with."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

import medseg
from medseg.cli.app import run
from medseg.cli.cohort import EXIT_PARTLY_DONE
from medseg.cli.cohort_tables import status_lines
from medseg.core.cohort import CaseFailure, CaseState
from medseg.core.errors import ErrorCode

DATASET = Path(__file__).parents[3] / "sample_data" / "Task90_PhantomAbdomen"
CASES = ("phantom_000", "phantom_001")


def write_list(folder, *rows, columns="case,image,reference,centre"):
    path = folder / "cases.csv"
    path.write_text("\n".join([columns, *rows]) + "\n")
    return path


def good_rows(references=DATASET / "labelsTr"):
    return [
        f"{name},{DATASET / 'imagesTr' / name}.nii.gz,{references / name}.nii.gz,north"
        for name in CASES
    ]


def write_livers(folder):
    """References with the one structure that the small model knows, too."""
    for name in CASES:
        full = medseg.read_segmentation(DATASET / "labelsTr" / f"{name}.nii.gz")
        liver = medseg.Segmentation(
            array=(full.array == 1).astype(np.uint8),
            geometry=full.geometry,
            labels=medseg.LabelSet.from_names([(1, "liver")]),
        )
        medseg.write_segmentation(liver, folder / f"{name}.nii.gz")
    return folder


def words_of(scans, model, out, *more):
    return ["cohort", "run", scans, "-m", model, "-o", out, "--device", "cpu", *more]


def medseg_command(*words):
    return run([str(word) for word in words])


@pytest.fixture(scope="module")
def night(tiny_model, tmp_path_factory):
    """A run over two phantoms and a file that is none, with what it printed."""
    folder = tmp_path_factory.mktemp("night")
    (folder / "bad.nii.gz").write_bytes(b"Dear colleague")
    references = write_livers(folder / "livers")
    cases = write_list(folder, *good_rows(references), "bad,bad.nii.gz,,south")
    out = folder / "out"
    code = medseg_command(
        *words_of(cases, tiny_model, out, "--workers", 1, "--overlap", 0),
        *("--tolerance-mm", 2),
    )
    assert code == EXIT_PARTLY_DONE
    return out


def rows_of(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_help_shows_an_example(capsys):
    for command in ("run", "list", "status", "merge"):
        assert run(["cohort", command, "--help"]) == 0
        assert f"Example: medseg cohort {command}" in capsys.readouterr().out


class TestARun:
    def test_the_good_scans_are_done_and_the_bad_one_is_a_row(self, night):
        (bad,) = rows_of(night / "failures.csv")
        assert (bad["case"], bad["code"]) == ("bad", "NOT_AN_IMAGE")
        states = {row["case"]: row["state"] for row in rows_of(night / "cases.csv")}
        assert states == {"bad": "failed", **dict.fromkeys(CASES, "done")}
        for name in CASES:
            assert (night / f"segmentations/{name}.nii.gz").exists()
            assert (night / f"thumbnails/{name}.png").exists()
        assert {row["case"] for row in rows_of(night / "scores.csv")} == {*CASES}
        assert {row["tolerance_mm"] for row in rows_of(night / "scores.csv")} == {"2.0"}
        assert {row["case"] for row in rows_of(night / "volumes.csv")} == {*CASES}
        assert "phantom_001" in (night / "index.html").read_text()

    def test_the_same_again_does_only_what_failed(self, night, tiny_model, capsys):
        cases = night.parent / "cases.csv"
        settings = ("--overlap", 0, "--tolerance-mm", 2)
        words = words_of(cases, tiny_model, night, *settings)
        assert medseg_command(*words, "--dry-run") == 0
        assert capsys.readouterr().out == "3 cases, 1 of them to be done\n"
        assert medseg_command(*words[:-4], "--dry-run") == 0
        told = capsys.readouterr()
        assert told.out == "3 cases, 3 of them to be done\n"
        assert "overlap was 0.0, is 0.5; tolerance_mm was 2" in told.err

    def test_the_end_names_the_page(self, night, capsys):
        assert medseg_command("cohort", "merge", night) == EXIT_PARTLY_DONE
        assert capsys.readouterr().out.endswith(f"-> {night / 'index.html'}\n")

    def test_status_tells_counts_and_why(self, night, capsys):
        assert medseg_command("cohort", "status", night) == 0
        told = capsys.readouterr().out
        assert told.startswith("3 cases: 0 waiting, 0 running, 2 done, 1 failed\n")
        assert "not done, or not scored: NOT_AN_IMAGE 1\n" in told
        assert "bad   NOT_AN_IMAGE  " in told

    def test_watching_ends_when_nobody_works_on_what_is_left(
        self, night, tmp_path, capsys
    ):
        killed = shutil.copytree(night, tmp_path / "killed")
        journal = killed / "journal.jsonl"
        lines = journal.read_text().splitlines()
        begun = max(at for at, line in enumerate(lines) if '"started"' in line)
        journal.write_text("\n".join([*lines[: begun + 1], ""]))

        assert medseg_command("cohort", "status", killed, "--watch") == 0

        told = capsys.readouterr().out
        assert "0 running" in told
        assert "nobody works on it now" in told

    def test_watching_ends_when_nothing_is_left_to_do(self, night, capsys):
        assert medseg_command("cohort", "status", night, "--watch") == 0
        assert capsys.readouterr().out.count("3 cases:") == 1

    def test_merge_writes_the_same_tables_anew(self, night, capsys):
        before = {path.name: path.read_bytes() for path in night.glob("*.[ch]*")}
        for name in ("scores.csv", "volumes.csv", "cases.csv", "index.html"):
            (night / name).unlink()

        assert medseg_command("cohort", "merge", night) == EXIT_PARTLY_DONE

        assert "1 failed" in capsys.readouterr().out
        after = {path.name: path.read_bytes() for path in night.glob("*.[ch]*")}
        assert after == before

    def test_what_may_be_shared_names_no_path(self, night):
        """Only the list of cases does, and it is not needed to read the results."""
        telling = {
            path.name
            for path in night.rglob("*")
            if path.is_file() and str(DATASET).encode() in path.read_bytes()
        }
        assert telling == {"manifest.csv"}


class TestAList:
    def test_it_is_written_from_a_folder_and_runs(self, tiny_model, tmp_path, capsys):
        out = tmp_path / "cases.csv"
        words = ("cohort", "list", DATASET, "-m", tiny_model, "-o", out)

        assert medseg_command(*words) == 0

        assert capsys.readouterr().out == f"10 cases -> {out}\n"
        assert len(rows_of(out)) == 10
        words = words_of(out, tiny_model, tmp_path / "out", "--dry-run")
        assert medseg_command(*words) == 0
        assert capsys.readouterr().out == "10 cases, 10 of them to be done\n"
        assert not (tmp_path / "out").exists()

    def test_all_its_faults_are_told_at_once(self, tiny_model, tmp_path, capsys):
        cases = write_list(
            tmp_path, *good_rows(), good_rows()[0], "a b,gone.nii.gz,,", "c,,,"
        )
        words = words_of(cases, tiny_model, tmp_path / "out")

        assert medseg_command(*words) == 1

        lines = capsys.readouterr().err.splitlines()
        assert sum(line.startswith("fault: ") for line in lines) == 4
        assert lines[-1].startswith("INVALID_MANIFEST: the list of cases has 4 faults")
        assert f"[{cases}]" in lines[-1]
        assert not (tmp_path / "out").exists()

    def test_one_without_a_case_is_named(self, tiny_model, tmp_path, capsys):
        cases = write_list(tmp_path)
        assert medseg_command(*words_of(cases, tiny_model, tmp_path / "out")) == 1
        error = capsys.readouterr().err
        assert f"the list of cases is empty [{cases}]" in error


@pytest.fixture
def refused(capsys, tmp_path):
    """Run a command that must fail; give its exit code and its one line."""

    def refused(*words):
        before = sorted(tmp_path.rglob("*"))
        code = medseg_command(*words)
        lines = capsys.readouterr().err.strip().splitlines()
        told = [line for line in lines if not line.startswith(("note: ", "fault: "))]
        assert len(told) == 1, lines
        assert sorted(tmp_path.rglob("*")) == before, "something was left behind"
        name, _, rest = told[0].partition(": ")
        return code, name, rest

    return refused


class TestWrongUse:
    @pytest.mark.parametrize(
        ("more", "name"),
        [
            (("--shard", "0/4"), "--shard"),
            (("--shard", "5/4"), "--shard"),
            (("--shard", "half"), "--shard"),
            (("--shard", "-1/4"), "--shard"),
            (("--executor", "dask"), "--scheduler"),
            (("--executor", "slurm"), "slurm"),
            (("--workers", 0), "--workers"),
            (("--workers", -2), "--workers"),
            (("--time-limit-s", -1), "--time-limit-s"),
            (("--time-limit-s", "nan"), "--time-limit-s"),
            (("--memory-limit-gib", 0), "--memory-limit-gib"),
            (("--grace-s", "inf"), "--grace-s"),
            (("--overlap", 2), "overlap"),
            (("--tolerance-mm", -3), "tolerance"),
            (("--format", "docx"), "docx"),
            (("--colour", "red"), "--colour"),
            (("-m", "hippocampus", "--save-probabilities"), "--save-probabilities"),
        ],
    )
    def test_an_option_that_cannot_be(self, refused, tiny_model, tmp_path, more, name):
        cases = write_list(tmp_path, *good_rows())
        code, error, line = refused(
            *words_of(cases, tiny_model, tmp_path / "out", *more)
        )
        assert (code, error) == (2, "INVALID_OPTION")
        assert name in line

    def test_a_model_that_is_not_there(self, refused, tmp_path):
        cases = write_list(tmp_path, *good_rows())
        words = words_of(cases, "no-such-model", tmp_path / "out")
        assert refused(*words)[:2] == (2, "UNKNOWN_MODEL")

    def test_a_second_model_that_is_not_there(self, refused, tiny_model, tmp_path):
        cases = write_list(tmp_path, *good_rows())
        for option in ("-m", "--region-model"):
            words = words_of(cases, tiny_model, tmp_path / "out", option, "none")
            assert refused(*words)[:2] == (2, "UNKNOWN_MODEL")

    def test_a_folder_with_something_else_in_it(self, refused, tiny_model, tmp_path):
        cases = write_list(tmp_path, *good_rows())
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / "thesis.docx").write_bytes(b"chapter 1")
        words = words_of(cases, tiny_model, tmp_path / "home")
        assert refused(*words)[:2] == (2, "OUTPUT_EXISTS")

    def test_a_file_for_the_results(self, refused, tiny_model, tmp_path):
        cases = write_list(tmp_path, *good_rows())
        assert refused(*words_of(cases, tiny_model, cases))[:2] == (2, "OUTPUT_EXISTS")

    def test_a_list_that_is_there_already(self, refused, tiny_model, tmp_path):
        cases = write_list(tmp_path, *good_rows())
        words = ("cohort", "list", DATASET, "-m", tiny_model, "-o", cases)
        assert refused(*words)[:2] == (2, "OUTPUT_EXISTS")


class TestUnusableInput:
    def test_nothing_there(self, refused, tiny_model, tmp_path):
        words = words_of(tmp_path / "gone", tiny_model, tmp_path / "out")
        assert refused(*words)[:2] == (1, "NOT_FOUND")
        words = words_of(tmp_path / "gone.csv", tiny_model, tmp_path / "out")
        assert refused(*words)[:2] == (1, "NOT_FOUND")

    def test_an_empty_folder(self, refused, tiny_model, tmp_path):
        (tmp_path / "empty").mkdir()
        words = words_of(tmp_path / "empty", tiny_model, tmp_path / "out")
        assert refused(*words)[:2] == (1, "EMPTY_FOLDER")

    def test_an_empty_list(self, refused, tiny_model, tmp_path):
        words = words_of(write_list(tmp_path), tiny_model, tmp_path / "out")
        code, name, line = refused(*words)
        assert (code, name) == (1, "INVALID_MANIFEST")
        assert "empty" in line

    def test_a_scan_instead_of_a_list(self, refused, tiny_model, tmp_path):
        scan = tmp_path / "scan.nii.gz"
        shutil.copy(DATASET / "imagesTr/phantom_000.nii.gz", scan)
        words = words_of(scan, tiny_model, tmp_path / "out")
        assert refused(*words)[:2] == (1, "INVALID_MANIFEST")

    @pytest.mark.parametrize("command", ["status", "merge"])
    def test_a_folder_that_is_no_cohort(self, refused, tmp_path, command):
        assert refused("cohort", command, tmp_path)[:2] == (1, "NOT_FOUND")
        assert refused("cohort", command, tmp_path / "gone")[:2] == (1, "NOT_FOUND")

    def test_a_damaged_model(self, refused, tiny_model, tmp_path):
        shutil.copytree(tiny_model, tmp_path / "damaged")
        (tmp_path / "damaged/model.json").write_text("{")
        cases = write_list(tmp_path, *good_rows())
        words = words_of(cases, tmp_path / "damaged", tmp_path / "out")
        assert refused(*words)[:2] == (1, "DAMAGED_MODEL")


class TestWhatIsTold:
    def status(self, failures=0, **more):
        return medseg.CohortStatus(
            states=(("a", CaseState.DONE), ("b", CaseState.WAITING)),
            failures=tuple(
                CaseFailure(
                    case_id=f"case_{number:03}",
                    code=ErrorCode.TIMED_OUT if number % 3 else ErrorCode.WORKER_DIED,
                    what="it was not done after 60 s",
                    remedy="Look at it.",
                )
                for number in range(failures)
            ),
            **{
                "cases_per_hour": None,
                "seconds_left": None,
                "is_worked_on": True,
                **more,
            },
        )

    def test_whether_anybody_works_on_what_is_left(self):
        assert "nobody works on it now" not in status_lines(self.status())
        idle = self.status(is_worked_on=False)
        assert "nobody works on it now" in status_lines(idle)

    @pytest.mark.parametrize(
        ("seconds", "words"),
        [(30, "under 1 min"), (60, "about 1 min"), (18061, "about 5 h 1 min")],
    )
    def test_speed_and_time_left(self, seconds, words):
        status = self.status(cases_per_hour=1234.5, seconds_left=float(seconds))
        assert list(status_lines(status))[1] == (f"1234 cases an hour, {words} left")

    def test_what_is_over_has_a_speed_and_no_time_left(self):
        for left in (0.0, None):
            status = self.status(cases_per_hour=80.0, seconds_left=left)
            assert list(status_lines(status))[1] == "80 cases an hour"

    def test_a_slow_cohort_has_a_speed_too(self):
        status = self.status(cases_per_hour=0.4, seconds_left=9000.0)
        assert list(status_lines(status))[1].startswith("0.4 cases an hour")

    def test_of_many_failures_the_first_are_listed_and_all_counted(self):
        lines = "\n".join(status_lines(self.status(failures=50)))
        assert "not done, or not scored: TIMED_OUT 33, WORKER_DIED 17" in lines
        assert "case_019" in lines
        assert "case_020" not in lines
        assert lines.endswith("and 30 more, see failures.csv")
