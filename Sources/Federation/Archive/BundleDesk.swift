internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationHTTP
internal import FederationStore

/// Takes the parts of a bundle into a log, as pages of the peer that wrote it: by the entry, the rule for first contact,
/// the pins and the policy that would count if it had answered itself.
struct BundleDesk: Sendable {
    let store: SQLiteStore
    let intake: Intake
    let config: Config
    /// This node.
    let own: ULID

    /// The namespace of what is remembered of bundles; how far a peer says that it has read our log.
    static let namespace = Bundle.namespace
    static let holds = "holds"
    /// When the latest bundle was made that was taken in to its end.
    static let made = "made"

    /// Takes one part, and gives the facts as JSON.
    ///
    /// - Throws: `badRequest` for what `BundleImport` does not write.
    func take(_ arguments: JSON) async throws(CommandFailure) -> (json: [UInt8], foundOwnFuture: Bool) {
        let line = Array(try arguments.required("header").utf8)
        let header: Bundle.Header
        do throws(Bundle.Problem) { header = try Bundle.Header(line: line) } catch { throw BundleDesk.failure(error) }
        let sender = try await sender(header)
        if let text = arguments["page"]?.string {
            guard let from = arguments["after"]?.string, let body = arguments["body"]?.string else { throw CommandFailure(.badRequest) }
            let page: Bundle.PageLine
            do throws(Bundle.Problem) { page = try Bundle.PageLine(line: Array(text.utf8)) } catch { throw BundleDesk.failure(error) }
            guard let bytes = Base64.decode(Array(body.utf8), count: page.bytes) else { throw CommandFailure(.badRequest) }
            let outcome = try await take(page, bytes, after: from, headerLine: line, sender)
            return (facts(outcome, sender), outcome.foundOwnFuture)
        }
        if let text = arguments["end"]?.string {
            guard let position = arguments["after"]?.string else { throw CommandFailure(.badRequest) }
            let end: Bundle.End
            do throws(Bundle.Problem) { end = try Bundle.End(line: Array(text.utf8)) } catch { throw BundleDesk.failure(error) }
            return (try await finish(end, at: position, headerLine: line, sender), false)
        }
        return (facts(PageOutcome(), sender), false)
    }

    static func failure(_ problem: Bundle.Problem) -> CommandFailure { CommandFailure(.bundle, ["case": problem.rawValue]) }

    // MARK: Whose it is

    /// Who wrote a bundle, as this node knows it.
    private struct Sender {
        var header: Bundle.Header
        var entry: Config.Peer
        var memory: PeerMemory
        var newKey: String?
        var age: BundlePlace.Age

        /// How a part of the bundle stands to what was read; `nil` where that is said in places of another wire.
        func place(from: String, to: String) -> BundlePlace? {
            guard memory.wire ?? .native == .native else { return nil }
            return BundlePlace(from: from, to: to, read: memory.position, age: age)
        }
    }

    private func sender(_ header: Bundle.Header) async throws(CommandFailure) -> Sender {
        guard let entry = try await entry(of: header.id) else {
            throw CommandFailure(
                .unknownExporter, ["id": header.id.description, "name": header.name, "public_key": header.publicKey])
        }
        guard config.fetches(from: entry) else { throw CommandFailure(.notFetched, ["peer": entry.name]) }
        let memory = try await memory(of: entry, header)
        let identity = PeerIdentity(
            id: header.id, name: header.name, version: header.version, wire: .native, publicKey: header.publicKey)
        switch config.rule(for: entry, own: own).verdict(on: identity, memory, at: SystemClock.now()) {
        case .refused: throw CommandFailure(.otherIdentity, ["peer": entry.name])
        case .waits(let pairing):
            try await remember(pairing, of: entry, memory)
            throw CommandFailure(.unconfirmed, ["peer": entry.name])
        case .accepted(let key): 
            return Sender(
                header: header, entry: entry, memory: memory, newKey: key, age: try await age(header, of: entry))
        }
    }

