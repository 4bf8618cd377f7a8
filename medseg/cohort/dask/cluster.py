"""A dask cluster: which of its workers can be used, and what to say if none can."""

import logging
import sys
import time
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from distributed import Client
from distributed.client import AllExit
from distributed.versions import VersionMismatchWarning, get_versions

from medseg.cohort.dask.worker import end_process
from medseg.core.errors import ErrorCode, MedSegError, UnusableInput, WrongUse

_ANSWER_S = 10.0
_CONNECT_S = 10.0
_END_S = 60.0
_LOOK_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Seat:
    """A worker that can be used.

    Attributes:
        address: By which the scheduler knows it.
        threads: Of the processor, that are meant for it.
    """

    address: str
    threads: int


@dataclass(frozen=True, kw_only=True)
class Crew:
    """The workers of a cluster, as they are now.

    Attributes:
        usable: Those that can be given a case.
        others: Why the others cannot.
    """

    usable: tuple[Seat, ...] = ()
    others: Mapping[str, MedSegError] = field(default_factory=dict)

    @property
    def addresses(self) -> frozenset[str]:
        """Of all."""
        return frozenset({seat.address for seat in self.usable} | self.others.keys())


class Cluster:
    """A cluster as the executor sees it.

    Args:
        client: Connected to its scheduler.
        resources: What a worker must have.
    """

    def __init__(self, client: Client, resources: Mapping[str, float]) -> None:
        self.client = client
        self.resources = resources
        self._versions: dict[str, MedSegError | None] = {}
        self._unready: dict[str, MedSegError] = {}
        self._crew = Crew()
        self._looked_s = -_LOOK_S

    @property
    def is_lost(self) -> bool:
        """Whether the scheduler can no longer be spoken to."""
        return bool(self.client.status != "running")

    @property
    def refusal(self) -> MedSegError | None:
        """Why there is nobody to work who has tried to, if nobody else is there."""
        refusals = [self._unready.get(address) for address in self._crew.addresses]
        return refusals[0] if refusals and None not in refusals else None

    def leave_out(self, address: str, error: MedSegError) -> None:
        """Use a worker no more: it cannot do the work."""
        self._unready[address] = error
        self._looked_s = -_LOOK_S

    def crew(self) -> Crew:
        """The workers there are; looked up anew every half second."""
        if time.monotonic() - self._looked_s >= _LOOK_S:
            found: Mapping[str, Any] = self.client.scheduler_info(n_workers=-1)
            self._crew = self._crew_of(found["workers"])
            self._looked_s = time.monotonic()
        return self._crew

    def end(self, addresses: Collection[str]) -> None:
        """Stop at once what workers do; those with a nanny begin anew."""
        if self.is_lost or not addresses:
            return
        workers = self.client.scheduler_info(n_workers=-1)["workers"]
        there = [address for address in addresses if address in workers]
        watched = [address for address in there if workers[address]["nanny"]]
        others = [address for address in there if address not in watched]
        if watched:
            self.client.restart_workers(watched, timeout=_END_S, raise_for_error=False)
        if others:
            with suppress(OSError):  # it ends before it can answer
                self.client.run(end_process, workers=others, on_error="ignore")

    def _crew_of(self, workers: Mapping[str, Any]) -> Crew:
        self._compare_versions(workers)
        others: dict[str, MedSegError] = {}
        usable = []
        for address, told in workers.items():
            error = self._trouble_with(address, told)
            if error is None:
                usable.append(Seat(address=address, threads=told["nthreads"]))
            else:
                others[address] = error
        return Crew(usable=tuple(usable), others=others)

    def _trouble_with(
        self, address: str, told: Mapping[str, Any]
    ) -> MedSegError | None:
        for trouble in (self._unready, self._versions):
            if error := trouble.get(address):
                return error
        if address not in self._versions:
            return _unusable(address, "it has not answered yet", "Wait for it.")
        for name, amount in self.resources.items():
            if told["resources"].get(name, 0) < amount:
                return _unusable(
                    address,
                    f"it has not {name}={amount:g}",
                    f"Start workers with --resources {name}={amount:g}.",
                )
        if told["status"] != "running":
            return _unusable(
                address,
                f"it is {told['status']}, which dask does for want of memory",
                "Give workers a larger --memory-limit.",
            )
        return None

    def _compare_versions(self, addresses: Collection[str]) -> None:
        """Ask those that are new; one that does not answer is asked again."""
        new = [address for address in addresses if address not in self._versions]
        scheduler = self.client.scheduler
        if not new or scheduler is None:
            return
        try:
            told: Mapping[str, Any] = self.client.sync(
                scheduler.broadcast,
                msg={"op": "versions", "packages": ["medseg"]},
                workers=new,
                on_error="ignore",
                callback_timeout=_ANSWER_S,
            )
        except TimeoutError:
            return
        for address, answer in told.items():
            self._versions[address] = _other_version(address, answer["packages"])


def _other_version(address: str, packages: Mapping[str, str]) -> MedSegError | None:
    """What is wrong with a worker that runs something else than this machine."""
    python, there = packages["python"], packages["medseg"]
    here = get_versions(packages=["medseg"])["packages"]["medseg"]
    if python.split(".")[:2] != [str(number) for number in sys.version_info[:2]]:
        what = f"it runs Python {python}"
    elif there != here:
        what = f"it has MedSeg {there}, and this machine {here}"
    else:
        return None
    remedy = "Start workers in the same environment as this command."
    return _unusable(address, what, remedy)


@contextmanager
def connected(scheduler: str) -> Iterator[Client]:
    """A client of the scheduler, for as long as the block lasts.

    Raises:
        WrongUse: NO_CLUSTER.
    """
    with _unheard_client():
        try:
            with warnings.catch_warnings():  # versions are compared by `Cluster`
                warnings.simplefilter("ignore", VersionMismatchWarning)
                client = Client(scheduler, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:  # TimeoutError is an OSError
            raise WrongUse(
                ErrorCode.NO_CLUSTER,
                "no dask scheduler answers there",
                where=scheduler,
                remedy="Start one with dask scheduler, and give the address it prints.",
            ) from error
        with client:
            yield client


@contextmanager
def _unheard_client() -> Iterator[None]:
    """Without the tracebacks that a client of dask logs when its scheduler is gone."""
    leave_out_early_exits()
    log = logging.getLogger("distributed.client")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)


def leave_out_early_exits() -> None:
    """Have asyncio log no traceback where dask stops waiting for a lost result.

    For good, as asyncio logs it whenever Python happens to clear the task away.
    """
    logging.getLogger("asyncio").addFilter(_is_of_interest)


def _is_of_interest(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], AllExit))


def lost(scheduler: str) -> MedSegError:
    """The scheduler was there, and is no more."""
    return UnusableInput(
        ErrorCode.NO_CLUSTER,
        "the dask scheduler is gone",
        where=scheduler,
        remedy="Start a cluster and run again: what is done is not done twice.",
    )


def _unusable(address: str, what: str, remedy: str) -> MedSegError:
    return UnusableInput(
        ErrorCode.NO_CLUSTER,
        f"this worker cannot be used: {what}",
        where=address,
        remedy=remedy,
    )
