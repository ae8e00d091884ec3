"""A clock of its own for one program, which is set while it runs: Debian's libfaketime."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
from pathlib import Path


class FakeClock:
    """The wall clock of whatever is started with `environment`; what counts durations is left alone."""

    def __init__(self, file: Path) -> None:
        """`file` says how far the clock is off; libfaketime reads it once a second."""
        self._file = file
        self.set(0)

    def set(self, offset: int) -> None:
        """So many seconds from the machine's clock, from at most a second from now on."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{offset:+d}\n")
        new.replace(self._file)

    @property
    def environment(self) -> dict[str, str]:
        library = self.library()
        if library is None:
            raise FileNotFoundError("libfaketime")
        return {
            # The C library's own malloc comes before jemalloc, with which libfaketime does not get past its start (its issue
            # 130): jemalloc asks for the time while it allocates, and libfaketime allocates while it looks for the time.
            "LD_PRELOAD": f"{library} libc.so.6",
            "FAKETIME_TIMESTAMP_FILE": str(self._file), "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1",
            # Without it the library sets a variable of its own, which moves `environ`; a Swift program finds its
            # arguments beside that, and has none then.
            "FAKETIME_SHARED": "none none",
        }

    @staticmethod
    def library() -> str | None:
        """Where the library is, for programs with threads; installed where that may be done."""
        pattern = "/usr/lib/*/faketime/libfaketimeMT.so.1"
        if not glob.glob(pattern) and os.geteuid() == 0 and shutil.which("apt-get"):
            subprocess.run(
                ["apt-get", "install", "-y", "--no-install-recommends", "faketime"], capture_output=True, check=False)
        return next(iter(glob.glob(pattern)), None)
