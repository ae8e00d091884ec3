package import FederationCore
import FederationCrypto

/// One conversation carried out in memory, with what came of it: the host of an `Exchange`, without sockets or stores.
package struct WireRun {
    package var identities: [PeerIdentity] = []
    package var pages: [PulledPage] = []
    package var requests: [HTTPRequest] = []
    package var kept: [String: [UInt8]?] = [:]
    /// Where a host's cursors stand afterwards.
    package var cursor: ULID?
    package var position: String?
    /// `nil` if it did not end within the steps allowed.
    package var ending: Result<ExchangeProgress, ExchangeFailure>?
    /// A page was given before an identity.
    package var tookBeforeIdentity = false

    package var items: [PulledItem] { pages.flatMap(\.items) }

    package var events: [Event] {
        items.compactMap { if case .event(let event, _) = $0 { event } else { nil } }
    }

    package var failure: ExchangeFailure? { if case .failure(let failure) = ending { failure } else { nil } }

    /// Carries on a conversation until it ends; what becomes of its pages is of no interest.
    ///
    /// - Parameters:
    ///   - outbox: the log that events to be pushed are read from.
    ///   - ahead: how many of the requests to come are answered before they are asked for.
    ///   - answer: answers the n-th request, from 0 on.
    package init(
        _ exchange: any Exchange, _ context: ExchangeContext, steps: Int = 3000,
        outbox: MemoryStorage = MemoryStorage(), ahead: Int = 0, answer: (Int, HTTPRequest) throws -> ExchangeAnswer
    ) rethrows {
        try self.init(
            exchange, context, steps: steps, ahead: ahead,
            reading: { outbox.events(after: $0, limit: $1, bytes: $2) }, committing: { _ in PageOutcome() },
            answer: answer)
    }

    /// Carries on a conversation over a log that its pages change.
    ///
    /// - Parameters:
    ///   - ahead: how many of the requests to come are answered before they are asked for.
    ///   - reading: events of our own log after a place, at most so many and so many bytes.
    ///   - committing: what becomes of a page.
    package init(
        _ exchange: any Exchange, _ context: ExchangeContext, steps: Int = 3000, ahead: Int = 0,
        reading: (Int64, Int, Int) -> [StoredEvent], committing: (PulledPage) throws -> PageOutcome,
        answer: (Int, HTTPRequest) throws -> ExchangeAnswer
    ) rethrows {
        var exchange = exchange
        var early: [HTTPRequest: ExchangeAnswer] = [:]
        func ask(_ request: HTTPRequest) throws -> ExchangeAnswer {
            if let given = early.removeValue(forKey: request) { return given }
            requests.append(request)
            return try answer(requests.count - 1, request)
        }
        cursor = context.cursor
        position = context.position
        var step = exchange.begin(context)
        for _ in 0..<steps {
            let reply: ExchangeAnswer
            switch step {
            case .request(let request, _):
                reply = try ask(request)
            case .identify(let peer):
                identities.append(peer)
                reply = .identityAccepted
            case .take(let page):
                take(page)
                reply = .committed(try committing(page))
            case .outbox(let after, let limit, let bytes):
                let events = reading(after, limit, bytes)
                reply = .outbox(events, through: events.last?.seq ?? after)
            case .keep(let values):
                kept.merge(values) { $1 }
                reply = .kept
            case .reconcile: reply = .reconciled(.malformed)
            case .sign(let bytes, _): reply = .signed(sha256(bytes).bytes)
            case .finished(let progress):
                ending = .success(progress)
                return
            case .failed(let failure):
                ending = .failure(failure)
                return
            }
            step = exchange.resume(reply, now: context.now)
            for upcoming in exchange.ahead.prefix(ahead) where early[upcoming.request] == nil {
                early[upcoming.request] = try ask(upcoming.request)
            }
        }
    }

    private mutating func take(_ page: PulledPage) {
        if identities.isEmpty { tookBeforeIdentity = true }
        pages.append(page)
        switch page.cursor {
        case .position(let text): position = text
        case .byEvent:
            for item in page.items {
                guard case .event(let event, _) = item else { continue }
                cursor = max(cursor ?? event.id, event.id)
            }
        case .none: break
        }
    }
}

