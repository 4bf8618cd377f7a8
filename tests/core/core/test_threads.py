"""Threads that wait for one another without taking processors."""

import subprocess
import sys

CODE = """
import subprocess, sys
from medseg.core.threads import let_threads_sleep
let_threads_sleep()
told = "import os; print(os.environ['OMP_WAIT_POLICY'])"
subprocess.run([sys.executable, "-c", told], check=True)
"""


def test_libraries_that_are_loaded_later_are_told():
    done = subprocess.run(
        [sys.executable, "-c", CODE], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "passive"
