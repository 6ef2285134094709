"""What stops producing as a whole; wrong lines do not, they are rejects."""


class ProducingError(Exception):
    """Nothing (more) can be produced; the message is one line. The operator must act."""


class InputError(ProducingError):
    """A file cannot be read or written; nothing was sent. One line for each file. The caller must act."""
