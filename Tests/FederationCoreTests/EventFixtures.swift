import FederationCore
import FederationCrypto

/// The identities of the nodes in these tests: `node(1)`, `node(2)`, …
func node(_ number: Int) -> ULID { ULID(high: 0x0190_0000_0000_0000, low: UInt64(number)) }

/// Event ids in order of their number, a second apart.
func eventID(_ number: Int) -> ULID { ULID(milliseconds: 1_775_000_000_000 + Int64(number) * 1000, random: (0, 0)) }

let subject = "20260405-hello-abc123"

func snapshot(
    _ title: String = "Hello", body: String = "hello", type: String = "note", tags: [String] = [], tier: String = ""
) -> [UInt8] {
    var snapshot = Snapshot()
    snapshot.title = title
    snapshot.type = type
    snapshot.tags = tags
    snapshot.tier = tier
    snapshot.body = body
    return snapshot.data
}

/// An event of `node(origin)`; `clock` names nodes by their numbers.
func event(
    _ id: Int, _ action: String, by origin: Int = 1, _ clock: [Int: UInt64] = [:], data: [UInt8]? = nil,
    of subject: String = subject
) -> Event {
    let isContent = action == "create" || action == "update"
    var vector = VectorClock()
    for (number, counter) in clock { vector[node(number)] = counter }
    return Event(
        id: eventID(id), action: action, subject: subject, origin: node(origin).description, originName: "n\(origin)",
        timestamp: eventID(id).time.rfc3339, payload: .full(data ?? (isContent ? snapshot() : Array("{}".utf8))),
        clock: ReceivedClock(vector))
}

func event(
    _ id: Int, _ action: String, by origin: Int = 1, _ clock: [Int: UInt64] = [:], json: String
) -> Event {
    event(id, action, by: origin, clock, data: Array(json.utf8))
}

extension Event {
    /// The same event without its `data`.
    var stubbed: Event {
        guard case .full(let data) = payload else { return self }
        var stub = self
        let normal = (try? JSON(data))?.normalForm ?? data
        stub.payload = .stub(Stub(dataHash: sha256(data), normalHash: sha256(normal)))
        return stub
    }

    /// As it stands in a log; with its true hashes if a test asks for them, which take time.
    func stored(
        _ verification: Verification = .none, receivedAt: WallTime = WallTime(milliseconds: 0),
        hold: HoldReason? = nil, hashed: Bool = false
    ) -> StoredEvent {
        let fingerprint = hashed ? try? fingerprint(sha256) : nil
        return StoredEvent(
            seq: 1, event: self, digest: fingerprint?.digest ?? noDigest,
            signedHash: hashed ? fingerprint?.signedHash : noDigest,
            verification: verification, peer: "", receivedAt: receivedAt, hold: hold)
    }
}

private let noDigest = sha256([])

func computed(_ events: [Event]) -> Record? { RecordFunction.record(of: subject, from: events).record }

/// The reasons of what is held, by the number of its id.
func holds(_ events: [Event]) -> [ULID: HoldReason] {
    var holds: [ULID: HoldReason] = [:]
    for standing in RecordFunction.record(of: subject, from: events).standings { holds[standing.id] = standing.hold }
    return holds
}
