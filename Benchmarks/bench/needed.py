"""Says what is not installed before anything fails for want of it."""

import sys
from importlib.util import find_spec

missing = [name for name in ("cryptography", "psycopg2", "redis") if find_spec(name) is None]
if missing:
    sys.exit(
        f"{sys.executable} has no {', '.join(missing)}: Benchmarks/bench/setup installs what is needed, "
        "for Debian's own /usr/bin/python3"
    )
