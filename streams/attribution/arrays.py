"""Types of arrays, and a division that says what nothing is."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]
#: A scipy.sparse matrix, of which scipy has no types.
Matrix: TypeAlias = Any


def divided(part: Floats, whole: Floats) -> Floats:
    """``part / whole``, 0 where ``whole`` is 0 or less; ``whole`` may have a column for all of ``part``'s."""
    quotient: Floats = np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
    return quotient


def of_total(parts: Floats) -> Floats:
    """Shares of each row's sum, all 0 where it is 0 or less."""
    return divided(parts, parts.sum(axis=1, keepdims=True))
