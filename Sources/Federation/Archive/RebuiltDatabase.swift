internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore
internal import Glibc

/// The database that takes the place of a damaged one: what was salvaged is taken in as a peer's pages are, and then what
/// peers have beside it.
struct RebuiltDatabase: Sendable {
    let node: Node
    private let place: DatabaseFileIdentity
    private var numbers = RecoveredNumbers()
    /// The number that this node had given last, as far as that could be read.
    private let knownNumber: UInt64?
    private var unreadable = 0
    private var refused = 0
    private var salvaged: Int64 = 0
    private var fetched = 0
    private var isSettled = false
    private var facts: (events: Int64, number: UInt64) = (0, 0)

    static let batch = 500

    /// Makes the draft and opens it as this node's: its identity, its pins and what is known of the keys of others.
    ///
    /// - Throws: `identityLost` where nothing says any more whose database it was.
    init(
        _ salvage: Salvage, of source: String, at draft: String, in directory: NodeDirectory, _ configPath: String
    ) async throws(CommandFailure) {
        let identity = try RecoveredIdentity.find(salvage, directory)
        do throws(StoreFailure) {
            place = try await RebuiltDatabase.make(draft, identity, salvage.known)
            // One that was a copy, or older than what it had published, is so still.
            numbers.wasStopped = NodeStop(meta: salvage.known.meta, found: try DatabaseFileIdentity(of: source)) != nil
        } catch {
            throw CommandFailure(error)
        }
        numbers.isStateWhole = salvage.known.isStateWhole
        knownNumber = salvage.known.meta[.ownNumber].flatMap { UInt64($0) }
        node = try await Node(configPath: configPath, use: .rebuild(draft: draft), logger: .silent)
    }

