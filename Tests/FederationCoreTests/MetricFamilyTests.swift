import FederationCore
import Testing

@Suite struct MetricFamilyTests {
    private func text(_ family: MetricFamily, _ format: MetricFamily.Format = .prometheus) -> String {
        MetricFamily.text([family], as: format)
    }

    @Test func aCounterIsNamedAsEachFormatNamesIt() {
        var family = MetricFamily("federation_polls", .counter, "Polls.")
        family.add(3, ["peer": "beta"])
        #expect(
            text(family) == """
                # HELP federation_polls_total Polls.
                # TYPE federation_polls_total counter
                federation_polls_total{peer="beta"} 3

                """)
        #expect(
            text(family, .openMetrics) == """
                # HELP federation_polls Polls.
                # TYPE federation_polls counter
                federation_polls_total{peer="beta"} 3
                # EOF

                """)
    }

    @Test func nothingThatALabelHoldsBreaksALine() {
        var family = MetricFamily("g", .gauge, "A \\ and\na line.")
        family.add(0.5, ["b": "a\"b\\c\nd", "a": "ü"])
        #expect(
            text(family) == """
                # HELP g A \\\\ and\\na line.
                # TYPE g gauge
                g{a="ü",b="a\\"b\\\\c\\nd"} 0.5

                """)
    }

    @Test func aFamilyWithoutSamplesIsLeftOut() {
        #expect(text(MetricFamily("g", .gauge, "None.", nil)).isEmpty)
        #expect(text(MetricFamily("g", .gauge, "None.", nil), .openMetrics) == "# EOF\n")
    }

    @Test func aHistogramCountsUpwards() {
        var histogram = MetricFamily.Histogram(bounds: [0.1, 1, 10])
        for value in [0.05, 0.1, 0.5, 5, 50] { histogram.observe(value) }
        var family = MetricFamily("d_seconds", .histogram, "How long.")
        family.add(histogram, ["peer": "beta"])
        #expect(
            text(family) == """
                # HELP d_seconds How long.
                # TYPE d_seconds histogram
                d_seconds_bucket{peer="beta",le="0.1"} 2
                d_seconds_bucket{peer="beta",le="1"} 3
                d_seconds_bucket{peer="beta",le="10"} 4
                d_seconds_bucket{peer="beta",le="+Inf"} 5
                d_seconds_sum{peer="beta"} 55.65
                d_seconds_count{peer="beta"} 5

                """)
    }

    @Test func theFormatIsWhatIsAskedFor() {
        #expect(MetricFamily.Format(accept: nil) == .prometheus)
        #expect(MetricFamily.Format(accept: "text/plain;version=0.0.4") == .prometheus)
        let scraper = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
        #expect(MetricFamily.Format(accept: scraper) == .openMetrics)
    }

    @Test func pollsAreCountedByHowTheyEnded() {
        func report(_ result: PollReport.Result, took: Duration? = .seconds(1)) -> PollReport {
            var report = PollReport(peer: "beta", result: result)
            report.took = took
            report.outcome.applied = 2
            return report
        }
        var counts = PollCounts()
        counts.count(report(.complete))
        counts.count(report(.failed(.transport(.refused))))
        counts.count(report(.failed(.transport(.refused))))
        counts.count(report(.paused))
        var held = report(.complete)
        held.isHold = true
        counts.count(held)
        var brought = PageOutcome()
        brought.refused = 1
        counts.count(brought, from: "beta")
        let beta = counts["beta"]
        #expect(beta.succeeded == 2 && beta.failures == [.networkRefused: 2])
        #expect(beta.outcome.applied == 8 && beta.outcome.refused == 1)
        var family = MetricFamily("d", .histogram, "d")
        family.add(beta.took, [:])
        #expect(text(family).contains("d_count 3"), "a poll that waits for news is not measured")
        counts.keep(only: ["gamma"])
        #expect(counts == PollCounts())
    }
}
