internal import FederationConfig
internal import FederationCore
internal import FederationStore

/// The facts of a preview.
struct PreviewReport {
    let endpoint: String
    let machine: PreviewMachine
    let hasNode: Bool
    var sample: PreviewSample?
    var isKeyWithheld = false
    private var standing = PeerStandingHere()

    init(endpoint: String, machine: PreviewMachine, hasNode: Bool) {
        self.endpoint = endpoint
        self.machine = machine
        self.hasNode = hasNode
    }

    /// Looks up what this node knows of who answered.
    mutating func compare(with node: OpenedNode, endpoint: Endpoint) async throws(StoreFailure) {
        standing = try await PeerStandingHere(of: machine.identity, at: endpoint, in: node)
    }

    private var failure: ExchangeFailure? {
        if standing.keyStanding(machine.identity) == "differs" { return .identityMismatch }
        switch machine.ending {
        // It serves nothing to anybody: that is what it is, and no failure.
        case .failed(.peerServesNothing): return nil
        case .failed(let failure): return failure
        case .complete, .enough, nil: return nil
        }
    }

    /// About how many events the peer has.
    private var total: Int64? {
        let read = Int64(machine.items.count)
        if machine.ending == .complete { return read }
        return machine.remaining.flatMap { LogRest.total(read: read, rest: $0) }
    }

    var json: [UInt8] {
        jsonObject { writer in
            writer.member("endpoint", endpoint)
            writer.member("ok", failure == nil)
            if let failure { writer.member("reason", failure.reason.rawValue) }
            if case .transport(.forbiddenAddress(let kind)) = failure { writer.member("refused_address", kind.rawValue) }
            writer.member("has_node", hasNode)
            if isKeyWithheld { writer.member("key_withheld", true) }
            if let wire = machine.wire { writer.member("wire", wire.rawValue) }
            if let peer = machine.identity { self.peer(peer, &writer) }
            writer.member("configured_as", standing.configuredAs)
            if let total { writer.member("events", total) }
            if let sample, machine.identity != nil, !standing.isOurselves {
                if sample.outcome.foundOwnFuture { writer.member("stops_node", true) }
                writer.key("sample")
                writer.object {
                    $0.member("pages", machine.pages)
                    $0.member("read", machine.items.count)
                    $0.member("complete", machine.ending == .complete)
                    sample.members(&$0)
                }
            }
        }
    }

    private func peer(_ peer: PeerIdentity, _ writer: inout JSONWriter) {
        writer.key("peer")
        PreviewReport.write(peer, to: &writer)
        standing.members(peer, &writer)
    }

    /// Who a peer says that it is, as the member `identity`.
    static func members(of peer: PeerIdentity, _ writer: inout JSONWriter) {
        writer.key("identity")
        write(peer, to: &writer)
    }

    private static func write(_ peer: PeerIdentity, to writer: inout JSONWriter) {
        writer.object {
            $0.member("id", peer.id.description)
            $0.member("name", peer.name)
            $0.member("version", peer.version)
            if let mode = peer.mode { $0.member("mode", mode.rawValue) }
            if let key = peer.publicKey { $0.member("public_key", key) }
        }
    }
}
