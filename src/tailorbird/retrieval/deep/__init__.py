"""What the neural channels have in common: batches, blocks, the training loop, the way to ONNX.

Training needs torch and onnx, serving onnxruntime, and the base installation has none of them. So every module here can
be imported without them, and each function imports what it needs. Weights are a plain mapping of names to tensors (or
arrays, once trained): what the loop improves, the checkpoint stores and the export writes is the same mapping.
"""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from tailorbird.errors import NotInstalled

TRAINING: Final = ("torch", "onnx", "onnxruntime")
SERVING: Final = ("onnxruntime",)


def needed(packages: Sequence[str], extra: str, purpose: str) -> list[Any]:
    """These packages, imported.

    Raises:
        NotInstalled: one of them is not there; the remedy names the extra of Tailorbird that brings it.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise NotInstalled(
            f"{purpose} needs {', '.join(missing)}, which is not installed.",
            hint=f"`pip install 'tailorbird[{extra}]'`.",
        )
    return [import_module(name) for name in packages]
