"""Processes that train one network together.

Each draws its share of every batch. What the loss is made of is summed over all of
them, and so are the gradients, so that every process takes the step that one process
with the whole batch would take.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

from medseg.core.errors import ErrorCode, MedSegError, WrongUse
from medseg.core.progress import Cancelled
from medseg.core.settings import Device

_Item = TypeVar("_Item")
_LONGEST_WAIT = timedelta(days=2)  # the first process prepares a whole dataset


@dataclass(frozen=True, kw_only=True)
class Team:
    """One process among those that train together; most often the only one.

    Attributes:
        rank: Which one this is, from 0.
        size: How many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files and shows progress."""
        return self.rank == 0

    def share_of(self, items: Sequence[_Item]) -> Sequence[_Item]:
        """Those of the items that are this process's to work on."""
        return items[self.rank :: self.size]

    def summed(self, sums: Tensor) -> Tensor:
        """Sums over all processes, with the gradient of this one's part."""
        if self.size == 1:
            return sums
        total = sums.detach().clone()
        distributed.all_reduce(total)
        return sums + (total - sums.detach())

    def add_gradients(self, network: nn.Module) -> None:
        """Give every process the sum of all gradients, the same to the last bit."""
        if self.size == 1:
            return
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def agreed(self, item: _Item) -> _Item:
        """The first process's item, in all of them."""
        if self.size == 1:
            return item
        items = [item]
        distributed.broadcast_object_list(items)
        return items[0]

    def any_of(self, flag: bool) -> bool:  # noqa: FBT001
        """Whether it is so in any of the processes, in all of them."""
        if self.size == 1:
            return flag
        return any(self.gathered([flag]))

    def gathered(self, share: Sequence[_Item]) -> list[_Item]:
        """What all processes have made of their shares."""
        if self.size == 1:
            return list(share)
        shares: list[Sequence[_Item]] = [()] * self.size
        distributed.all_gather_object(shares, share)
        return list(chain.from_iterable(shares))

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            distributed.barrier()

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """The block in the first process, and only then in the others.

        Raises:
            MedSegError: In all of them, what the first one's block raised.
            Cancelled: Likewise.
        """
        failure: MedSegError | Cancelled | None = None
        if not self.is_first and (failure := self.agreed(failure)) is not None:
            raise failure
        try:
            yield
        except (MedSegError, Cancelled) as error:
            failure = error
            raise
        finally:
            if self.is_first:
                self.agreed(failure)


@contextmanager
def assembled_team() -> Iterator[Team]:
    """The processes that `torchrun` has started; without it this one alone."""
    if distributed.is_initialized():
        yield Team(rank=distributed.get_rank(), size=distributed.get_world_size())
        return
    if not distributed.is_torchelastic_launched():
        yield Team()
        return
    distributed.init_process_group(_backend(), timeout=_LONGEST_WAIT)
    try:
        yield Team(rank=distributed.get_rank(), size=distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


def own_device(device: Device, team: Team) -> Device:
    """The device of this process: of several on one machine each takes its own GPU.

    Raises:
        WrongUse: NO_SUCH_DEVICE, in every process, when some have a GPU of their own
            and others none; INVALID_OPTION for one GPU named for all of them.
    """
    if team.size == 1 or device == "cpu" or not distributed.is_torchelastic_launched():
        return device
    if device != "auto":
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"{device} is one GPU for {team.size} processes",
            where="--device",
            remedy="Leave it out: each process takes a GPU of its own "
            "(CUDA_VISIBLE_DEVICES chooses among them).",
        )
    place = distributed.get_node_local_rank()
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    served = sum(team.gathered([place < gpus]))
    if served == 0:
        return device
    if served < team.size:
        raise WrongUse(
            ErrorCode.NO_SUCH_DEVICE,
            f"{team.size} processes, and GPUs for {served} of them",
            where="--device",
            remedy="Start as many processes on a machine as it has GPUs "
            "(--nproc-per-node), or add --device cpu.",
        )
    torch.cuda.set_device(place)
    return Device(f"cuda:{place}")


def _backend() -> str:
    """What carries sums between processes, on either kind of device.

    Left to itself PyTorch takes NCCL alone where there is a GPU, and it carries nothing
    that lies in main memory.
    """
    has_nccl = torch.cuda.is_available() and distributed.is_nccl_available()
    return "cpu:gloo,cuda:nccl" if has_nccl else "gloo"
