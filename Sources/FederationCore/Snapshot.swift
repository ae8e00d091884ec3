/// The whole content of a record, as a create or update carries it (Noema section 1.5).
public struct Snapshot: Hashable, Sendable {
    public var title = ""
    /// One of `TraceType`'s in what we write; any text in what we read.
    public var type = ""
    public var author = ""
    public var tags: [String] = []
    public var derivedFrom: [String] = []
    public var origin = ""
    /// Empty when absent, which means `short`.
    public var tier = ""
    public var body = ""
    public var contentHash = ""
    public var sourceHash = ""
    public var sourceLocked = false

    /// Every member empty: `title`, `type` and `body` are to be set.
    public init() {}

    /// Reads the `data` of a create or update. Missing members are empty, as the Go line reads them.
    ///
    /// - Throws: `EventRefusal.malformedSnapshot` where a member has another type than Noema's.
    public init(data: [UInt8]) throws(EventRefusal) { try self.init(data: data, withBody: true) }

    /// The same, with an empty body where it is not asked for: it is most of the bytes.
    init(data: [UInt8], withBody: Bool) throws(EventRefusal) {
        let json: JSON
        do { json = try JSON(data) } catch { throw .notJSON(error) }
        try self.init(json: json, withBody: withBody)
    }

    /// The same of what was read as JSON already.
    init(json: JSON, withBody: Bool = true) throws(EventRefusal) {
        func text(_ key: String) throws(EventRefusal) -> String {
            guard let value = json[key], !value.isNull else { return "" }
            guard let text = value.string else { throw .malformedSnapshot(member: key) }
            return text
        }
        func checkText(_ key: String) throws(EventRefusal) {
            guard let value = json[key], !value.isNull else { return }
            guard value.isString else { throw .malformedSnapshot(member: key) }
        }
        func list(_ key: String) throws(EventRefusal) -> [String] {
            guard let value = json[key], !value.isNull else { return [] }
            guard let items = value.array else { throw .malformedSnapshot(member: key) }
            let texts = items.compactMap(\.string)
            guard texts.count == items.count else { throw .malformedSnapshot(member: key) }
            return texts
        }
        title = try text("title")
        type = try text("type")
        author = try text("author")
        tags = try list("tags")
        derivedFrom = try list("derived_from")
        origin = try text("origin")
        tier = try text("tier")
        if withBody { body = try text("body") } else { try checkText("body") }
        contentHash = try text("content_hash")
        sourceHash = try text("source_hash")
        if let locked = json["source_locked"], !locked.isNull {
            guard let value = locked.bool else { throw .malformedSnapshot(member: "source_locked") }
            sourceLocked = value
        }
    }

    /// `data` as Noema writes it: compact, its key order, empty optional members left out.
    public var data: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("title", title)
            writer.member("type", type)
            if !author.isEmpty { writer.member("author", author) }
            if !tags.isEmpty { writer.member("tags", tags) }
            if !derivedFrom.isEmpty { writer.member("derived_from", derivedFrom) }
            if !origin.isEmpty { writer.member("origin", origin) }
            if !tier.isEmpty { writer.member("tier", tier) }
            writer.member("body", body)
            if !contentHash.isEmpty { writer.member("content_hash", contentHash) }
            if !sourceHash.isEmpty { writer.member("source_hash", sourceHash) }
            if sourceLocked { writer.member("source_locked", true) }
        }
        return writer.bytes
    }

    /// `sha256:` and the hash of the body's UTF-8 (Noema section 1.6).
    package static func contentHash(of body: String, _ sha256: SHA256) -> String { contentHash(of: Array(body.utf8), sha256) }

    static func contentHash(of body: [UInt8], _ sha256: SHA256) -> String { "sha256:" + sha256(body).hex }
}

/// The record types that Noema knows (section 1.6).
public enum TraceType: String, Hashable, Sendable, CaseIterable {
    case fact, decision, preference, context, skill, intent, observation, note, divergence
}

/// How long a record is meant to live (Noema section 1.6).
public enum Tier: String, Hashable, Sendable, CaseIterable { case short, mid, long }

/// The form of Noema's trace ids: `^[0-9]{8}-[a-z0-9][a-z0-9-]{0,99}$` (section 1.6).
public func isTraceID(_ text: String) -> Bool {
    let bytes = text.utf8.span
    guard bytes.count >= 10, bytes.count <= 109 else { return false }
    func isDigit(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte }
    func isSlug(_ byte: UInt8) -> Bool { 0x61...0x7A ~= byte || isDigit(byte) }
    for place in 0..<8 where !isDigit(bytes[place]) { return false }
    guard bytes[8] == 0x2D, isSlug(bytes[9]) else { return false }
    for place in 10..<bytes.count where !isSlug(bytes[place]) && bytes[place] != 0x2D { return false }
    return true
}
