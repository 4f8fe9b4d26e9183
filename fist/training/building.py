"""Models built of settings that somebody else may have written."""

import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

BYTES, TENSORS, CALLS = 64 << 20, 10_000, 5_000_000
"""What building any model may take."""
PER_BYTE, PER_TENSOR = 16, 100
"""What it may take besides, for every byte and for every tensor of the weights."""


class Bounded(TorchDispatchMode):
    """While it lasts, what is made is bounded by the weights that it is made for.

    Every tensor is counted before there is memory for it, and so is every call of a function: a
    ValueError ends the building of a model that is too large, or never done, whatever its class.
    """

    def __init__(self, weights: Mapping[str, Tensor]):
        super().__init__()
        self.bytes = BYTES + PER_BYTE * sum(value.nbytes for value in weights.values())
        self.tensors, self.calls = TENSORS + PER_TENSOR * len(weights), CALLS

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing here is compiled; to say so takes PyTorch's compiler: 2 s of imports

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func._schema.is_mutable:
            return func(*args, **kwargs)
        try:
            made = self._planned(func, args, kwargs)
        except (RuntimeError, TypeError):  # one whose result's shape depends on its values
            made = func(*args, **kwargs)
        tensors = [part for part in tree_leaves(made) if isinstance(part, Tensor)]
        self.bytes -= sum(part.numel() * part.itemsize for part in tensors)
        self.tensors -= len(tensors)
        if self.bytes < 0 or self.tensors < 0:
            raise ValueError("its settings ask for much more than the weights hold")
        return func(*args, **kwargs)

    def _planned(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Return what a function would make, on a device that has shapes and no memory."""
        shapes, others = tree_map_only(Tensor, lambda value: value.to("meta"), (args, kwargs))
        others |= {"device": torch.device("meta")} if "device" in kwargs else {}
        others |= {"generator": None} if "generator" in kwargs else {}
        sys.setprofile(None)  # what PyTorch imports for it is no call of the model's
        try:
            return func(*shapes, **others)
        finally:
            sys.setprofile(self._called)

    def _called(self, frame: FrameType, event: str, argument: Any) -> None:
        self.calls -= 1
        if self.calls < 0:
            raise ValueError(f"its settings ask for more than {CALLS} calls")

    def __enter__(self) -> Any:
        self.profiler = sys.getprofile()
        sys.setprofile(self._called)
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        sys.setprofile(self.profiler)
        super().__exit__(*error)
