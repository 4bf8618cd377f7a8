"""A device with little memory."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class LittleMemory(TorchDispatchMode):
    """While it is entered, no tensor of more than so many numbers can be made.

    Args:
        most: Numbers; views of larger tensors are no matter.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.refused = 0

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        """Run an operator, unless it makes what does not fit."""
        result = func(*args, **(kwargs or {}))
        for made in result if isinstance(result, tuple | list) else (result,):
            if isinstance(made, Tensor) and self._is_too_large(made, args):
                self.refused += 1
                raise torch.OutOfMemoryError("it is full")
        return result

    def _is_too_large(self, made: Tensor, given: Sequence[Any]) -> bool:
        there = {
            each.untyped_storage().data_ptr()
            for each in given
            if isinstance(each, Tensor)
        }
        is_view = made.untyped_storage().data_ptr() in there
        return made.numel() > self.most and not is_view
