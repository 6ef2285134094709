"""What wheels bring along beside their own code, under which licence; read by hand in the licence file of each wheel.

Listed are the shared libraries of `*.libs` folders, and what the licence files of numpy, scipy and matplotlib name; a
test holds both equal to what is installed. What others link into their own libraries (C++ in pyarrow, RocksDB in
rocksdict, crates in what is written in Rust) is not listed here.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Runtime libraries of the compiler. The exception lets anything be linked to libgfortran; libquadmath is a file of its
#: own that whoever has it may replace. Neither asks anything of our code.
RUNTIME = {
    "libgfortran": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libquadmath": "LGPL-2.1-or-later",
}
#: Allowed here and for nothing else, besides `components.ALLOWED`.
ALLOWED_BUNDLED = frozenset(
    {
        *RUNTIME.values(),
        *("BSD-3-Clause-Open-MPI", "Bitstream-Charter", "FTL", "IJG", "LicenseRef-BaKoMa", "LicenseRef-Qhull"),
        *("LicenseRef-Yorick", "LicenseRef-public-domain"),
        *("MIT-Modern-Variant", "MIT-open-group", "OFL-1.1", "X11", "libpng-2.0", "libtiff"),
    }
)
_BLAS = "BSD-3-Clause AND BSD-3-Clause-Open-MPI"  # OpenBLAS, and LAPACK in it

#: Of alternatives (FreeType and zstd may be had under the GPL too) the one that we take.
BUNDLED: Mapping[str, Mapping[str, str]] = {
    "matplotlib": {
        "AMS Fonts": "OFL-1.1",
        "BaKoMa Fonts": "LicenseRef-BaKoMa",
        "ColorBrewer Color Schemes": "Apache-2.0",
        "Courier 10": "Bitstream-Charter",
        "FreeType": "FTL",
        "HarfBuzz": "MIT-Modern-Variant",
        "JSXTools resize observer": "CC0-1.0",
        "Last Resort fonts": "OFL-1.1",
        "libraqm": "MIT",
        "QHull": "LicenseRef-Qhull",
        "Qt4 Editor": "MIT",
        "SheenBidi": "Apache-2.0",
        "Solarized": "MIT",
        "Stix fonts": "OFL-1.1",
        "Yorick Colormaps": "LicenseRef-Yorick",
    },
    "numpy": {**RUNTIME, "libscipy_openblas64_": _BLAS},
    "pillow": {
        "libXau": "MIT-open-group",
        "libavif": "BSD-2-Clause AND BSD-3-Clause",  # with AOM, dav1d and libyuv in it
        "libbrotlicommon": "MIT",
        "libbrotlidec": "MIT",
        "libfreetype": "FTL",
        "libharfbuzz": "MIT-Modern-Variant",
        "libjpeg": "IJG",
        "liblcms2": "MIT",
        "liblzma": "LicenseRef-public-domain",
        "libopenjp2": "BSD-2-Clause",
        "libpng16": "libpng-2.0",
        "libsharpyuv": "BSD-3-Clause",
        "libtiff": "libtiff",
        "libwebp": "BSD-3-Clause",
        "libwebpdemux": "BSD-3-Clause",
        "libwebpmux": "BSD-3-Clause",
        "libxcb": "X11",
        "libzstd": "BSD-3-Clause",
    },
    "scipy": {**RUNTIME, "libscipy_openblas": _BLAS},
}
