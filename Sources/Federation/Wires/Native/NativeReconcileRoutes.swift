import FederationCore

/// What the native wire serves so that two logs can be compared: their digests, the messages of a reconciliation, and
/// events by digest.
struct NativeReconcileRoutes {
    let view: any LogReading
    let sha256: SHA256
    let greeting: NativeGreeting
    var pageBytes = Limits.pageBytes

    static let reconcilePath = "/federation/v1/reconcile"
    static let digestPath = "/federation/v1/digest"

    /// `GET …/digest?before=<milliseconds>`.
    func digest(_ request: ServedRequest) throws(StoreFailure) -> HTTPResponse {
        guard let text = request.parameter("before"), let below = UInt64(text), below < Limits.counter else {
            return refuse(400, "invalid_query", "before must be a number of milliseconds since 1970.")
        }
        let digests = try LogDigests(of: view, below: below, sha256)
        return .json(200, digests.json, fields: greeting.fields)
    }

    /// `POST …/reconcile`: one message in, one out, in bytes or, for people, as hexadecimal text.
    func reconcile(_ request: ServedRequest) throws(StoreFailure) -> HTTPResponse {
        let isText = request.fields.mediaType == "text/plain"
        guard isText || request.fields.mediaType == "application/octet-stream" else {
            return refuse(415, "content_type", "Send application/octet-stream, or text/plain with hexadecimal digits.")
        }
        guard request.body.count <= Limits.reconcileMessageBytes * (isText ? 2 : 1) else {
            return refuse(413, "too_large", "A message has at most \(Limits.reconcileMessageBytes) bytes.")
        }
        guard let message = isText ? bytes(ofHexadecimal: request.body) : request.body,
            let answer = try LogReconciliation.respond(to: message, in: view)
        else { return refuse(400, "invalid_message", "This is no message of a reconciliation.") }
        var fields = greeting.fields
        fields["Content-Type"] = isText ? "text/plain" : "application/octet-stream"
        return HTTPResponse(status: 200, fields: fields, body: isText ? Array(hexadecimal(answer).utf8) : answer)
    }

    /// `POST …/events`: those of the named events that are here.
    func events(_ request: ServedRequest) throws(StoreFailure) -> HTTPResponse {
        guard let groups = NeededGroups(json: request.body) else {
            return refuse(
                400, "invalid_items",
                "Send at most \(Limits.eventsByDigest) digests as {\"items\":[{\"from\":…,\"through\":…,\"digests\":[…]}]}.")
        }
        var lines = LogLines(room: pageBytes)
        var dealt = 0
        var room = Limits.itemsSearched
        search: for group in groups.groups where room > 0 {
            let found = try places(of: group, room: &room)
            for digest in group.digests {
                if let item = found[digest], let stored = try view.event(of: item), !lines.append(stored) {
                    break search
                }
                dealt += 1
            }
        }
        var fields = greeting.fields
        fields[NativeField.dealt] = String(dealt)
        return lines.response(fields: fields)
    }

    private func places(of group: NeededGroups.Group, room: inout Int) throws(StoreFailure) -> [Digest: LogItem] {
        let wanted = Set(group.digests)
        var found: [Digest: LogItem] = [:]
        let start = LogItem(time: group.times.lowerBound, digest: Digest.lowest)
        let end = LogItem(time: group.times.upperBound + 1, digest: Digest.lowest)
        for item in try view.items(from: start, below: end, limit: room) {
            room -= 1
            if wanted.contains(item.digest) { found[item.digest] = item }
        }
        return found
    }

    private func refuse(_ status: Int, _ code: String, _ message: String) -> HTTPResponse {
        NativeRoutes.Refusal(status: status, code: code, message: message).response(fields: greeting.fields)
    }

    private func bytes(ofHexadecimal text: [UInt8]) -> [UInt8]? {
        guard text.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: text.count, by: 2) {
            guard let high = UInt8(digit: text[index]), let low = UInt8(digit: text[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}

extension UInt8 {
    /// The value of a hexadecimal digit; a sign, which the library's own reading of a number takes, is none.
    init?(digit: UInt8) {
        guard let value = UInt8(String(UnicodeScalar(digit)), radix: 16) else { return nil }
        self = value
    }
}

/// Events asked for by digest, those together that lie between the same times.
struct NeededGroups {
    struct Group {
        var times: ClosedRange<UInt64>
        var digests: [Digest]
    }

    private(set) var groups: [Group] = []

    init(_ items: some Sequence<NeededItem>) {
        for item in items {
            if groups.last?.times == item.times {
                groups[groups.count - 1].digests.append(item.digest)
            } else {
                groups.append(Group(times: item.times, digests: [item.digest]))
            }
        }
    }

    /// Reads what `json` wrote; `nil` for anything else, and for too much.
    init?(json bytes: [UInt8]) {
        guard let items = (try? JSON(bytes))?["items"]?.array, items.count <= Limits.eventsByDigest else { return nil }
        var count = 0
        for item in items {
            // The end of time is where a range without an end ends.
            guard let from = item["from"]?.unsigned, let through = item["through"]?.unsigned, from <= through,
                let texts = item["digests"]?.array
            else { return nil }
            let digests = texts.compactMap { $0.string.flatMap { Digest(hex: $0) } }
            count += texts.count
            guard digests.count == texts.count, count <= Limits.eventsByDigest else { return nil }
            let last = UInt64(ULID.maxMilliseconds)
            groups.append(Group(times: min(from, last)...min(through, last), digests: digests))
        }
    }

    var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("items")
            writer.array { writer in
                for group in groups {
                    writer.object {
                        $0.member("from", group.times.lowerBound)
                        $0.member("through", group.times.upperBound)
                        $0.member("digests", group.digests.map(\.hex))
                    }
                }
            }
        }
        return writer.bytes
    }
}

extension LogDigests {
    var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("before", below)
            writer.member("count", all.count)
            writer.member("digest", all.digest.hex)
            guard let origins else { return }
            writer.key("origins")
            writer.array { writer in
                for origin in origins {
                    writer.object {
                        $0.member("origin", origin.origin)
                        $0.member("count", origin.digest.count)
                        $0.member("digest", origin.digest.digest.hex)
                    }
                }
            }
        }
        return writer.bytes
    }

    /// Reads what `json` wrote.
    init(json bytes: [UInt8]) throws(ExchangeFailure) {
        let json: JSON
        do { json = try JSON(bytes) } catch { throw .malformed(.notJSON(error)) }
        guard let below = json["before"]?.unsigned, let all = SetDigest(json) else { throw .malformed(.missingMember) }
        var origins: [OriginDigest]?
        if let list = json["origins"]?.array {
            origins = []
            for each in list.prefix(Limits.digestedOrigins) {
                guard let origin = each["origin"]?.string, origin.utf8.count <= Limits.eventTextBytes,
                    let digest = SetDigest(each)
                else { throw .malformed(.missingMember) }
                origins?.append(OriginDigest(origin: origin, digest: digest))
            }
        }
        self.init(below: below, all: all, origins: origins)
    }
}

extension SetDigest {
    fileprivate init?(_ json: JSON) {
        guard let count = json["count"]?.integer, count >= 0, let digest = json["digest"]?.string.flatMap({ Digest(hex: $0) })
        else { return nil }
        self.init(count: count, digest: digest)
    }
}
