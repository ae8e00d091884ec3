#!/usr/bin/env python3
"""Drives our negentropy-harness against another implementation's, in both roles.

    negentropy_driver.py OURS OTHER [--pairs 1000] [--seed 1]

Both are programs that speak the line protocol of the reference's test driver (docs/negentropy.md). For each pair of
random sets, OURS and OTHER meet in both roles without frame limits, with one side limited and with both; every session
must end and find exactly the difference. Every tenth pair is also run OURS against OURS with TRUNCATION=reference and
OTHER against OTHER, and the two transcripts must be equal byte for byte; a difference there is an error only with
--transcripts, since only the reference itself must agree in truncated messages.
"""
import argparse
import os
import random
import subprocess
import sys

MOST_ROUNDS = 20_000


class Side:
    """One process of the line protocol."""

    def __init__(self, program, items, limit, truncation="safe"):
        environment = dict(os.environ, FRAMESIZELIMIT=str(limit), TRUNCATION=truncation)
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)
        lines = [f"item,{time},{identity}\n" for time, identity in items]
        self.write("".join(lines) + "seal\n")

    def write(self, text):
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the process ended")
        return line.rstrip("\n")

    def end(self):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def session(initiator, responder, limits):
    """Runs a session; returns what was found and all messages."""
    have, need, messages = set(), set(), []
    initiator.write("initiate\n")
    while True:
        line = initiator.line()
        kind, _, value = line.partition(",")
        if kind == "have":
            have.add(value)
        elif kind == "need":
            need.add(value)
        elif kind == "done":
            return have, need, messages
        elif kind == "msg":
            check(messages, value, limits[0])
            responder.write(line + "\n")
            answer = responder.line()
            if not answer.startswith("msg,"):
                raise RuntimeError(f"the responder said {answer[:80]!r}")
            check(messages, answer[4:], limits[1])
            initiator.write(answer + "\n")
        else:
            raise RuntimeError(f"the initiator said {line[:80]!r}")


def check(messages, message, limit):
    if limit and messages and len(message) // 2 > limit:
        raise RuntimeError(f"a message of {len(message) // 2} bytes with a limit of {limit}")
    messages.append(message)
    if len(messages) > 2 * MOST_ROUNDS:
        raise RuntimeError("the session does not end")


def random_pair(numbers):
    """Two sets of any likeness: spread or bunched, with equal, small or 64-bit timestamps."""
    size = numbers.choice([numbers.randint(0, 60), numbers.randint(0, 600), numbers.randint(0, 5000)])
    times = numbers.choice([
        lambda index: 1677970534 + numbers.randrange(max(size, 1)),
        lambda index: 1_700_000_000_000 + index * 977,
        lambda index: 5,
        lambda index: numbers.choice([0, 1, 2**63, 2**64 - 2, numbers.randrange(2**64 - 1)]),
    ])
    stem = "%064x" % numbers.getrandbits(256)
    prefix = numbers.choice([0, 0, 0, 16])
    only = numbers.choice([0, 0.01, 0.05, 0.3, 0.5])
    runs = numbers.random() < 0.4
    owner, a, b = 2, [], []
    for index in range(size):
        item = (times(index), stem[:prefix] + ("%064x" % numbers.getrandbits(256))[prefix:])
        if not runs or numbers.random() < 0.05:
            drawn = numbers.random()
            owner = 0 if drawn < only else 1 if drawn < 2 * only else 2
        if owner != 1:
            a.append(item)
        if owner != 0:
            b.append(item)
    return a, b


def run(first, second, pair, limits, truncation="safe"):
    initiator = Side(first, pair[0], limits[0], truncation)
    responder = Side(second, pair[1], limits[1], truncation)
    try:
        return session(initiator, responder, limits)
    finally:
        initiator.end()
        responder.end()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ours")
    parser.add_argument("other")
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--transcripts", action="store_true")
    options = parser.parse_args()
    numbers = random.Random(options.seed)
    sessions = wrong = compared = unlike = 0
    for number in range(options.pairs):
        pair = random_pair(numbers)
        expected = ({i for _, i in pair[0]} - {i for _, i in pair[1]}, {i for _, i in pair[1]} - {i for _, i in pair[0]})
        limit = numbers.choice([4096, 4096, numbers.randint(4096, 70_000)])
        for limits in ((0, 0), (limit, 0), (0, limit), (limit, limit)):
            for first, second in ((options.ours, options.other), (options.other, options.ours)):
                sessions += 1
                try:
                    have, need, _ = run(first, second, pair, limits)
                    problem = None if (have, need) == expected else f"found {len(have)} + {len(need)}"
                except (RuntimeError, OSError) as error:
                    problem = str(error)
                if problem:
                    wrong += 1
                    print(f"pair {number}, limits {limits}, initiator {first}: {problem}", flush=True)
            if number % 10 == 0:
                compared += 1
                ours = run(options.ours, options.ours, pair, limits, "reference")[2]
                if ours != run(options.other, options.other, pair, limits)[2]:
                    unlike += 1
        if number % 100 == 99:
            print(f"{number + 1} pairs, {sessions} sessions, {wrong} wrong", flush=True)
    print(f"{sessions} sessions, {wrong} wrong; {compared} transcripts compared, {unlike} unlike")
    sys.exit(1 if wrong or (options.transcripts and unlike) else 0)


if __name__ == "__main__":
    main()
