"""How the threads of one computation wait for one another."""

import os


def let_threads_sleep() -> None:
    """Have threads of OpenMP sleep where they wait for one another, and not spin.

    A thread that spins takes the processor from the one that it waits for wherever
    there is more to do than there are processors: small scans then take ten times as
    long. Of use before torch is loaded; for this process and those that it starts.
    """
    os.putenv("OMP_WAIT_POLICY", "passive")
