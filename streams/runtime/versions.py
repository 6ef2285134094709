"""Versions of rows: the writer's source offset, with the log's epoch in the high 16 bits.

The highest version of a key wins. When a topic is made anew its offsets begin at 0 again; a raised epoch (the setting
OMNIJOURNEY_LOG_EPOCH) keeps new rows above old ones.
"""

from __future__ import annotations

OFFSET_BITS = 48


def version_of(epoch: int, offset: int) -> int:
    """``epoch`` and ``offset`` as one rising number."""
    return epoch << OFFSET_BITS | offset
