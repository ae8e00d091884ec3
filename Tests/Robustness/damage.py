#!/usr/bin/env python3
"""Overwrites random pages of a node's database, and looks whether it is noticed, left alone, and mended by `recover`.

    damage.py PROGRAM [--rounds 30] [--seed 1]

Two nodes have one log. One is stopped, and one to six pages of its database get random bytes or none: of tables, of indexes,
of what leads to them, at times the first page. Then: a daemon refuses to start on it and overwrites nothing; `recover` brings
back the very log that was there, keeps the damaged file as it is, and goes on as the same node; `verify --self` finds nothing;
what is written next reaches the other node. Exits 1 where any of it does not hold.
"""

from __future__ import annotations

import argparse
import collections
import random
import sys
import time
from pathlib import Path

from ring import DATABASE, Failure, Node, Ring

PAGE = 4096
KINDS = {0x02: "index interior", 0x05: "table interior", 0x0A: "index leaf", 0x0D: "table leaf"}


def overwrite(node: Node, chance: random.Random) -> list[str]:
    """Changes some pages in place, and says of which kind they were."""
    path = node.data / DATABASE
    bytes_ = path.read_bytes()
    # What is free is read by nobody, and what a row overflows into has nothing that SQLite could hold it to.
    used = [page for page in range(len(bytes_) // PAGE) if page == 0 or bytes_[page * PAGE] in KINDS]
    pages = chance.sample(used, chance.randint(1, 6))
    with path.open("r+b") as file:
        for page in pages:
            file.seek(page * PAGE)
            file.write(chance.randbytes(PAGE) if chance.random() < 0.6 else bytes(PAGE))
    return ["header" if page == 0 else KINDS[bytes_[page * PAGE]] for page in pages]


def damage(program: Path, chance: random.Random) -> list[str]:
    with Ring(program, ["alpha", "beta"], interval="200ms") as ring:
        alpha, beta = ring.nodes
        ring.start()
        events = alpha.put_many(60) + beta.put_many(20)
        records = [record["id"] for record in alpha.control("records")["records"]][:12]
        for record in records:
            events += alpha.put("# Edited\n\n" + "y" * 300 + "\n", id=record)
        if chance.random() < 0.5:
            alpha.control("purge", ids=[records[0]], request="purge")
        # Longer than a page.
        events += alpha.put("# Long\n\n" + "z" * 20_000 + "\n")
        ring.agree(60, events=events)
        wanted = sorted(alpha.event_ids())
        identity = alpha.command("identity", "show")["id"]
        alpha.stop()
        kinds = overwrite(alpha, chance)
        damaged = (alpha.data / DATABASE).read_bytes()
        refused = alpha.run("run", "--config", str(alpha.config), within=60)
        if refused.returncode != 1 or "the database is damaged" not in refused.stderr:
            raise Failure(f"{kinds}: a daemon on it: {refused.returncode} {refused.stderr}")
        if (alpha.data / DATABASE).read_bytes() != damaged:
            raise Failure(f"{kinds}: the damaged database was written to")
        facts = alpha.command("recover")
        if facts["id"] != identity or not facts["settled"]:
            raise Failure(f"{kinds}: {facts}")
        if (Path(facts["kept_in"]) / DATABASE).read_bytes() != damaged:
            raise Failure(f"{kinds}: what is kept is not what was there")
        if sorted(alpha.event_ids()) != wanted:
            raise Failure(f"{kinds}: another log than before: {facts}")
        alpha.integrity()
        alpha.start()
        ring.agree(60, events=[*wanted, *alpha.put("# After\n"), *beta.put("# After\n")])
        return kinds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path, help="the federation binary")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begun = time.monotonic()
    seen: collections.Counter[str] = collections.Counter()
    failed = 0
    for number in range(options.rounds):
        try:
            seen.update(damage(options.program, random.Random(f"{options.seed} {number}")))
        except Failure as failure:
            failed += 1
            print(f"round {number} of seed {options.seed}: {failure}", flush=True)
    pages = ", ".join(f"{count} {kind}" for kind, count in sorted(seen.items()))
    print(f"{options.rounds} databases, {failed} failed, {time.monotonic() - begun:.0f} s; pages: {pages}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
