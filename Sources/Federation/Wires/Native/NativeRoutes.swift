import FederationCore

/// What the native wire serves: `GET /federation/v1/identity` and `GET /federation/v1/events`.
struct NativeRoutes {
    let node: NodeIdentity
    let view: any LogReading
    let context: RouteContext
    var pageBytes = Limits.pageBytes

    private var sha256: SHA256 { context.sha256 }

    static let identityPath = "/federation/v1/identity"
    static let eventsPath = "/federation/v1/events"
    /// The media type of a page of events.
    static let pageType = "application/x-ndjson"

    /// A request that is not served, and why, for the person who made it.
    struct Refusal: Error {
        var status: Int
        var code: String
        var message: String

        func response(fields: HTTPFields = [:]) -> HTTPResponse {
            var writer = JSONWriter()
            writer.object { writer in
                writer.key("error")
                writer.object {
                    $0.member("code", code)
                    $0.member("message", message)
                }
            }
            return .json(status, writer.bytes, fields: fields)
        }
    }

    func respond(to request: ServedRequest) throws(StoreFailure) -> RouteReply {
        guard let methods = methods(of: request.path) else {
            return RouteReply(Refusal(status: 404, code: "not_found", message: "There is nothing here.").response())
        }
        guard methods.contains(request.method) else {
            return RouteReply(.otherMethod(than: methods.joined(separator: ", "), asked: request.method))
        }
        let asker = request.fields[NativeField.node]
        let claimed = asker.flatMap { ULID($0) }
        guard asker == nil || claimed != nil else {
            let refusal = Refusal(status: 400, code: "invalid_node", message: "\(NativeField.node) must be a ULID.")
            return RouteReply(refusal.response())
        }
        // Every log has an epoch from its first day; without one its positions would promise what they cannot hold.
        guard let epochs = LogEpochs(stored: try view.meta(.epoch) ?? "") else { throw .corrupt }
        let head = try NativePosition.head(of: view, epoch: epochs.current)
        var greeting = NativeGreeting(node: node, head: head, held: nil)
        if let claimed { greeting.held = try view.highestNumber(of: claimed.description) ?? 0 }
        if request.path == NativeRoutes.identityPath {
            greeting.successions = try view.successions(of: node.id).map(\.attestation)
        }
        if NativePushRoute.isPush(request) {
            var reply = try NativePushRoute(view: view, context: context, greeting: greeting).reply(to: request)
            reply.claimedNode = claimed
            return reply
        }
        if let pusher = context.pusher {
            greeting.wants = NativePush.text(try view.state(StateKey.peer(pusher.name, .position)))
        }
        let response =
            request.path == NativeRoutes.identityPath
            ? HTTPResponse.json(200, greeting.json, fields: greeting.fields)
            : try served(request, greeting, epochs, head)
        var reply = RouteReply(claimedNode: claimed) { _ in response }
        reply.hold = hold(request, response, head: head)
        return reply
    }

    /// An empty page that is asked for with `wait` is worth waiting for.
    private func hold(_ request: ServedRequest, _ response: HTTPResponse, head: NativePosition) -> RouteHold? {
        guard context.mayHold, response.status == 200, response.fields[NativeField.count] == "0",
            response.fields[NativeField.attestations] == nil,
            request.parameter("id") == nil, request.parameter("until") == nil, request.parameter("origin") == nil,
            let seconds = request.parameter("wait").flatMap({ Int64($0) }), seconds > 0
        else { return nil }
        let longest = Limits.longestHold
        return RouteHold(past: head.seq, atMost: seconds < longest.components.seconds ? .seconds(seconds) : longest)
    }

    private func methods(of path: String) -> [String]? {
        switch path {
        case NativeRoutes.identityPath, NativeReconcileRoutes.digestPath: ["GET"]
        case NativeRoutes.eventsPath: ["GET", "POST"]
        case NativeReconcileRoutes.reconcilePath: ["POST"]
        default: nil
        }
    }

    /// What a node in subscribe mode does not answer.
    private func served(
        _ request: ServedRequest, _ greeting: NativeGreeting, _ epochs: LogEpochs, _ head: NativePosition
    ) throws(StoreFailure) -> HTTPResponse {
        guard node.mode.serves else {
            let refusal = Refusal(
                status: 403, code: "subscribe_mode", message: "A node in subscribe mode serves no events.")
            return refusal.response(fields: greeting.fields)
        }
        let comparing = NativeReconcileRoutes(view: view, sha256: sha256, greeting: greeting, pageBytes: pageBytes)
        switch (request.path, request.method) {
        case (NativeReconcileRoutes.digestPath, _): return try comparing.digest(request)
        case (NativeReconcileRoutes.reconcilePath, _): return try comparing.reconcile(request)
        case (_, "POST"): return try comparing.events(request)
        default: return try events(request, greeting, epochs, head)
        }
    }

