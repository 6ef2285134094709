"""How the changelog of a stage's state is called: as Faust calls a table's."""

from __future__ import annotations

#: The name of a stage's one table.
STATE = "state"


def changelog_of(stage: str) -> str:
    """The changelog topic of the state of ``stage``."""
    return f"{stage}-{STATE}-changelog"
