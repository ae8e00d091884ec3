"""What is said while measurements run: to standard error, with the time since the beginning."""

import sys, time

BEGUN = time.monotonic()


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGUN:7.1f} s  {text}", file=sys.stderr, flush=True)
