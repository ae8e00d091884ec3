internal import FederationCore

extension NodeMetrics {
    /// One of each for a replayer of the configuration; `reason` is one of the fixed codes.
    var replayerFamilies: [MetricFamily] {
        guard !replayers.isEmpty else { return [] }
        var up = MetricFamily("federation_replayer_up", .gauge, "1 where the replayer does its work.")
        var lag = MetricFamily("federation_replayer_lag_events", .gauge, "Places of the log that it has yet to deal with.")
        var flight = MetricFamily("federation_replayer_in_flight_events", .gauge, "Events that it has and has not answered.")
        var parked = MetricFamily("federation_replayer_parked_records", .gauge, "Records whose events wait for a person.")
        var retrying = MetricFamily(
            "federation_replayer_retrying_records", .gauge, "Records whose events are given again in a while.")
        var starts = MetricFamily("federation_replayer_starts", .counter, "How often its program was started.")
        var settled = MetricFamily("federation_replayer_events", .counter, "Events that it has dealt with.")
        var refused = MetricFamily("federation_replayer_refusals", .counter, "Events that it has refused, by why.")
        var failures = MetricFamily("federation_replayer_failures", .counter, "How often its program failed, by why.")
        for replayer in replayers {
            let (labels, status) = (["replayer": replayer.name], replayer.status)
            up.add(status.state == .running ? 1 : 0, labels)
            lag.add(Double(replayer.behind), labels)
            flight.add(Double(status.inFlight), labels)
            parked.add(Double(status.parked), labels)
            retrying.add(Double(status.retrying), labels)
            starts.add(Double(status.tally.starts), labels)
            settled.add(Double(status.tally.settled), labels)
            for code in ProgramMessage.Refusal.Code.allCases {
                guard let count = status.tally.refusals[code] else { continue }
                refused.add(Double(count), ["replayer": replayer.name, "reason": code.rawValue])
            }
            for code in ReplayerFault.codes {
                guard let count = status.tally.faults[code] else { continue }
                failures.add(Double(count), ["replayer": replayer.name, "reason": code])
            }
        }
        return [up, lag, flight, parked, retrying, starts, settled, refused, failures]
    }
}
