"""What stops producing as a whole; wrong lines do not, they are rejects."""


class ProducingError(Exception):
    """Nothing (more) can be produced; the message is one line. The operator must act."""


class InputError(ProducingError):
    """What was given can't be used, as an unreadable file; nothing was sent. A line for each. The caller must act."""