    private static func make(
        _ draft: String, _ identity: ULID, _ known: Salvage.Known
    ) async throws(StoreFailure) -> DatabaseFileIdentity {
        let store = try SQLiteStore(path: draft, access: .scratch)
        let place = try DatabaseFileIdentity(of: draft)
        var random = SystemRandom()
        // Its order of arrival is another one: no position that was given away is good any more.
        let epoch = ULID(at: SystemClock.now(), using: &random)
        let now = SystemClock.now()
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
            try log.setMeta(.identity, identity.description)
            try log.setMeta(.epoch, epoch.description)
            try log.setMeta(.ownNumber, known.meta[.ownNumber] ?? "0")
            try log.setMeta(.databaseFile, place.description)
            try log.setMeta(.machine, machineIdentity(sha256)?.hex)
            try log.setMeta(.recordVersion, String(RecordFunction.version))
            try log.setMeta(.program, programVersion)
            for (key, value) in known.state where RebuiltDatabase.keeps(key) { try log.setState(key, value) }
            let signed = known.attestations.filter { $0.key.isSigned { NamedKey.verifies($0, $1, $2) } }
            for (attestation, fits) in signed.sorted(by: { $0.key.number < $1.key.number }) {
                try log.keep(attestation, fits: fits, at: now)
            }
        }
        await store.close()
        return place
    }

    /// Who the others are stays; how far they were read, and how that went, belongs to the old log.
    static func keeps(_ key: String) -> Bool {
        guard key.hasPrefix("peer:") else { return key != StateKey.clock }
        let kept: [StateKey.OfPeer] = [.identity, .wire, .pairing, .lastSeen]
        return kept.contains { key.hasSuffix(":\($0.rawValue)") }
    }

    // MARK: What is taken in

    /// Takes in every event that can be read and is what its row says it is.
    mutating func takeIn(
        _ salvage: Salvage, _ progress: @Sendable (Int64, Int64) -> Void
    ) async throws(CommandFailure) {
        var intake = node.intake
        // What was in the log was accepted under the policy of its day; a wrong signature is marked as one all the same.
        intake.policy.signatures.mode = min(intake.policy.signatures.mode, .warn)
        intake.policy.defersFuture = false
        let (settled, now) = (intake, SystemClock.now())
        do throws(StoreFailure) {
            var next = 0
            while next < salvage.count {
                let batch = salvage.events(next..<next + RebuiltDatabase.batch, bytes: Limits.pageBytes, sha256)
                next = batch.end
                unreadable += batch.unreadable
                refused += try await node.store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                    var refused = 0
                    for (peer, items) in RebuiltDatabase.runs(of: batch.events) {
                        let page = PulledPage(items: items, cursor: .none)
                        refused += try settled.take(page, from: peer, now: now, into: &log).refused
                    }
                    return refused
                }
                progress(Int64(next), Int64(salvage.count))
            }
            let own = node.identity.id.description
            let (events, summary) = try await node.store.read { (log) throws(StoreFailure) in
                (try log.eventCount(), try log.origins().first { $0.origin.isExactly(own) })
            }
            salvaged = events
            let highest = summary?.highestNumber ?? 0
            numbers.isOwnComplete =
                numbers.isStateWhole && !numbers.wasStopped && knownNumber == highest
                && UInt64(clamping: summary?.distinctNumbers ?? 0) == highest
        } catch {
            throw CommandFailure(error)
        }
    }

    /// Events that one peer gave after another, in the order in which they came.
    private static func runs(of events: [StoredEvent]) -> [(peer: String, items: [PulledItem])] {
        var runs: [(peer: String, items: [PulledItem])] = []
        for event in events {
            let item = PulledItem.event(event.event, bytes: event.event.json)
            if runs.last?.peer == event.peer { runs[runs.count - 1].items.append(item) } else { runs.append((event.peer, [item])) }
        }
        return runs
    }

    /// Fetches what is missing from every peer that can be reached.
    mutating func askPeers(isPartial: Bool) async throws(CommandFailure) {
        let polled = node.config.peers.filter { $0.mode != .paused }
        let reports = try await node.sync(polled.map(\.name))
        fetched = reports.reduce(0) { $0 + $1.outcome.applied }
        numbers.hasPeers = !node.config.peers.isEmpty
        numbers.unread = node.config.unread(reports)
        isSettled = numbers.isSettled(isPartial: isPartial)
    }

    /// Looks again at what was taken in before a change of its origin's key came from a peer: it was judged without.
    func review() async throws(CommandFailure) {
        do throws(StoreFailure) {
            while try await node.store.read({ (log) throws(StoreFailure) in try SignatureReview.isDue(in: log) }) {
                try await node.reviewSignatures()
            }
        } catch {
            throw CommandFailure(error)
        }
    }

    /// From here on the draft is this node's, once it has its name. It writes nothing until it is known to have every number
    /// that it ever gave.
    mutating func settle() async throws(CommandFailure) {
        let (place, isSettled) = (place, isSettled)
        do throws(StoreFailure) {
            facts = try await node.store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                try log.setMeta(.stopped, isSettled ? nil : StopReason.moved.stored)
                try log.setMeta(.databaseFile, place.description)
                try log.setMeta(.machine, machineIdentity(sha256)?.hex)
                return (try log.eventCount(), UInt64(try log.meta(.ownNumber) ?? "") ?? 0)
            }
        } catch {
            throw CommandFailure(error)
        }
    }

    func write(to writer: inout JSONWriter) {
        writer.member("id", node.identity.id.description)
        writer.member("salvaged", salvaged)
        writer.member("unreadable", unreadable)
        writer.member("refused", refused)
        writer.member("state_whole", numbers.isStateWhole)
        writer.member("own_complete", numbers.isOwnComplete)
        writer.member("fetched", fetched)
        writer.member("unreachable", numbers.unread)
        writer.member("was_stopped", numbers.wasStopped)
        writer.member("log_events", facts.events)
        writer.member("number", facts.number)
        writer.member("settled", isSettled)
    }
}

/// Signatures by keys that are named as texts.
enum NamedKey {
    static func verifies(_ preimage: [UInt8], _ signature: String, _ key: String) -> Bool {
        guard let signature = Signature(signature), let key = VerifyingKey(key) else { return false }
        return key.verify(signature, of: preimage)
    }
}
