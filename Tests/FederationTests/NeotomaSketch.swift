import FederationCore
import FederationCrypto
import FederationTestKit

@testable import Federation

/// Neotoma's conversation, as far as it can bend the seam: a signed notice without content, answered by a call-back.
struct NeotomaSketch: Wire {
    struct Peer {
        /// As it names itself in its notices.
        var id: String
        var url: String
        var name: String
    }

    /// What its settings name.
    var localID: String
    var localURL: String
    var peers: [Peer]

    var name: WireName { .neotoma }
    var routes: [String] { ["/sync/webhook", "/entities"] }
    func exchange() -> any Exchange { NeotomaExchangeSketch(wire: self, callsBackOnly: nil) }

    static func seal(of peer: String) -> RequestSeal {
        .hmac(secret: "neotoma/" + peer, field: "X-Neotoma-Sync-Signature-256", prefix: "sha256=")
    }

    static let noticePrefix = "notice:"

    /// A snapshot as an event: who imports the same state of the same entity writes the same event.
    static func item(_ json: JSON, from peer: String) -> PulledItem {
        guard let entity = json["entity_id"]?.string, let type = json["entity_type"]?.string,
            json["snapshot"]?.isObject == true, let seen = json["last_observation_at"]?.string,
            let time = WallTime(rfc3339: seen)
        else { return .unreadable(.missing(.data), bytes: Array(json.raw), id: "", subject: "") }
        let event = Event(
            id: importedID("\(peer)\n\(entity)\n\(seen)", at: time.milliseconds), action: "neotoma:" + type,
            subject: "neotoma-" + entity, origin: importedID("neotoma:" + peer, at: 0).description, originName: peer,
            timestamp: seen, payload: .full(Array(json.raw)), clock: .empty)
        return .event(event, bytes: event.json)
    }

    // MARK: Routes

    func respond(
        to request: ServedRequest, context: RouteContext, view: any LogReading
    ) throws(StoreFailure) -> RouteReply {
        guard request.path == "/sync/webhook" else { return try entity(request, view) }
        guard let json = try? JSON(request.body), let members = json.members else {
            return refusal(400, "VALIDATION_ERROR")
        }
        let known = ["sender_peer_id", "sender_peer_url", "target_user_id", "entity_id", "source_observation_id"]
        guard members.allSatisfy({ known.contains($0.key) }) else { return refusal(400, "ERR_UNKNOWN_FIELD") }
        guard let sender = json["sender_peer_id"]?.string, let entity = json["entity_id"]?.string, !entity.isEmpty
        else {
            return refusal(400, "VALIDATION_ERROR")
        }
        // Only the body tells whose secret it is; the host compares, and the secret stays with it.
        guard let peer = peers.first(where: { $0.id == sender }), context.carries(NeotomaSketch.seal(of: peer.name))
        else {
            return refusal(401, "SYNC_WEBHOOK_UNAUTHORIZED")
        }
        guard json["sender_peer_url"]?.string == peer.url else { return refusal(500, "SYNC_WEBHOOK_FAILED") }
        let observation = json["source_observation_id"]?.string ?? ""
        // The sender takes a 2xx for the end of it, so the notice is on disk before it gets one.
        let commit = RouteCommit(
            peerName: peer.name, wireValues: [NeotomaSketch.noticePrefix + entity: Array(observation.utf8)])
        let callBack = NeotomaExchangeSketch(wire: self, callsBackOnly: entity)
        return RouteReply(commit: commit, callBack: (peer.name, callBack), contactWith: peer.name) { _ in
            .json(
                200,
                HiveSketch.body { writer in
                    writer.member("status", "applied")
                    writer.member("entity_id", entity)
                })
        }
    }

    private func entity(_ request: ServedRequest, _ view: any LogReading) throws(StoreFailure) -> RouteReply {
        let id = String(request.path.dropFirst("/entities/".count))
        guard let last = try view.events(of: "neotoma-" + id).last, let data = last.event.data else {
            return refusal(404, "RESOURCE_NOT_FOUND")
        }
        return RouteReply(.json(200, data))
    }

    private func refusal(_ status: Int, _ code: String) -> RouteReply {
        RouteReply(.json(status, HiveSketch.body { $0.member("error_code", code) }))
    }
}

