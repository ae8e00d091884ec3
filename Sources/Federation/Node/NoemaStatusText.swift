internal import FederationConfig
internal import FederationCore

/// A node's status in the form of the Noema tool `federation_status` (Noema section 2.6).
enum NoemaStatusText {
    static func of(_ report: StatusReport) -> String {
        var lines = ["Cortex: \(report.identity.name)", "Mode: \(report.identity.mode.rawValue)", "Access: open", ""]
        if report.peers.isEmpty { lines.append("Federation: not configured (no peers)") }
        if !report.peers.isEmpty {
            lines += ["Peers: \(report.peers.count)", "Interval: \(report.interval.shortText)", ""]
        }
        var names = [report.identity.id: "\(report.identity.name) (local)"]
        for peer in report.peers {
            if let pin = peer.pin.flatMap({ ULID($0) }) { names[pin] = peer.entry.name }
            lines += [
                "  \(peer.entry.name)",
                "    endpoint:   \(peer.entry.endpoint?.url ?? "(comes to us)")",
                "    mode:       \(peer.entry.mode.rawValue)",
                "    cortex_id:  \(peer.pin ?? "(unverified)")",
                "    last_seen:  \(peer.lastSeen ?? "(never)")",
                "    last_event: \(peer.lastEvent ?? "(none)")",
            ]
        }
        if !report.clock.isEmpty { lines += ["", "Vector Clock:"] }
        for (origin, counter) in report.clock.sorted {
            lines.append("  \(origin) [\(names[origin] ?? "(unknown peer)")]: \(counter)")
        }
        if report.divergences > 0 { lines += ["", "Unresolved Divergences: \(report.divergences)"] }
        return lines.joined(separator: "\n")
    }
}
