"""Text that came from outside, as a terminal may be given it."""


def printable(text: str) -> str:
    """``text`` of the same length with ``?`` for what a terminal could take as a command; line ends stay."""
    return text if text.isprintable() else "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
