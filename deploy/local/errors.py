"""What can go wrong with the local stack, named after what the reader can do about it.

LocalStackError         str(error) is one line, fit to be shown as it is
├── MissingTool         install it: the line holds the command; a CLI exits with 2
├── FetchFailed         look at the network or the registry's mirror
├── PortTaken           free the port or ask for another
└── StackFailed         read the log file that the line names
"""


class LocalStackError(Exception):
    """Anything that keeps the local stack from running; its text is a single line."""


class MissingTool(LocalStackError):
    """A program that the stack needs isn't installed, or is too old."""


class FetchFailed(LocalStackError):
    """Maven or npm ran and could not bring what was asked."""


class PortTaken(LocalStackError):
    """A port that was asked for is in use."""


class StackFailed(LocalStackError):
    """A process of the stack ended or did not answer in time."""
