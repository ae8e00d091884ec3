import FederationCore

/// How far a node is behind a peer, and how a backfill goes, in words. What nobody knows is said to be unknown.
enum LagText {
    static func rows(_ peer: JSON) -> [[String]] {
        var rows: [[String]] = []
        if peer["endpoint"] != nil { rows.append(["  behind", behind(peer["lag"])]) }
        if let progress = peer["progress"] { rows.append(["  catching up", catchingUp(progress)]) }
        return rows
    }

    static func behind(_ lag: JSON?) -> String {
        guard let lag else { return "(unknown)" }
        let asOf = lag.isTrue("current") ? "" : ", as of \(lag.text("observed_at"))"
        guard lag.count("events") > 0 else { return "nothing" + asOf }
        var parts = [counted(lag.count("events"), "event")]
        var unknown: [String] = []
        if lag["bytes"] != nil { parts.append(byteText(lag.count("bytes"))) } else { unknown.append("size") }
        if lag["seconds"] != nil {
            parts.append("the oldest \(ProgressText.time(.seconds(lag.count("seconds")))) old")
        } else {
            unknown.append("age")
        }
        if !unknown.isEmpty { parts.append(unknown.joined(separator: " and ") + " unknown") }
        return parts.joined(separator: ", ") + asOf
    }

    static func catchingUp(_ progress: JSON) -> String {
        let (pulled, remaining) = (progress.count("pulled"), progress["remaining"]?.integer)
        var text = remaining.map { "\(grouped(pulled)) of \(grouped(pulled + $0)) events" } ?? counted(pulled, "event")
        if let rate = progress["events_per_second"].flatMap({ Double(String(decoding: $0.raw, as: UTF8.self)) }) { text += ", \(ProgressText.rate(rate))" }
        if let left = progress["seconds_to_go"]?.integer, left > 0 {
            text += ", about \(ProgressText.time(.seconds(left))) to go"
        }
        return text
    }
}
