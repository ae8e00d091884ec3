internal import FederationCore
internal import FederationCrypto
internal import Negentropy

/// One element of the sets that two mesh peers compare: one version of one document.
///
/// All of it is replicated data, the same wherever the version lies. An update or a deletion is a version of its own
/// and so an element of its own: what changed is seen, and what was deleted is not brought back.
struct SyncItem: Hashable {
    /// The document: a subject of the log.
    var key: String
    /// Milliseconds, from the version itself.
    var timestamp: UInt64
    /// A hash over key and content of the version, and whether it is a deletion.
    var id: ItemID

    /// - Parameter digest: the event's, as the log keeps it.
    /// - Returns: `nil` only for an event of a damaged log.
    init?(of event: Event, digest: Digest) {
        var hash = digest
        if event.family == .mesh {
            // A document of another system is known by its own bytes, so that the system can compute it too.
            guard let fingerprint = try? event.fingerprint(sha256) else { return nil }
            hash = fingerprint.normalHash
        }
        guard let id = ItemID(hash.bytes) else { return nil }
        self.init(key: event.subject, timestamp: UInt64(clamping: event.id.milliseconds), id: id)
    }

    init(key: String, timestamp: UInt64, id: ItemID) {
        self.key = key
        self.timestamp = timestamp
        self.id = id
    }

    var item: Item { Item(timestamp: timestamp, id: id) }
}

/// Documents on the wire, one JSON object a line, and the events that they are in the log.
///
/// - A document of a mesh: `{"key":…,"time":…,"deleted":…, …}`. Whatever else stands in it is kept as it came: it is
///   the event's `data`.
/// - A record of ours, where the peer's entry asks for them: `{"key":…,"time":…,"deleted":…,"event":{…}}` with the
///   event byte for byte.
enum MeshDocument {
    /// The line of an event; `nil` for a document whose content was removed here.
    static func line(of event: Event) -> [UInt8]? {
        if event.family == .mesh { return event.data }
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("key", event.subject)
            writer.member("time", event.id.milliseconds)
            writer.member("deleted", event.isDeletion)
            writer.key("event")
            writer.raw(event.json)
        }
        return writer.bytes
    }

    /// The event of a line.
    static func item(of line: [UInt8]) -> PulledItem {
        func refused(_ refusal: EventRefusal, key: String = "") -> PulledItem {
            .unreadable(refusal, bytes: line, id: "", subject: key.utf8.count <= Limits.eventTextBytes ? key : "")
        }
        guard line.count <= Limits.eventBytes + Limits.meshLineBytes else { return refused(.tooLarge(bytes: line.count)) }
        let json: JSON
        do { json = try JSON(line) } catch { return refused(.notJSON(error)) }
        guard json.isObject else { return refused(.notAnObject) }
        if let event = json["event"] { return PulledItem(json: Array(event.raw)) }
        do throws(EventRefusal) {
            // Where it has to wait it is kept as an event, and read again as one.
            let event = try event(of: json)
            return .event(event, bytes: event.json)
        } catch {
            return refused(error, key: json["key"]?.string ?? "")
        }
    }

    /// The event that a document of a mesh is: the same on every node that reads it.
    private static func event(of json: JSON) throws(EventRefusal) -> Event {
        guard !json.hasDuplicateKeys else { throw .duplicateKey }
        guard let key = json["key"] else { throw .missing(.traceID) }
        guard let subject = key.string else { throw .wrongType(.traceID) }
        guard subject.utf8.count <= Limits.eventTextBytes else { throw .textTooLong(.traceID, bytes: subject.utf8.count) }
        guard let time = json["time"] else { throw .missing(.timestamp) }
        guard let milliseconds = time.integer, (0...ULID.maxMilliseconds).contains(milliseconds) else {
            throw .wrongType(.timestamp)
        }
        let instance = json["mesh"]?.string ?? ""
        guard instance.utf8.count <= Limits.eventTextBytes else { throw .textTooLong(.origin, bytes: instance.utf8.count) }
        let isDeleted = json["deleted"]?.bool ?? false
        let data = Array(json.raw)
        guard data.count <= Limits.eventDataBytes else { throw .tooLarge(bytes: data.count) }
        guard !data.contains(where: { $0 < 0x20 }) else { throw .rawControlByte }
        return Event(
            id: Imported.id(milliseconds: milliseconds, hash: sha256(json.normalForm)),
            action: (isDeleted ? DocumentAction.delete : .put).rawValue, subject: subject,
            origin: Imported.origin(of: .mesh, instance: instance, sha256).description,
            originName: EventFamily.mesh.rawValue, timestamp: WallTime(milliseconds: milliseconds).rfc3339,
            payload: .full(data), clock: .empty)
    }
}

extension Event {
    /// Whether it takes its subject away.
    fileprivate var isDeletion: Bool {
        documentAction == .delete || knownAction == .trash || knownAction?.isPurge == true
    }
}
