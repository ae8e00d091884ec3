import FederationCore
import FederationCrypto
import FederationStore
import Glibc

/// What a store costs that holds many events: fills one, and measures what is added to it (docs/benchmarks/store.md).
///
///     StoreBench fill DATABASE COUNT      takes signed events of three origins in, as from a peer
///     StoreBench append DATABASE COUNT    the cost of an event, in the log alone and with all that follows from it
@main struct StoreBench {
    static func main() async throws {
        let words = CommandLine.arguments
        guard words.count == 4, let count = Int(words[3]) else {
            print("usage: StoreBench fill|append DATABASE COUNT")
            exit(2)
        }
        let store = try SQLiteStore(path: words[2])
        let held = try await store.read { (log) throws(StoreFailure) in try log.eventCount() }
        var source = try EventSource(from: Int(held))
        switch words[1] {
        case "fill": _ = try await take(count, from: &source, into: store)
        case "append":
            let bare = try await append(count, from: &source, into: store)
            let whole = try await take(count, from: &source, into: store)
            print("\(held) held: \(tenths(bare / count)) us an event in the log alone, \(tenths(whole / count)) us taken in")
        default: exit(2)
        }
        await store.close()
    }

    /// - Returns: nanoseconds in transactions.
    private static func take(_ count: Int, from source: inout EventSource, into store: SQLiteStore) async throws -> Int {
        let intake = Intake(
            IntakePolicy(node: ULID.max, sha256: sha256, isOwnSignature: { _, _ in false }, originCheck: { _, _ in .none }))
        var spent = 0
        for start in stride(from: 0, to: count, by: 1000) {
            let items = try source.page(min(1000, count - start)).map { PulledItem.event($0, bytes: $0.json) }
            let now = source.now
            let begun = ContinuousClock.now
            try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                _ = try intake.take(PulledPage(items: items, cursor: .none), from: "bench", now: now, into: &log)
            }
            spent += nanoseconds(since: begun)
        }
        return spent
    }

    private static func append(_ count: Int, from source: inout EventSource, into store: SQLiteStore) async throws -> Int {
        var spent = 0
        for start in stride(from: 0, to: count, by: 1000) {
            let now = source.now
            let entries = try source.page(min(1000, count - start)).map { event in
                LogEntry(
                    event: event, fingerprint: try event.fingerprint(sha256), verification: .none, peer: "bench",
                    receivedAt: now)
            }
            let begun = ContinuousClock.now
            try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                for entry in entries { _ = try log.append(entry) }
            }
            spent += nanoseconds(since: begun)
        }
        return spent
    }

    private static func nanoseconds(since begun: ContinuousClock.Instant) -> Int {
        let spent = (ContinuousClock.now - begun).components
        return Int(spent.seconds) * 1_000_000_000 + Int(spent.attoseconds / 1_000_000_000)
    }

    private static func tenths(_ nanoseconds: Int) -> String { "\(nanoseconds / 1000).\(nanoseconds % 1000 / 100)" }
}

/// Events of three origins in turn, each the create of a record of its own, of some 600 bytes.
struct EventSource {
    private let keys: [SigningKey]
    private let origins: [ULID]
    private var next: Int
    let now = WallTime(milliseconds: 1_790_000_000_000)

    init(from first: Int) throws {
        keys = try (1...3).map { number in try SigningKey(seed: [UInt8](repeating: UInt8(number), count: 32)) }
        origins = (1...3).map { ULID(milliseconds: 1_700_000_000_000, random: (0, $0)) }
        next = first
    }

    mutating func page(_ count: Int) throws -> [Event] {
        try (0..<count).map { _ in
            defer { next += 1 }
            return try event(next)
        }
    }

    private func event(_ place: Int) throws -> Event {
        let origin = place % 3
        let id = ULID(milliseconds: 1_760_000_000_000 + Int64(place) * 7, random: (0, UInt64(place)))
        var snapshot = Snapshot()
        snapshot.title = "Note \(place)"
        snapshot.type = "note"
        snapshot.body = "Body of note \(place). " + String(repeating: "Some words. ", count: 20)
        snapshot.contentHash = Snapshot.contentHash(of: snapshot.body, sha256)
        var event = Event(
            id: id, action: "create", subject: "20260101-note-\(place)", origin: origins[origin].description,
            originName: "node-\(origin)", timestamp: id.time.rfc3339, payload: .full(snapshot.data),
            clock: ReceivedClock(VectorClock([origins[origin]: UInt64(place / 3 + 1)])))
        let signature = keys[origin].sign(event.signingPreimage(dataHash: try event.fingerprint(sha256).dataHash))
        event.signature = signature.description
        event.publicKey = keys[origin].publicKey.description
        return event
    }
}
