import Federation
import FederationCore
import FederationCrypto
import FederationTestKit

/// The engine's part in the sketches: it keeps, seals, checks and commits, and knows nothing of either protocol.
struct SketchHost {
    var node: NodeIdentity
    var wire: any Wire
    /// The secrets of the configuration, by name.
    var secrets: [String: String]
    var log = MemoryStorage()
    var now = Sample.time(0)
    /// Call-backs that routes have asked for and that have not begun.
    var callBacks: [(peerName: String, exchange: any Exchange)] = []
    /// Peers that routes have found to be alive.
    var contacts: [String] = []

    private static let wireName = "sketch"

    init(_ number: UInt64, _ wire: any Wire, secrets: [String: String]) {
        node = LoopedNode.node(number)
        self.wire = wire
        self.secrets = secrets
    }

    func kept(_ key: String, of peer: String) -> String? {
        log.wireValue(SketchHost.wireName, peer: peer, key: key).map { String(decoding: $0, as: UTF8.self) }
    }

    // MARK: As client

    /// Carries on a conversation with `peer`, whose server is `serve`.
    @discardableResult
    mutating func run(
        _ exchange: (any Exchange)? = nil, with peer: String, serve: (ServedRequest) throws -> ExchangeAnswer
    ) throws -> Result<ExchangeProgress, ExchangeFailure> {
        var exchange = exchange ?? wire.exchange()
        var step = exchange.begin(context(peer))
        while true {
            let answer: ExchangeAnswer
            switch step {
            case .request(let request, let seals):
                var request = request
                for seal in seals { self.seal(&request, seal) }
                answer = try serve(ServedRequest(request))
            case .identify(let identity):
                let pin = StateKey.peer(peer, .identity)
                guard [nil, identity.id.description].contains(log.state(pin)) else {
                    return .failure(.identityMismatch)
                }
                try log.setState(pin, identity.id.description)
                answer = .identityAccepted
            case .take(let page): answer = .committed(try take(page, from: peer))
            case .outbox(let after, let limit, let bytes):
                let events = log.events(after: after, limit: limit, bytes: bytes)
                answer = .outbox(events, through: events.last?.seq ?? after)
            case .keep(let values):
                try keep(values, of: peer)
                answer = .kept
            case .reconcile(let question):
                answer = .reconciled(try LogReconciliation.answer(question, in: log))
            case .sign(let bytes, let secret):
                answer = .signed(sha256(Array((secrets[secret] ?? "").utf8) + bytes).bytes)
            case .finished(let progress): return .success(progress)
            case .failed(let failure): return .failure(failure)
            }
            step = exchange.resume(answer, now: now)
        }
    }

    private func context(_ peer: String) -> ExchangeContext {
        let values = log.wireValues(SketchHost.wireName, peer: peer)
        return ExchangeContext(
            node: node, peerName: peer, pinnedWire: wire.name, fetches: true, pushes: true, cursor: nil,
            position: log.state(StateKey.peer(peer, .position)), interval: .seconds(30), reach: .news,
            wireValues: Dictionary(uniqueKeysWithValues: values), now: now, nonce: (5, 6))
    }

    // MARK: As server

    mutating func serve(_ request: ServedRequest) throws -> HTTPResponse {
        let secrets = secrets
        let context = RouteContext(
            node: node, now: now, nonce: (7, 8), sha256: sha256, peerName: nil, statusText: { _ in "" },
            carries: { SketchHost.carries(request, $0, secrets) })
        let reply = try wire.respond(to: request, context: context, view: log)
        var outcome: PageOutcome?
        if let commit = reply.commit {
            try keep(commit.wireValues, of: commit.peerName)
            outcome = try commit.page.map { try take($0, from: commit.peerName) } ?? PageOutcome()
        }
        if let callBack = reply.callBack { callBacks.append(callBack) }
        if let peer = reply.contactWith { contacts.append(peer) }
        return reply.response(outcome)
    }

    // MARK: What both need

    private mutating func take(_ page: PulledPage, from peer: String) throws -> PageOutcome {
        let intake = Intake(IntakePolicy(node: node.id, sha256: sha256, isOwnSignature: { _, _ in false }))
        let now = now
        return try log.transaction { try intake.take(page, from: peer, now: now, into: &$0) }
    }

    private mutating func keep(_ values: [String: [UInt8]?], of peer: String) throws {
        for (key, value) in values { try log.setWireValue(SketchHost.wireName, peer: peer, key: key, value) }
    }

    private func seal(_ request: inout HTTPRequest, _ seal: RequestSeal) {
        let (field, value) = SketchHost.field(of: seal, body: request.body, secrets)
        request.fields[field] = value
    }

    private static func carries(_ request: ServedRequest, _ seal: RequestSeal, _ secrets: [String: String]) -> Bool {
        let (field, value) = field(of: seal, body: request.body, secrets)
        return value != nil && request.fields[field] == value
    }

    private static func field(
        of seal: RequestSeal, body: [UInt8], _ secrets: [String: String]
    ) -> (name: String, value: String?) {
        switch seal {
        case .bearer(let secret): ("Authorization", secrets[secret].map { "Bearer " + $0 })
        case .plain(let secret, let field): (field, secrets[secret])
        case .hmac(let secret, let field, let prefix):
            (field, secrets[secret].map { prefix + hexadecimal(hmac(Array($0.utf8), body)) })
        }
    }

    /// HMAC-SHA256 (RFC 2104) with a key of at most 64 bytes.
    private static func hmac(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        let padded = key + Array(repeating: 0, count: 64 - key.count)
        return sha256(padded.map { $0 ^ 0x5C } + sha256(padded.map { $0 ^ 0x36 } + message).bytes).bytes
    }
}

/// What any importer of an object makes of its time and its system's own key: the same id everywhere.
func importedID(_ key: String, at milliseconds: Int64) -> ULID {
    let hash = sha256(Array(key.utf8)).bytes
    func word(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
    return ULID(milliseconds: milliseconds, random: (word(hash[0..<8]), word(hash[8..<16])))
}
