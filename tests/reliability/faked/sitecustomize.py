"""For processes under libfaketime: `time.sleep` by `select`.

Where the library leaves the monotonic clock alone, as a real jump does, it makes the absolute sleep on it, which
`time.sleep` is, an invalid argument.
"""

import select
import time


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep  # type: ignore[assignment]  # whole numbers are floats here
