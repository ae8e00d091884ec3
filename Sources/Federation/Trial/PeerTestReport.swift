internal import FederationConfig
internal import FederationCore

/// The facts of a test of an address.
struct PeerTestReport: Sendable {
    var entry: Config.Peer
    var trial: PeerTrial
    var hasNode: Bool
    var isKeyWithheld = false
    var wires: [WireName] = []
    var standing = PeerStandingHere()
    var sample: PreviewSample?
    /// Names that a peer cannot have.
    var taken: Set<String> = []

    private var isOk: Bool { trial.fault == nil && standing.keyStanding(trial.identity) != "differs" }

    var json: [UInt8] {
        jsonObject { writer in
            writer.member("endpoint", entry.endpoint?.url ?? "")
            writer.member("has_node", hasNode)
            if isKeyWithheld { writer.member("key_withheld", true) }
            var report = TrialReport(entry: entry, trial: trial)
            report.isWithheld = isKeyWithheld
            report.members(&writer, isOk: isOk)
            writer.member("configured_as", standing.configuredAs)
            guard trial.identity != nil else { return }
            standing.members(trial.identity, &writer)
            writer.member("wires", wires.map(\.rawValue))
            log(&writer)
            if let sample, !standing.isOurselves {
                if sample.outcome.foundOwnFuture { writer.member("stops_node", true) }
                writer.key("sample")
                writer.object {
                    $0.member("read", trial.page?.items.count ?? 0)
                    sample.members(&$0)
                }
            }
            if !standing.isOurselves, standing.configuredAs.isEmpty { add(&writer) }
        }
    }

    /// How much the peer has, as far as it says.
    private func log(_ writer: inout JSONWriter) {
        guard let page = trial.page, let rest = page.rest,
            let events = LogRest.total(read: Int64(page.items.count), rest: rest.events)
        else { return }
        writer.key("log")
        writer.object {
            $0.member("events", events)
            // The page's own bytes are known as they came: as JSON, which has the names of the members as well.
            if let bytes = rest.bytes { $0.member("bytes_after_sample", bytes) }
        }
    }

    /// What adds it: the command, and the entry that this writes.
    private func add(_ writer: inout JSONWriter) {
        guard let peer = trial.identity, let endpoint = entry.endpoint else { return }
        let isFree = PeerName.isValid(peer.name) && !taken.contains(peer.name)
        let name = isFree ? peer.name : "NAME"
        var lines = ["- name: \(name)", "  endpoint: \(endpoint.url)", "  id: \(peer.id)"]
        if let key = peer.publicKey.flatMap({ PublicKey($0) }) { lines.append("  pubkey: \(key.text)") }
        writer.key("add")
        writer.object {
            $0.member("command", "federation add-peer \(name) \(endpoint.url) --id \(peer.id)")
            $0.member("yaml", lines.joined(separator: "\n") + "\n")
        }
    }
}