    /// Whom a person is asked about, where that is news.
    private func remember(
        _ pairing: PeerPairing, of entry: Config.Peer, _ memory: PeerMemory
    ) async throws(CommandFailure) {
        guard pairing != memory.pairing else { return }
        var commit = PeerCommit(peer: entry.name, wireNamespace: entry.wire.text)
        commit.pairing = pairing
        let (intake, now) = (intake, SystemClock.now())
        do throws(StoreFailure) {
            _ = try await store.write { [commit] (log: inout SQLiteLog) throws(StoreFailure) in
                try commit.write(to: &log, intake: intake, now: now)
            }
        } catch {
            throw CommandFailure(error)
        }
    }

    private func entry(of id: ULID) async throws(CommandFailure) -> Config.Peer? {
        if let named = config.peers.first(where: { $0.id == id }) { return named }
        let peers = config.peers
        do throws(StoreFailure) {
            return try await store.read { (log) throws(StoreFailure) in
                for peer in peers where peer.id == nil {
                    if try log.state(StateKey.peer(peer.name, .identity)) == id.description { return peer }
                }
                return nil
            }
        } catch {
            throw CommandFailure(error)
        }
    }

    /// A time that is still to come says nothing: the clock of its node was wrong.
    private func age(_ header: Bundle.Header, of entry: Config.Peer) async throws(CommandFailure) -> BundlePlace.Age {
        let peer = entry.name
        let bytes: [UInt8]?
        do throws(StoreFailure) {
            bytes = try await store.read { (log) throws(StoreFailure) in
                try log.wireValue(BundleDesk.namespace, peer: peer, key: BundleDesk.made)
            }
        } catch {
            throw CommandFailure(error)
        }
        guard let last = bytes.flatMap({ WallTime(rfc3339: String(decoding: $0, as: UTF8.self)) }),
            last <= SystemClock.now(), let made = WallTime(rfc3339: header.madeAt)
        else { return .later }
        return made > last ? .later : made == last ? .same : .older
    }

    private func memory(of entry: Config.Peer, _ header: Bundle.Header) async throws(CommandFailure) -> PeerMemory {
        var question = PeerQuestion(peer: entry.name, wireNamespace: entry.wire.text, keyOwner: header.id)
        question.expectedKey = entry.publicKey?.text
        question.successions = header.successions
        let check = SignaturePolicy(config).check
        do throws(StoreFailure) {
            return try await store.read { [question] (log) throws(StoreFailure) in
                try PeerMemory(question, from: log, check: check)
            }
        } catch {
            throw CommandFailure(error)
        }
    }

    private func isSigned(_ preimage: [UInt8], _ signature: String, by sender: Sender) -> Bool {
        guard let signature = Signature(signature), let key = VerifyingKey(sender.header.publicKey) else { return false }
        return key.verify(signature, of: preimage)
    }

    // MARK: A page

    private func take(
        _ page: Bundle.PageLine, _ body: [UInt8], after from: String, headerLine: [UInt8], _ sender: Sender
    ) async throws(CommandFailure) -> PageOutcome {
        let preimage = Bundle.preimage(of: page, after: from, header: sha256(headerLine), body: sha256(body))
        guard isSigned(preimage, page.signature, by: sender) else { throw BundleDesk.failure(.signature) }
        let (items, attestations) = try contents(page, body)
        let leads = sender.place(from: from, to: page.to) == .leads
        var commit = PeerCommit(peer: sender.entry.name, wireNamespace: sender.entry.wire.text)
        commit.onlyIf = PeerCommit.Condition(
            position: sender.memory.position, key: sender.memory.key, of: sender.header.id)
        commit.page = PulledPage(items: items, cursor: leads ? .position(page.to) : .none, attestations: attestations)
        // It says nothing of whether the peer can be reached.
        commit.health = PeerHealthChange(at: SystemClock.now(), result: .underWay)
        if sender.memory.pin == nil { commit.pin = sender.header.id }
        if let key = sender.newKey {
            commit.key = PeerCommit.KeyPin(owner: sender.header.id, publicKey: key)
            commit.successions = sender.header.successions
        }
        if leads, sender.memory.wire == nil { commit.wire = .native }
        let outcome: PageOutcome
        do throws(StoreFailure) {
            let (intake, now) = (intake, SystemClock.now())
            outcome = try await store.write { [commit] (log: inout SQLiteLog) throws(StoreFailure) in
                try commit.write(to: &log, intake: intake, now: now)
            }
        } catch {
            throw CommandFailure(error)
        }
        // Somebody else has met it meanwhile, or has read its log: with what is known now it is another question.
        guard outcome.isInPlace else {
            return try await take(page, body, after: from, headerLine: headerLine, try await self.sender(sender.header))
        }
        if outcome.stoppedBy != nil { throw CommandFailure(StoreFailure.interrupted) }
        return outcome
    }

