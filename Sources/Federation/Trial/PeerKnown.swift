internal import FederationConfig
internal import FederationCore
internal import FederationStore

extension CommandService {
    /// Of each peer what `why PEER` says, as far as that is known without asking anybody.
    func known() async throws(CommandFailure) -> [UInt8] {
        let config = node.config
        let now = SystemClock.now()
        let file = node.opened.fileNow
        var reports: [PeerKnown] = []
        for entry in config.peers {
            let peer = PolledPeer(entry, of: config)
            var report = TrialReport(entry: entry, trial: PeerTrial(.paused, peer: peer, node: node.identity))
            report.mendPlace = MendPlace(of: entry.name, in: config, file: file)
            try await addHistory(to: &report)
            let rule = config.rule(for: entry, own: node.identity.id)
            let (aside, origin, standing, pin) = try await read { (log) throws(StoreFailure) in
                let pin = try log.state(StateKey.peer(entry.name, .identity)).flatMap { ULID($0) }
                let pairing = try log.state(StateKey.peer(entry.name, .pairing)).flatMap { PeerPairing(json: $0) }
                return (
                    try TrialFault(aside: entry.name, in: log), try TrialFault.asideOrigin(of: entry.name, in: log),
                    PairingStanding(of: rule, pin: pin, pairing: pairing), pin)
            }
            let fault = KnownFault(
                peer, of: node.identity, own: node.stopped?.fault, comesToUs: entry.endpoint == nil,
                waits: standing == .pending, report.health, aside: aside)
            if case .shown(.aside) = fault { report.asideOrigin = origin }
            reports.append(PeerKnown(report: report, fault: fault, pin: pin))
        }
        var writer = JSONWriter()
        writer.array { writer in for each in reports { writer.object { each.write(to: &$0, at: now) } } }
        return writer.bytes
    }
}

/// What is known of why one peer is not in step.
private struct PeerKnown {
    /// Its trial was none.
    var report: TrialReport
    var fault: KnownFault?
    var pin: ULID?

    func write(to writer: inout JSONWriter, at now: WallTime) {
        writer.member("peer", report.entry.name)
        if let endpoint = report.entry.endpoint { writer.member("endpoint", endpoint.url) }
        writer.member("ok", fault == nil)
        if case .shown(let fault) = fault {
            writer.member("failed", fault.step.rawValue)
            writer.member("code", fault.code)
            writer.key("facts")
            writer.object { fault.members(&$0) }
        }
        if let reason = fault?.reason { writer.member("reason", reason.rawValue) }
        if let fault {
            var place = report.place
            place.identity = pin
            let isNamed = report.entry.id != nil || report.entry.publicKey != nil
            report.mendPlace.write(fault.mends(place, isNamed: isNamed), to: &writer)
        }
        report.history(&writer, at: now)
    }
}
