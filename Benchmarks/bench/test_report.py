#!/usr/bin/env python3
"""The report says what was measured: medians, ratios within turns, goals met and missed; and its plots are XML."""

import json, tempfile, unittest
import xml.etree.ElementTree as XML
from pathlib import Path

import fit, goals, report, svg


def run(rate: float, per_cpu: float) -> dict:
    return {"events_per_second": rate, "events_per_cpu_second": per_cpu, "seconds": 1.0, "follower_mb": 60.0}


def results() -> dict:
    unsigned = {
        "federation": [run(30, 9), run(10, 9), run(20, 9)],
        goals.STREAMED: [run(15, 18), run(20, 18), run(40, 18)],
    }
    return {
        "size": 3,
        "pairs": 3,
        "machine": {
            "date": "then",
            "cpu": "a <cpu>",
            "cores": 2,
            "memory_gb": 4,
            "system": "Debian",
            "kernel": "6.1",
            "file_system": "ext4",
            "load_at_begin": 0.1,
            "flush_us": 100,
            "ed25519_verifies_per_core": 1000,
            "versions": {"federation": "0"},
        },
        "workloads": [{"name": "unsigned", "title": "A & B", "facts": {}, "runs": unsigned, "notes": ["A note."]}],
    }


class ReportTests(unittest.TestCase):
    def test_ratios_are_taken_within_turns(self):
        # Of the medians it would be 20 / 20.
        self.assertEqual(goals.ratios(results()["workloads"][0], "events_per_second", goals.STREAMED), [2.0, 0.5, 0.5])

    def test_goals_are_met_missed_or_not_measured(self):
        found = {each.what: each.met for each in goals.table(results())}
        self.assertIs(found["the same per CPU second, both ends"], False)
        self.assertIs(found["ring of three, 80 creates in 8 s: memory of all"], None)
        better = results()
        for each in better["workloads"][0]["runs"]["federation"]:
            each["events_per_cpu_second"] = 18
        self.assertIs({each.what: each.met for each in goals.table(better)}["the same per CPU second, both ends"], True)

    def test_what_reconciling_costs_is_read_from_its_own_report(self):
        self.assertIs(goals.reconcile().met, True)
        with tempfile.TemporaryDirectory() as directory:
            other = Path(directory) / "other.md"
            other.write_text("| 1 M | 10,000 | scattered | 3 | 1 | 1 | 9 | 9 | 10 | 10 | 0.9 | 0.9 |\n")
            self.assertIs(goals.reconcile(other).met, False)
            other.write_text("")
            self.assertIs(goals.reconcile(other).met, None)

    def test_files_are_written(self):
        with tempfile.TemporaryDirectory() as directory:
            report.write(results(), Path(directory), "name")
            text = (Path(directory) / "name.md").read_text()
            self.assertIn("| federation | 20 (10–30) |", text)
            self.assertIn("0.50 (0.50–2.00)", text)
            self.assertIn("**missed**", text)
            self.assertIn("![A & B](name-unsigned.svg)", text)
            self.assertEqual(json.loads((Path(directory) / "name.json").read_text())["size"], 3)
            XML.parse(Path(directory) / "name-unsigned.svg")

    def test_plots_hold_their_points(self):
        for logarithmic in (False, True):
            text = svg.lines("T", "x", "y", [("one", [(10, 3), (1000, 250)])], logarithmic=logarithmic)
            circles = XML.fromstring(text).iter("{http://www.w3.org/2000/svg}circle")
            for circle in circles:
                self.assertTrue(0 <= float(circle.get("cx")) <= 780 and 0 <= float(circle.get("cy")) <= 346)
        self.assertEqual(svg.ticks(0), [0, 1])
        self.assertGreaterEqual(svg.ticks(123_456)[-1], 123_456)

    def test_fits_find_the_law_that_points_follow(self):
        cube = fit.power([(size, 5 * size**3) for size in (1, 10, 100, 1000)])
        self.assertAlmostEqual(cube.exponent, 3)
        self.assertAlmostEqual(cube.factor, 5)
        straight = fit.line([(1, 12), (2, 14), (4, 18)])
        self.assertAlmostEqual(straight.at(10), 30)
        self.assertLess(fit.line([(1, 1), (2, 9), (3, 2), (4, 8)]).r2, 0.9)


if __name__ == "__main__":
    unittest.main()
