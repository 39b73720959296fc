"""Where a training computes: on the processor, or on a GPU where torch sees one.

Weights and what meets them live there; all that is stored, served or told is numpy. Batches are cut on the processor.
"""

from typing import TYPE_CHECKING, Literal

from tailorbird.errors import InvalidConfig
from tailorbird.types import Array

if TYPE_CHECKING:
    from torch import Tensor, device

Wanted = Literal["auto", "cpu", "cuda"]


def device_of(wanted: Wanted) -> "device":
    """The device that is wanted; with ``auto`` a GPU where torch sees one, and else the processor.

    Raises:
        InvalidConfig: a GPU is wanted, and torch sees none.
    """
    import torch

    has_gpu = torch.cuda.is_available()
    if wanted == "cuda" and not has_gpu:
        raise InvalidConfig(
            "device is 'cuda', but torch sees no GPU here.",
            hint="Set device to 'auto' or 'cpu', or install a torch built for CUDA and the driver it asks for.",
        )
    return torch.device("cuda" if has_gpu and wanted != "cpu" else "cpu")


def beside(there: "Tensor", array: Array) -> "Tensor":
    """The array as a tensor on the device on which another is."""
    import torch

    return torch.from_numpy(array).to(there.device)
