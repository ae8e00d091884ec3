import FederationCore
import FederationCrypto
import FederationTestKit

@testable import Federation

/// OpenHive's conversation, as far as it can bend the seam: a handshake that mints a token, a pull and a push with
/// cursors of their own, and a fresh handshake when the token is no longer good.
struct HiveSketch: Wire {
    /// What its settings name: the group, and the peer whose handshake this is.
    var group = "sync:engineering:Ab3dE_9z"
    var peerName: String
    var instance: String

    var name: WireName { .hive }
    var routes: [String] { ["/sync/v1"] }
    func exchange() -> any Exchange { HiveExchangeSketch(wire: self) }

    /// A secret of the configuration that both sides hold, and the field it travels in.
    static let handshakeSeal = RequestSeal.plain(secret: "handshake", field: "X-Handshake-Secret")

    static func origin(of instance: String) -> ULID { importedID("hive:" + instance, at: 0) }

    // MARK: Their objects as events, and back

    static func event(_ json: JSON) -> PulledItem {
        guard let instance = json["origin_instance_id"]?.string, let type = json["event_type"]?.string,
            let time = json["origin_ts"]?.integer, let payload = json["payload"]?.string
        else { return .unreadable(.missing(.data), bytes: Array(json.raw), id: json["id"]?.string ?? "", subject: "") }
        // By content, not by their id: a relay gives each event a new one.
        let key = "\(instance)\n\(type)\n\(time)\n\(payload)"
        let event = Event(
            id: importedID(key, at: time), action: "hive:" + type,
            subject: "hive-" + sha256(Array(key.utf8)).hex.prefix(16),
            origin: origin(of: instance).description, originName: instance,
            timestamp: WallTime(milliseconds: time).rfc3339, payload: .full(Array(json.raw)), clock: .empty)
        return .event(event, bytes: event.json)
    }

    static func body(_ members: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        writer.object(members)
        return writer.bytes
    }

    // MARK: Routes

