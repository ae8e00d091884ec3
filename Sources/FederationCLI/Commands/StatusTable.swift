import FederationCore

/// A status on one screen: a line for each peer.
enum StatusTable {
    static func text(_ status: JSON) -> String {
        let node = status["node"]
        let daemon = status.isTrue("running") ? "running" : "no daemon"
        var lines = ["\(node?.text("name") ?? "")  \(status.text("state")), \(daemon)  \(StatusText.brief(status))"]
        let aside = ["held", "refused", "deferred"].filter { status.count($0) > 0 }.map { "\(grouped(status.count($0))) \($0)" }
        if !aside.isEmpty { lines.append("⚠ \(aside.joined(separator: ", ")): see 'federation quarantine list'") }
        if status.count("divergences") > 0 {
            lines.append("⚠ \(counted(status.count("divergences"), "divergence")): see 'federation divergences'")
        }
        lines += StatusText.alarms(status)
        let peers = status.items("peers")
        guard !peers.isEmpty else { return (lines + ["", "no peers"]).joined(separator: "\n") }
        let rows = peers.map { peer in
            [mark(peer) + peer.text("name"), state(peer), behind(peer), peer.text("last_success"), problem(peer)]
        }
        lines += ["", columns([["  PEER", "STATE", "BEHIND", "LAST SUCCESS", ""]] + rows)]
        return lines.joined(separator: "\n")
    }

    private static func mark(_ peer: JSON) -> String { peer["last_error"] == nil ? "  " : "⚠ " }

    private static func state(_ peer: JSON) -> String {
        if peer.isTrue("comes_to_us") { return "comes to us" }
        return peer.text("state").isEmpty ? peer.text("mode") : peer.text("state")
    }

    private static func behind(_ peer: JSON) -> String {
        if peer.isTrue("comes_to_us") { return "" }
        if let progress = peer["progress"] { return LagText.catchingUp(progress) }
        return LagText.behind(peer["lag"])
    }

    private static func problem(_ peer: JSON) -> String {
        guard let error = peer["last_error"] else { return "" }
        let failures = peer.count("consecutive_failures")
        let often = failures > 0 ? ", \(counted(failures, "time"))" : ""
        let next = peer.text("next_poll_in").isEmpty ? "" : ", next in \(peer.text("next_poll_in"))"
        return "\(error.text("reason"))\(often)\(next): see 'federation why \(peer.text("name"))'"
    }
}
