"""The processes that train one model together, a GPU each; one process alone is a group of one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.distributed
from torch import Tensor, nn


@dataclass(frozen=True)
class Group:
    rank: int = 0
    size: int = 1
    device: str = "cpu"

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the group."""
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        torch.distributed.all_reduce(flat)
        flat /= self.size
        parts = flat.split([gradient.numel() for gradient in gradients])
        torch._foreach_copy_(gradients, [part.view_as(g) for part, g in zip(parts, gradients, strict=True)])

    def same(self, number: int) -> int:
        """The first process's number, in every process."""
        if self.size == 1:
            return number
        shared: Tensor = torch.tensor([number], device=self.device)
        torch.distributed.broadcast(shared, 0)
        return int(shared)

    def leave(self) -> None:
        if self.size > 1:
            torch.distributed.destroy_process_group()


def join_group(device: str) -> Group:
    """The group that ``torchrun`` started this process in, with a GPU of its own; or a group of one on ``device``."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Group(device=device)
    rank = int(os.environ["RANK"])
    own = f"cuda:{os.environ['LOCAL_RANK']}" if device.startswith("cuda") else device
    if own.startswith("cuda"):
        torch.cuda.set_device(own)
        torch.backends.cudnn.benchmark = True
    torch.distributed.init_process_group("nccl" if own.startswith("cuda") else "gloo")
    return Group(rank, size, own)
