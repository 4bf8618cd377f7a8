"""Networks without memory: names and shapes alone, before a plan is believed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_FIRST_VALUES = {
    *(Tensor.normal_, Tensor.uniform_, Tensor.fill_, Tensor.zero_),
    *(Tensor.mul_, Tensor.add_, Tensor.clamp_, Tensor.erfinv_),
}
_OF_VALUES = {torch.linspace, torch.arange}
"""Made for their values, which a network looks at while it is built."""


class _Sketching(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func in _FIRST_VALUES:  # there is nothing to fill
            return args[0]
        given = dict(kwargs or {})
        if func in _OF_VALUES:
            given.setdefault("device", "cpu")
        return func(*args, **given)


@contextmanager
def sketching() -> Iterator[None]:
    """Networks built within have parameters of the right shapes, but no values."""
    with torch.device("meta"), _Sketching():
        yield