    private func events(
        _ request: ServedRequest, _ greeting: NativeGreeting, _ epochs: LogEpochs, _ head: NativePosition
    ) throws(StoreFailure) -> HTTPResponse {
        let query: EventsQuery
        do throws(Refusal) { query = try EventsQuery(request) } catch { return error.response(fields: greeting.fields) }
        switch query {
        case .named(let ids): return try named(ids, greeting)
        case .numbered(let query): return try query.page(of: view, pageBytes: pageBytes, fields: greeting.fields)
        case .after(let text, let until, let limit, let marks):
            guard let start = try place(text, epochs, head),
                let end = try until.map({ (text) throws(StoreFailure) in try place(text, epochs, head) })
                    ?? head
            else {
                let refusal = Refusal(
                    status: 409, code: "position_unknown",
                    message: "This position is not one of this log: start over, without one.")
                return refusal.response(fields: greeting.fields)
            }
            guard until == nil || end.seq > start.seq else {
                let refusal = Refusal(status: 400, code: "invalid_query", message: "until must come after after.")
                return refusal.response(fields: greeting.fields)
            }
            var response = try page(
                after: start, until: until == nil ? nil : end, limit: limit, greeting, head,
                attested: NativeAttestations.asked(request), isFirst: text == nil)
            try nameMarks(marks, step: limit, in: &response.fields, head)
            return response
        }
    }

    private func page(
        after start: NativePosition, until end: NativePosition?, limit: Int, _ greeting: NativeGreeting,
        _ head: NativePosition, attested: Int64?, isFirst: Bool
    ) throws(StoreFailure) -> HTTPResponse {
        let page = try NativeLogPage(of: view, after: start, until: end, limit: limit, bytes: pageBytes)
        var last = page.last
        if let end, try isNothing(between: last, and: end) { last = end }
        var fields = greeting.fields
        fields[NativeField.position] = last.text
        fields[NativeField.more] = last.seq < head.seq && last.seq > start.seq ? "true" : "false"
        fields[NativeField.rest] = try view.rest(after: last.seq).text
        var response = page.lines.response(fields: fields)
        try NativeAttestations(
            asked: attested, page.spans, isFirst: isFirst, endsLog: last.seq >= head.seq, of: node.id,
            in: view
        ).attach(to: &response)
        return response
    }

    /// The events of these ids that are here, in the order asked. If the page is full before the last, there is more.
    private func named(_ ids: [ULID], _ greeting: NativeGreeting) throws(StoreFailure) -> HTTPResponse {
        var lines = LogLines(room: pageBytes)
        var isCut = false
        for id in ids {
            guard let stored = try view.event(id) else { continue }
            guard lines.append(stored) else {
                isCut = true
                break
            }
        }
        var fields = greeting.fields
        fields[NativeField.more] = isCut ? "true" : "false"
        return lines.response(fields: fields)
    }
}

/// What `/events` is asked for.
enum EventsQuery {
    case after(String?, until: String?, limit: Int, marks: Int)
    case named([ULID])
    case numbered(NumbersQuery)

    init(_ request: ServedRequest) throws(NativeRoutes.Refusal) {
        if let query = try NumbersQuery(request) {
            self = .numbered(query)
            return
        }
        let ids = request.query.filter { $0.name == "id" }
        guard ids.isEmpty else {
            guard request.parameter("after") == nil else {
                throw NativeRoutes.Refusal(
                    status: 400, code: "invalid_query", message: "Ask by id or after a position.")
            }
            guard ids.count <= Limits.eventsByID else {
                throw NativeRoutes.Refusal(
                    status: 400, code: "too_many_ids", message: "At most \(Limits.eventsByID) ids a request.")
            }
            let parsed = ids.compactMap { ULID($0.value) }
            guard parsed.count == ids.count else {
                throw NativeRoutes.Refusal(status: 400, code: "invalid_id", message: "Every id must be a ULID.")
            }
            self = .named(parsed)
            return
        }
        let limit = try EventsQuery.limit(request)
        var marks = 0
        if let text = request.parameter("marks") {
            guard let number = Int(text), number >= 0 else {
                throw NativeRoutes.Refusal(
                    status: 400, code: "invalid_marks", message: "marks must be a number, zero or above.")
            }
            marks = min(number, Limits.marks)
        }
        if let text = request.parameter("wait"), Int64(text).map({ $0 < 0 }) ?? true {
            throw NativeRoutes.Refusal(
                status: 400, code: "invalid_wait", message: "wait must be a number of seconds, zero or above.")
        }
        let after = request.parameter("after")
        let until = request.parameter("until")
        self = .after(
            after?.isEmpty ?? true ? nil : after, until: until?.isEmpty ?? true ? nil : until, limit: limit,
            marks: marks)
    }
}

extension EventsQuery {
    static func limit(_ request: ServedRequest) throws(NativeRoutes.Refusal) -> Int {
        guard let text = request.parameter("limit") else { return Limits.pageEvents }
        guard let number = Int(text), number > 0 else {
            throw NativeRoutes.Refusal(
                status: 400, code: "invalid_limit", message: "limit must be a number above zero.")
        }
        return min(number, Limits.pageEvents)
    }
}

extension LogLines {
    func response(fields: HTTPFields) -> HTTPResponse {
        var fields = fields
        fields["Content-Type"] = NativeRoutes.pageType
        fields[NativeField.count] = String(places.count)
        return HTTPResponse(status: 200, fields: fields, body: bytes)
    }
}