/// A node that answers by one wire from a log in memory.
package struct LoopedNode {
    package var wire: any Wire
    package var node: NodeIdentity
    package var log: MemoryStorage
    package var now: WallTime
    /// Whether its routes may say that an answer is worth waiting for.
    package var mayHold = false
    /// Who comes to it, whatever a request says.
    package var pusher: PushingPeer?

    /// A node of `Sample` whose log holds `events` in this order of arrival.
    package init(
        _ wire: any Wire, _ number: UInt64 = 9, mode: NodeMode = .sync, now: WallTime = Sample.time(3_600_000),
        holding events: [Event] = []
    ) throws {
        self.wire = wire
        self.now = now
        node = LoopedNode.node(number, mode: mode)
        log = MemoryStorage()
        try log.setMeta(.epoch, "epoch-\(number)")
        for event in events { try add(event) }
    }

    package static func node(_ number: UInt64, mode: NodeMode = .sync) -> NodeIdentity {
        NodeIdentity(
            id: Sample.node(number), name: "nöde \(number)", version: "1.2.\(number)", mode: mode,
            publicKey: "ed25519:key-of-\(number)")
    }

    package mutating func add(_ event: Event) throws { _ = try log.append(try Sample.entry(event)) }

    /// What its routes are told; a signature is the name of the key and a hash of what is signed.
    package var context: RouteContext {
        var context = RouteContext(
            node: node, now: now, nonce: (1, 2), sha256: sha256, peerName: nil, statusText: { _ in "All is well." })
        context.mayHold = mayHold
        context.pusher = pusher
        context.isSigned = { bytes, signature, key in signature == "\(key) signed \(sha256(bytes).hex)" }
        return context
    }

    package func reply(to request: ServedRequest) throws(StoreFailure) -> RouteReply {
        try wire.respond(to: request, context: context, view: log)
    }

    package func respond(to request: HTTPRequest) throws(StoreFailure) -> HTTPResponse {
        let reply = try reply(to: ServedRequest(request))
        return reply.response(nil)
    }

    /// One poll by another node, whose cursors stand where `last` left them.
    package func poll(
        after last: WireRun? = nil, pinned: WireName? = nil, fetches: Bool = true, hold: Duration = .zero,
        holes: [NumberHole] = [], heads: [ULID] = [], by exchange: (any Exchange)? = nil, ahead: Int = 0,
        tamper: (Int, HTTPResponse) -> ExchangeAnswer = { .response($1) }
    ) throws -> WireRun {
        var context = LoopedNode.context(
            cursor: last?.cursor, position: last?.position, pinned: pinned ?? last.map { _ in wire.name },
            fetches: fetches, now: now)
        context.hold = hold
        context.holes = holes
        context.incompleteHeads = heads
        return try WireRun(exchange ?? wire.exchange(), context, ahead: ahead) { tamper($0, try respond(to: $1)) }
    }

    package static func context(
        cursor: ULID? = nil, position: String? = nil, pinned: WireName? = nil, fetches: Bool = true,
        reach: ExchangeContext.Reach = .news, now: WallTime = Sample.time(3_600_000)
    ) -> ExchangeContext {
        ExchangeContext(
            node: node(8), peerName: "peer", pinnedWire: pinned, fetches: fetches, pushes: false, cursor: cursor,
            position: position, interval: .seconds(30), reach: reach, wireValues: [:], now: now, nonce: (3, 4))
    }
}

extension ServedRequest {
    /// What a server makes of a request that reaches it.
    package init(_ request: HTTPRequest, remoteAddress: String = "127.0.0.1") {
        let parts = request.target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var query: [(name: String, value: String)] = []
        for pair in parts.dropFirst().joined().split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            query.append((ServedRequest.decoded(sides[0]), sides.count < 2 ? "" : ServedRequest.decoded(sides[1])))
        }
        self.init(
            method: request.method.rawValue, path: String(parts.first ?? ""), query: query, fields: request.fields,
            body: request.body, remoteAddress: remoteAddress)
    }

    private static func decoded(_ text: Substring) -> String {
        let source = Array(text.utf8)
        var bytes: [UInt8] = []
        var index = 0
        while index < source.count {
            let digits =
                source[index] == 0x25 ? String(decoding: source[index...].dropFirst().prefix(2), as: UTF8.self) : ""
            if let byte = UInt8(digits, radix: 16), digits.utf8.count == 2 {
                bytes.append(byte)
                index += 3
            } else {
                bytes.append(source[index])
                index += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