    private func contents(
        _ page: Bundle.PageLine, _ body: [UInt8]
    ) throws(CommandFailure) -> ([PulledItem], [Attestation]) {
        var body = body
        switch page.coding {
        case Bundle.plain: break
        case Zstd.name:
            guard case .success(let decoded) = Zstd.decode(body, limit: Limits.bundlePageBytes) else {
                throw BundleDesk.failure(.page)
            }
            body = decoded
        default: throw BundleDesk.failure(.page)
        }
        do throws(ExchangeFailure) {
            let lines = try ReadLines.cut(body, limit: page.events + page.attestations)
            guard lines.count == page.events + page.attestations else { throw .malformed(.truncated) }
            return (
                lines.prefix(page.events).map { PulledItem(json: Array($0)) },
                NativeAttestations.read(lines.dropFirst(page.events)))
        } catch {
            throw BundleDesk.failure(.page)
        }
    }

    private func facts(_ outcome: PageOutcome, _ sender: Sender) -> [UInt8] {
        jsonObject {
            $0.member("peer", sender.entry.name)
            $0.member("applied", outcome.applied)
            $0.member("duplicates", outcome.duplicates)
            $0.member("held", outcome.held)
            $0.member("refused", outcome.refused)
            $0.member("deferred", outcome.deferred)
            $0.member("found_own_future", outcome.foundOwnFuture)
        }
    }

    // MARK: The end

    /// Remembers how far the peer has read our log, unless a bundle made later has said it, and compares the logs.
    private func finish(
        _ end: Bundle.End, at position: String, headerLine: [UInt8], _ sender: Sender
    ) async throws(CommandFailure) -> [UInt8] {
        let preimage = Bundle.preimage(of: end, at: position, header: sha256(headerLine))
        guard isSigned(preimage, end.signature, by: sender) else { throw BundleDesk.failure(.signature) }
        let ours: (events: Int64, digest: String)
        do throws(StoreFailure) {
            let (peer, held) = (sender.entry.name, sender.header.holds[own].map { Array($0.utf8) })
            // Of two bundles of one moment the one taken in last counts. If it was the earlier one, the peer is sent again
            // what it has.
            let made = sender.age == .older ? nil : Array(sender.header.madeAt.utf8)
            ours = try await store.attempt(evenIfFull: true) { (log: inout SQLiteLog) throws(StoreFailure) in
                if let made {
                    try log.setWireValue(BundleDesk.namespace, peer: peer, key: BundleDesk.made, made)
                    if let held { try log.setWireValue(BundleDesk.namespace, peer: peer, key: BundleDesk.holds, held) }
                }
                return try log.setFacts(sha256)
            }
        } catch {
            throw CommandFailure(error)
        }
        let isEqual = ours.events == end.logEvents && ours.digest == end.logDigest
        let from = sender.header.from
        let isApart = from != Bundle.beginning && sender.place(from: position, to: position) == .apart
        return jsonObject {
            $0.member("peer", sender.entry.name)
            $0.member("log_events", end.logEvents)
            $0.member("equal", isEqual)
            if isApart, !isEqual { $0.member("missing_before", from) }
        }
    }
}

extension Node {
    var bundleDesk: BundleDesk { BundleDesk(store: store, intake: intake, config: config, own: identity.id) }
}

extension CommandService {
    /// One part of a bundle that another process reads.
    func importBundle(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        if let stopped = node.stopped { throw stopped.failure }
        let (json, foundOwnFuture) = try await node.bundleDesk.take(arguments)
        if foundOwnFuture { node.stop(.behind) }
        return json
    }
}
