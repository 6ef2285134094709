"""A ClickHouse server made of the library `libchdb.so`, in a process of its own (`python -m`, five arguments).

Theory of operation: the library runs clickhouse-local, which can listen while a query of it runs. The query here opens
the two listeners and then reads lines from a FIFO whose writing end this process holds: it waits for as long as the
FIFO is open. SIGTERM closes it, the query reaches its end, shuts the listeners, and the library flushes and returns.

What is ugly: a native handshake that fails (wrong user, unknown database) aborts the whole process, so a supervisor
must stand behind it. Development and tests only.
"""

import ctypes
import os
import signal
import sys
import threading
from pathlib import Path

from deploy.local.probes import DATABASE


class _Result(ctypes.Structure):
    """The library's result of a query, as its C header declares it; only the error is read."""

    _fields_ = (
        ("buffer", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("vector", ctypes.c_void_p),
        ("elapsed", ctypes.c_double),
        ("rows_read", ctypes.c_uint64),
        ("bytes_read", ctypes.c_uint64),
        ("error", ctypes.c_char_p),
    )


def serving_query(fifo: Path) -> str:
    """The query that listens until `fifo` is closed by its writer; the database is there before anyone can connect."""
    path = str(fifo).replace("\\", "\\\\").replace("'", "\\'")
    wait = f"SELECT count() FROM file('{path}', 'LineAsString', 'line String')"  # noqa: S608 - a path of ours, escaped
    return (
        f"CREATE DATABASE IF NOT EXISTS {DATABASE} ENGINE = Atomic; SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; "
        f"{wait} SETTINGS max_execution_time = 0 FORMAT Null; SYSTEM STOP LISTEN TCP; SYSTEM STOP LISTEN HTTP"
    )


def serve(library: Path, data: Path, config: Path, port: int, http_port: int) -> int:
    """Serve on 127.0.0.1 until SIGTERM or SIGINT. Returns the exit code: 0, or 1 after an error of the library."""
    fifo = data.with_name(data.name + ".ctl")
    fifo.unlink(missing_ok=True)
    os.mkfifo(fifo, 0o600)
    # Opened for both directions: a writing end alone would wait for the reader, which may fail before it opens.
    hold = os.open(fifo, os.O_RDWR | os.O_CLOEXEC)
    errors: list[str] = []
    options = [f"--config-file={config}", f"--path={data}", "--listen_host=127.0.0.1"]
    ports = [f"--tcp_port={port}", f"--http_port={http_port}"]
    argv = ["clickhouse", *options, *ports, f"--query={serving_query(fifo)}"]
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())

    def run_query() -> None:
        _run(library, argv, errors)
        ending.set()

    query = threading.Thread(target=run_query, name="query")
    query.start()
    ending.wait()
    os.close(hold)
    while query.is_alive():
        # A query that opens the FIFO only now would wait for a writer for ever.
        _touch_writing_end(fifo)
        query.join(0.05)
    fifo.unlink(missing_ok=True)
    for error in errors:
        sys.stderr.write(f"clickhouse ended: {error}\n")
    return 1 if errors else 0


def _touch_writing_end(fifo: Path) -> None:
    try:
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:  # no reader
        return


def _run(library: Path, argv: list[str], errors: list[str]) -> None:
    query = ctypes.CDLL(str(library)).query_stable_v2
    query.argtypes = [ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)]
    query.restype = ctypes.POINTER(_Result)
    arguments = (ctypes.c_char_p * len(argv))(*(argument.encode() for argument in argv))
    result = query(len(argv), arguments)
    if result and result.contents.error:
        errors.append(result.contents.error.decode(errors="replace"))


if __name__ == "__main__":
    _library, _data, _config, _port, _http_port = sys.argv[1:]
    sys.exit(serve(Path(_library), Path(_data), Path(_config), int(_port), int(_http_port)))
