/// Why a peer is not in step, as far as that is known without trying it.
package enum KnownFault: Hashable, Sendable {
    /// It shows without a question to anybody.
    case shown(TrialFault)
    /// Its last poll failed. More than the reason is not kept of that.
    case failed(Reason)

    /// What is known, the first of it in the order of a poll's steps; `nil` where nothing speaks against the peer.
    ///
    /// - Parameters:
    ///   - own: why this node asks nobody, if so.
    ///   - comesToUs: it has no endpoint.
    ///   - waits: a person has to say first who it is.
    ///   - aside: why events that it gave are not applied, if so.
    package init?(
        _ peer: PolledPeer, of node: NodeIdentity, own: TrialFault?, comesToUs: Bool, waits: Bool, _ health: PeerHealth,
        aside: TrialFault?
    ) {
        if let own {
            self = .shown(own)
        } else if comesToUs {
            self = .shown(.comesToUs)
        } else if peer.mode == .paused {
            self = .shown(.paused)
        } else if !node.mode.fetches(from: peer.mode), !node.mode.serves(peer.mode) {
            self = .shown(.nothingFlows(own: node.mode, peer: peer.mode))
        } else if health.consecutiveFailures > 0, let error = health.lastError {
            self = .failed(error.reason)
        } else if waits {
            self = .shown(.waits)
        } else if let aside {
            self = .shown(aside)
        } else {
            return nil
        }
    }

    package var reason: Reason? {
        switch self {
        case .shown(let fault): fault.reason
        case .failed(let reason): reason
        }
    }

    /// What mends it. Behind a reason alone there may be several faults: what mends each, the likeliest first, and last the
    /// command that finds out which it is.
    ///
    /// - Parameter isNamed: the configuration says who the peer is, so that there is nothing to forget.
    package func mends(_ place: TrialPlace, isNamed: Bool) -> [TrialMend] {
        switch self {
        case .shown(let fault): return fault.mends(place)
        case .failed(let reason):
            var mends: [TrialMend] = []
            let all = TrialFault.behind(reason).flatMap { $0.mends(place) } + KnownFault.ofIdentity(reason, place, isNamed)
            for mend in all + [.command(["why", place.peer])] where !mends.contains(mend) { mends.append(mend) }
            return mends
        }
    }

    /// Who has answered is not kept, so neither is what would be written in the place of whom.
    private static func ofIdentity(_ reason: Reason, _ place: TrialPlace, _ isNamed: Bool) -> [TrialMend] {
        guard reason == .identityMismatch else { return [] }
        let look = TrialMend.commandThere(["identity", "show"])
        if isNamed { return [look, .ifConfirmed(.peerSetting("id", "ITS-ID")), .ifConfirmed(.peerSetting("pubkey", "ITS-KEY"))] }
        return [
            look, .ifConfirmed(.command(["reset-peer", place.peer])),
            .ifConfirmed(.command(["reset-peer", place.peer, "--key-rotated"])),
        ]
    }
}

extension TrialFault {
    /// What a poll may have met that failed for this reason, the likeliest first.
    fileprivate static func behind(_ reason: Reason) -> [TrialFault] {
        switch reason {
        case .networkRefused: [.refused]
        case .networkDNS: [.nameUnknown]
        case .networkTimeout: [.connectTimeout, .silent(.timeout)]
        case .networkTLS: [.tls(.handshake), .tls(.unknownAuthority), .tls(.otherName), .tls(.otherPin), .tls(.expired)]
        case .networkReset: [.silent(.reset)]
        case .networkEOF: [.silent(.endOfFile)]
        case .auth: [.keyRefused, .forbidden]
        case .identityMissing: [.noIdentity]
        case .invalidFrontmatter: [.oldManifest(0)]
        case .storeFull: [.store(.full)]
        case .invalidTraceID, .unknownAction, .unknownType, .signature:
            [.event(ReplayProblem(reason: reason, eventID: "", subject: ""), code: reason.rawValue)]
        case .identityMismatch, .other: []
        }
    }
}
