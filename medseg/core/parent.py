"""No process goes on working for a parent that is gone."""

import ctypes
import os
import signal
import sys
import threading
from multiprocessing import connection, parent_process

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent() -> None:
    """Have this process end as soon as the one that started it has.

    Linux does so even while a library hangs and holds Python's own lock, and as soon
    as the thread has ended that started this process. Elsewhere a thread waits for it.
    """
    parent = parent_process()
    if parent is None:
        return
    threading.Thread(target=_wait_for_end, args=(parent.sentinel,), daemon=True).start()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent.pid:  # it had ended before it was asked for
            os._exit(1)


def _wait_for_end(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