    func respond(
        to request: ServedRequest, context: RouteContext, view: any LogReading
    ) throws(StoreFailure) -> RouteReply {
        if request.path == "/sync/v1/handshake" { return handshake(request, context) }
        let token = try view.wireValue("sketch", peer: peerName, key: "issued")
        guard let token, request.fields["Authorization"] == "Bearer " + String(decoding: token, as: UTF8.self) else {
            return RouteReply(.json(401, Array(#"{"error":"Unauthorized"}"#.utf8)))
        }
        return request.method == "POST" ? push(request) : try pull(request, view)
    }

    private func handshake(_ request: ServedRequest, _ context: RouteContext) -> RouteReply {
        guard context.carries(HiveSketch.handshakeSeal) else {
            return RouteReply(.json(403, Array(#"{"error":"Forbidden"}"#.utf8)))
        }
        guard let json = try? JSON(request.body), json["sync_group_name"]?.string == group,
            let key = json["signing_key"]?.string
        else { return RouteReply(.json(404, Array(#"{"error":"Not Found"}"#.utf8))) }
        var bytes: [UInt8] = []
        for word in [context.nonce.0, context.nonce.1] {
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) }
        }
        let token = context.sha256(bytes).hex
        // The token is on disk before anybody may use it.
        let commit = RouteCommit(peerName: peerName, wireValues: ["issued": Array(token.utf8), "key": Array(key.utf8)])
        return RouteReply(commit: commit, contactWith: peerName) { [instance] _ in
            .json(
                200,
                HiveSketch.body { writer in
                    writer.member("sync_group_id", "sg_" + instance)
                    writer.member("signing_key", "key of " + instance)
                    writer.member("sync_token", token)
                })
        }
    }

    private func push(_ request: ServedRequest) -> RouteReply {
        guard let events = (try? JSON(request.body))?["events"]?.array else {
            return RouteReply(HTTPResponse(status: 400))
        }
        let page = PulledPage(items: events.map(HiveSketch.event), cursor: .none)
        return RouteReply(commit: RouteCommit(peerName: peerName, page: page), contactWith: peerName) { outcome in
            .json(200, HiveSketch.body { $0.member("received_seq", outcome?.applied ?? 0) })
        }
    }

    private func pull(_ request: ServedRequest, _ view: any LogReading) throws(StoreFailure) -> RouteReply {
        let since = request.parameter("since").flatMap { Int64($0) } ?? 0
        let limit = request.parameter("limit").flatMap { Int($0) } ?? 100
        let events = try view.events(after: since, limit: limit, bytes: 1 << 20)
        let hasMore = try view.head().map { $0.seq > events.last?.seq ?? since } ?? false
        let body = HiveSketch.body { writer in
            writer.key("events")
            writer.array { for stored in events where stored.event.family == .hive { $0.raw(stored.event.data ?? []) } }
            writer.member("next_seq", events.last?.seq ?? since)
            writer.member("has_more", hasMore)
        }
        return RouteReply(.json(200, body))
    }
}

/// One conversation: handshake where there is no token, then pull to the end, then push to the end.
struct HiveExchangeSketch: Exchange {
    private enum State {
        case shakingHands, keepingToken, identifying, pulling
        case taking(hasMore: Bool)
        case readingOutbox
        case signing([StoredEvent], signatures: [String], through: Int64)
        case pushing(through: Int64)
        case acknowledging
    }

    let wire: HiveSketch
    private var state = State.shakingHands
    private var token: String?
    private var remoteGroup = ""
    private var key = ""
    private var pulled: Int64 = 0
    private var sent: Int64 = 0
    private var hasShakenHands = false

    init(wire: HiveSketch) { self.wire = wire }

    mutating func begin(_ context: ExchangeContext) -> ExchangeStep {
        func text(_ name: String) -> String? { context.wireValues[name].map { String(decoding: $0, as: UTF8.self) } }
        token = text("token")
        remoteGroup = text("group") ?? ""
        key = text("remote_key") ?? ""
        sent = text("sent").flatMap { Int64($0) } ?? 0
        pulled = context.position.flatMap { Int64($0) } ?? 0
        return token == nil ? shakeHands() : identify()
    }

    mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep {
        switch (state, answer) {
        case (_, .transport(let failure)): return .failed(.transport(failure))
        case (_, .response(let response)) where response.status == 401 && !hasShakenHands: return shakeHands()
        case (_, .response(let response)) where response.status != 200: return .failed(.status(response.status))
        case (.shakingHands, .response(let response)):
            guard let json = try? JSON(response.body), let token = json["sync_token"]?.string,
                let group = json["sync_group_id"]?.string, let key = json["signing_key"]?.string
            else { return .failed(.malformed(.missingMember)) }
            (self.token, remoteGroup, self.key) = (token, group, key)
            state = .keepingToken
            return .keep(["token": Array(token.utf8), "group": Array(group.utf8), "remote_key": Array(key.utf8)])
        case (.keepingToken, .kept): return identify()
        case (.identifying, .identityAccepted): return pull()
        case (.pulling, .response(let response)):
            guard let json = try? JSON(response.body), let events = json["events"]?.array,
                let next = json["next_seq"]?.integer
            else { return .failed(.malformed(.missingMember)) }
            guard next > pulled else { return readOutbox() }
            pulled = next
            state = .taking(hasMore: json["has_more"]?.bool ?? false)
            return .take(PulledPage(items: events.map(HiveSketch.event), cursor: .position(String(next))))
        case (.taking(let hasMore), .committed): return hasMore ? pull() : readOutbox()
        case (.readingOutbox, .outbox(let events, let through)):
            guard through > sent else { return .finished(ExchangeProgress(isComplete: true, wire: .hive)) }
            // Never send a peer what began there.
            let theirs = HiveSketch.origin(of: key.replacing("key of ", with: "")).description
            return sign(events.filter { $0.event.family == .hive && $0.event.origin != theirs }, [], through)
        case (.signing(let events, var signatures, let through), .signed(let signature)):
            signatures.append(hexadecimal(signature))
            return sign(events, signatures, through)
        case (.pushing(let through), .response):
            // Acknowledged: only now is the cursor moved, and only now can a crash not send them twice.
            sent = through
            state = .acknowledging
            return .keep(["sent": Array(String(through).utf8)])
        case (.acknowledging, .kept): return readOutbox()
        default: preconditionFailure("\(state)")
        }
    }

    private mutating func shakeHands() -> ExchangeStep {
        state = .shakingHands
        hasShakenHands = true
        let body = HiveSketch.body { writer in
            writer.member("sync_group_name", wire.group)
            writer.member("instance_id", wire.instance)
            writer.member("signing_key", "key of " + wire.instance)
            writer.member("protocol_version", 1)
        }
        return .request(
            HTTPRequest(.post, "/sync/v1/handshake", fields: ["Content-Type": "application/json"], body: body),
            seals: [HiveSketch.handshakeSeal])
    }

    /// The handshake names no instance: the peer is who holds that key.
    private mutating func identify() -> ExchangeStep {
        state = .identifying
        return .identify(PeerIdentity(id: importedID(key, at: 0), name: key, version: "", wire: .hive))
    }

    private mutating func pull() -> ExchangeStep {
        state = .pulling
        return send(.get, "?since=\(pulled)&limit=500", [])
    }

    private mutating func readOutbox() -> ExchangeStep {
        state = .readingOutbox
        return .outbox(after: sent, limit: 100, bytes: 900_000)
    }

    private mutating func sign(_ events: [StoredEvent], _ signatures: [String], _ through: Int64) -> ExchangeStep {
        guard signatures.count == events.count else {
            state = .signing(events, signatures: signatures, through: through)
            return .sign(events[signatures.count].event.data ?? [], secret: "signing_key")
        }
        state = .pushing(through: through)
        return send(
            .post, "",
            HiveSketch.body { writer in
                writer.key("events")
                writer.array { for event in events { $0.raw(event.event.data ?? []) } }
                writer.member("signatures", signatures)
                writer.member("sender_seq", through)
            })
    }

    private func send(_ method: HTTPRequest.Method, _ query: String, _ body: [UInt8]) -> ExchangeStep {
        var fields: HTTPFields = body.isEmpty ? [:] : ["Content-Type": "application/json"]
        // Minted by the peer and kept as a value of the wire: no secret of the configuration.
        fields["Authorization"] = "Bearer " + (token ?? "")
        return .request(
            HTTPRequest(method, "/sync/v1/groups/\(remoteGroup)/events\(query)", fields: fields, body: body), seals: [])
    }
}
