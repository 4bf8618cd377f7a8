"""A thread in which oneDNN can make kernels."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from medseg.preprocessing import spoils_thread

Result = TypeVar("Result")


class CleanThread:
    """Runs networks in the caller's thread until oneDNN fails there, then in a new one.

    In a thread in which oneDNN had no memory for a kernel it can make none ever after:
    the error is kept with the thread and taken for that of each later kernel (mended by
    https://github.com/uxlfoundation/oneDNN/pull/5907, which PyTorch 2.13 is without).
    """

    def __init__(self) -> None:
        self._own: ThreadPoolExecutor | None = None

    def run(self, work: Callable[[], Result]) -> Result:
        """Do some work, a second time where the thread may have been to blame.

        Raises:
            RuntimeError: That of the work, or when no thread can be started.
        """
        try:
            return self._run(work)
        except RuntimeError as error:
            if not spoils_thread(error):
                raise
        self._renew()
        try:
            return self._run(work)
        except RuntimeError as error:
            if spoils_thread(error):
                self._renew()
            raise

    def rest(self) -> None:
        """End the new thread, if there is one."""
        if self._own is not None:
            self._own.shutdown()

    def _run(self, work: Callable[[], Result]) -> Result:
        return work() if self._own is None else self._own.submit(work).result()

    def _renew(self) -> None:
        self.rest()
        self._own = ThreadPoolExecutor(max_workers=1)