/// A poll: notices that were not answered yet, then a notice for each event that the peer has not been told of. A
/// call-back is the first part of it for one entity.
struct NeotomaExchangeSketch: Exchange {
    private enum State {
        case identifying
        case fetching(String)
        case taking(String)
        case forgetting, readingOutbox
        case notifying([StoredEvent], through: Int64)
        case acknowledging
    }

    let wire: NeotomaSketch
    let callsBackOnly: String?
    private var state = State.identifying
    private var peer = ""
    private var pending: [String] = []
    private var sent: Int64 = 0

    init(wire: NeotomaSketch, callsBackOnly: String?) {
        self.wire = wire
        self.callsBackOnly = callsBackOnly
    }

    mutating func begin(_ context: ExchangeContext) -> ExchangeStep {
        peer = context.peerName
        sent = context.wireValues["sent"].flatMap { Int64(String(decoding: $0, as: UTF8.self)) } ?? 0
        let prefix = NeotomaSketch.noticePrefix
        pending = context.wireValues.keys.filter { $0.hasPrefix(prefix) }.sorted().map {
            String($0.dropFirst(prefix.count))
        }
        if let callsBackOnly { pending = pending.filter { $0 == callsBackOnly } }
        let id = wire.peers.first { $0.name == peer }?.id ?? ""
        return .identify(PeerIdentity(id: importedID("neotoma:" + id, at: 0), name: id, version: "", wire: .neotoma))
    }

    mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep {
        switch (state, answer) {
        case (_, .transport(let failure)): return .failed(.transport(failure))
        case (.identifying, .identityAccepted), (.forgetting, .kept): return fetchNext()
        case (.fetching(let entity), .response(let response)):
            if response.status == 404 { return forget(entity) }
            guard response.status == 200 else { return .failed(.status(response.status)) }
            guard let json = try? JSON(response.body) else { return .failed(.malformed(.missingMember)) }
            let id = wire.peers.first { $0.name == peer }?.id ?? ""
            state = .taking(entity)
            return .take(PulledPage(items: [NeotomaSketch.item(json, from: id)], cursor: .none))
        case (.taking(let entity), .committed): return forget(entity)
        case (.readingOutbox, .outbox(let events, let through)):
            guard through > sent else { return .finished(ExchangeProgress(isComplete: true, wire: .neotoma)) }
            let theirs = importedID("neotoma:" + (wire.peers.first { $0.name == peer }?.id ?? ""), at: 0).description
            return notifyNext(events.filter { $0.event.family == .neotoma && $0.event.origin != theirs }, through)
        case (.notifying(let events, let through), .response(let response)):
            guard (200..<300).contains(response.status) else { return .failed(.status(response.status)) }
            return notifyNext(Array(events.dropFirst()), through)
        case (.acknowledging, .kept): return readOutbox()
        default: preconditionFailure("\(state)")
        }
    }

    private mutating func fetchNext() -> ExchangeStep {
        guard !pending.isEmpty else {
            guard callsBackOnly == nil else { return .finished(ExchangeProgress(isComplete: true, wire: .neotoma)) }
            return readOutbox()
        }
        let entity = pending.removeFirst()
        state = .fetching(entity)
        return .request(
            HTTPRequest(.get, "/entities/" + percentEncoded(entity), fields: ["Accept": "application/json"]), seals: [])
    }

    private mutating func forget(_ entity: String) -> ExchangeStep {
        state = .forgetting
        return .keep([NeotomaSketch.noticePrefix + entity: nil])
    }

    private mutating func readOutbox() -> ExchangeStep {
        state = .readingOutbox
        return .outbox(after: sent, limit: 200, bytes: 1 << 20)
    }

    private mutating func notifyNext(_ events: [StoredEvent], _ through: Int64) -> ExchangeStep {
        guard let next = events.first else {
            sent = through
            state = .acknowledging
            return .keep(["sent": Array(String(through).utf8)])
        }
        state = .notifying(events, through: through)
        let body = HiveSketch.body { writer in
            writer.member("entity_id", String(next.event.subject.dropFirst("neotoma-".count)))
            writer.member("sender_peer_id", wire.localID)
            writer.member("sender_peer_url", wire.localURL)
            writer.member("source_observation_id", next.event.id.description)
            writer.member("target_user_id", "00000000-0000-0000-0000-000000000000")
        }
        return .request(
            HTTPRequest(.post, "/sync/webhook", fields: ["Content-Type": "application/json"], body: body),
            seals: [NeotomaSketch.seal(of: peer)])
    }
}
