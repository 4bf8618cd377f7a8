"""What is measured in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

MEASURED = """
import time
from medseg.bench.memory import with_whole_peak

def work():
    print("begun", flush=True)
    time.sleep(600)

if __name__ == "__main__":
    with_whole_peak(work)
"""


def test_it_ends_when_the_command_is_killed(tmp_path):
    script = tmp_path / "measured.py"
    script.write_text(MEASURED)
    with subprocess.Popen(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == "begun\n"
        command.kill()
        rest, _ = command.communicate(timeout=60)  # which waits for all who could write
    assert rest == ""
