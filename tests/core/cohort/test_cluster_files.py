"""The files to copy, and the pages about them, fit the command they call."""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from medseg.cli.app import run

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
SCRIPTS = sorted((DOCS / "cluster").iterdir())
ARRAY = DOCS / "cluster" / "medseg-array.sbatch"
NOT_OURS = {
    "--parsable",
    "--array",
    "--dependency",
    "--wrap",
    "--gpus",
    "--gres",
    "--mem",
}
DASK_OWN = {"--nworkers", "--nthreads", "--resources", "--no-dashboard", "--port"}

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="a shell script")


@pytest.fixture(scope="module")
def known_options():
    """All that medseg cohort's commands say of themselves."""
    return {
        command: set(re.findall(r"--[a-z][a-z-]+", help_of(command)))
        for command in ("run", "list", "status", "merge")
    }


def help_of(command):
    text = io.StringIO()
    with redirect_stdout(text):
        assert run(["cohort", command, "--help"]) == 0
    return text.getvalue()


def commands_in(text):
    """The words of every `medseg cohort` in a text, continued lines put together."""
    joined = text.replace("\\\n", " ")
    found = re.findall(r"medseg\"? cohort (run|list|status|merge)([^\n`]*)", joined)
    return [(command, words.split("#")[0]) for command, words in found]


@pytest.mark.parametrize(
    "path",
    [*SCRIPTS, DOCS / "cohorts.md", DOCS / "large_cohorts.md", ROOT / "README.md"],
    ids=lambda path: path.name,
)
def test_every_option_of_cohort_is_one_it_has(path, known_options):
    for command, words in commands_in(path.read_text(encoding="utf-8")):
        asked = set(re.findall(r"(?<!\S)--[a-z][a-z-]+", words))
        assert asked <= known_options[command], (command, words)


def test_options_named_in_the_guide_exist(known_options):
    text = re.sub(r"```.*?```", "", (DOCS / "cohorts.md").read_text(), flags=re.DOTALL)
    named = set(re.findall(r"`[^`]*?(--[a-z][a-z-]+)[^`]*`", text))
    ours = set().union(*known_options.values())
    assert named - NOT_OURS - DASK_OWN <= ours


def test_the_dask_scripts_give_what_the_executor_wants():
    for name in ("dask-ssh.sh", "dask_slurm.py"):
        text = (DOCS / "cluster" / name).read_text()
        assert set(re.findall(r"--(?:executor|scheduler|resource)\b", text)) == {
            "--executor",
            "--scheduler",
            "--resource",
        }


@posix_only
@pytest.mark.parametrize("path", [p for p in SCRIPTS if p.suffix != ".py"], ids=str)
def test_the_shell_reads_the_scripts(path):
    subprocess.run(["bash", "-n", str(path)], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", str(path)], check=True)


@posix_only
class TestTheArrayScript:
    """With a stand-in for Slurm; what it starts is a stand-in for a long run."""

    @pytest.fixture
    def task(self, tmp_path):
        (tmp_path / "bin").mkdir()

        def command(name, *lines):
            path = tmp_path / "bin" / name
            path.write_text("\n".join(["#!/bin/bash", *lines, ""]))
            path.chmod(0o755)

        command("srun", 'while [[ "$1" == --* ]]; do shift; done', 'exec "$@"')
        command("scontrol", f'echo "$@" >> {tmp_path}/scontrol')

        def start(*medseg):
            command("medseg", f'echo "$@" > {tmp_path}/words', *medseg)
            environment = {
                **os.environ,
                "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
                "SLURM_ARRAY_TASK_ID": "2",
                "SLURM_ARRAY_JOB_ID": "77",
                "SLURM_CPUS_PER_TASK": "4",
            }
            words = ["bash", str(ARRAY), "8", "my cases.csv", "liver", "out"]
            return subprocess.Popen(words, env=environment, cwd=tmp_path)

        return start

    def test_it_runs_its_part_and_ends_as_the_run_does(self, task, tmp_path):
        assert task("exit 3").wait() == 3
        assert (tmp_path / "words").read_text().split(" --") == [
            "cohort run my cases.csv",
            "model liver",
            "out out",
            "shard 2/8",
            "grace-s 60\n",
        ]
        assert not (tmp_path / "scontrol").exists()

    def test_told_to_end_it_lets_the_run_end_and_is_put_back(self, task, tmp_path):
        process = task(
            f"trap 'sleep 1; touch {tmp_path}/ended; exit 130' TERM",
            f"touch {tmp_path}/begun",
            "while true; do sleep 0.1; done",
        )
        while not (tmp_path / "begun").exists():
            assert process.poll() is None
            time.sleep(0.05)

        process.send_signal(signal.SIGTERM)

        assert process.wait() == 130
        assert (tmp_path / "ended").exists()
        assert (tmp_path / "scontrol").read_text() == "requeue 77_2\n"


def test_the_page_about_a_large_cohort_shows_what_the_script_prints():
    script = DOCS / "plan_large_cohort.py"
    printed = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True
    ).stdout
    page = (DOCS / "large_cohorts.md").read_text(encoding="utf-8")
    for part in printed.strip().split("\n\n"):
        assert part in page


def test_the_arithmetic_of_a_large_cohort_is_that_of_a_small_one():
    """One case an hour on one device, all the time, is a case an hour."""
    words = "--cases 10 --devices 1 --gpu-seconds 3600 --efficiency 1 --scan-mb 36"
    printed = subprocess.run(
        [sys.executable, str(DOCS / "plan_large_cohort.py"), *words.split()],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows = {
        cells[1].strip(): cells[2].strip()
        for line in printed.splitlines()
        if len(cells := line.split("|")) > 4
    }
    assert rows["device hours"] == "10"
    assert rows["hours on 1"] == "10"
    assert rows["cases an hour"] == "1"
    assert rows["read, MB/s a device"] == "0.0"
    assert rows["cost, in the currency of the price"] == "20"


def test_the_readme_leads_to_the_guide(capsys):
    assert "docs/cohorts.md" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert run(["cohort", "--help"]) == 0
    assert "run" in capsys.readouterr().out
