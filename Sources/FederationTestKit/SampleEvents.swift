package import FederationCore
import FederationCrypto

/// Events and ids for tests, made from small numbers so that a failing test reads well.
package enum Sample {
    /// 2026-01-01T00:00:00Z.
    package static let epoch = WallTime(milliseconds: 1_767_225_600_000)

    /// `epoch` and some milliseconds.
    package static func time(_ milliseconds: Int64) -> WallTime { epoch.advanced(by: .milliseconds(milliseconds)) }

    /// The id of a moment after `epoch`; `salt` tells ids of one moment apart.
    package static func id(_ milliseconds: Int64, salt: UInt64 = 0) -> ULID {
        ULID(milliseconds: epoch.milliseconds + milliseconds, random: (0, salt))
    }

    /// The identity of the n-th node.
    package static func node(_ number: UInt64) -> ULID { ULID(milliseconds: 1_700_000_000_000, random: (0, number)) }

    /// The `data` of a create or update with a matching content hash.
    package static func snapshot(_ body: String, type: String = "note", tags: [String] = []) -> [UInt8] {
        var snapshot = Snapshot()
        snapshot.title = "Title"
        snapshot.type = type
        snapshot.tags = tags
        snapshot.body = body
        snapshot.contentHash = Snapshot.contentHash(of: body, sha256)
        return snapshot.data
    }

    /// An event of node `origin`, whose clock is `clock` by node number; without `data`, a content event has the
    /// snapshot of `body` and any other `{}`.
    package static func event(
        _ id: ULID, _ action: String = "create", _ subject: String = "20260101-note", origin: UInt64 = 1,
        clock: [UInt64: UInt64] = [:], body: String = "body", data: [UInt8]? = nil, signature: String? = nil
    ) -> Event {
        let isContent = action == "create" || action == "update"
        return Event(
            id: id, action: action, subject: subject, origin: node(origin).description, originName: "node-\(origin)",
            timestamp: id.time.rfc3339, payload: .full(data ?? (isContent ? snapshot(body) : Array("{}".utf8))),
            clock: ReceivedClock(VectorClock(Dictionary(uniqueKeysWithValues: clock.map { (node($0.key), $0.value) }))),
            signature: signature, publicKey: signature == nil ? nil : "ed25519:key-of-\(origin)")
    }

    /// The entry that puts `event` into a log.
    package static func entry(
        _ event: Event, verification: Verification = .none, peer: String = "peer", at time: WallTime = epoch
    ) throws(JSONProblem) -> LogEntry {
        LogEntry(
            event: event, fingerprint: try event.fingerprint(sha256), verification: verification, peer: peer,
            receivedAt: time)
    }
}

/// Signatures that cost next to nothing: a hash of the key's number and of what is signed. They prove to a test what
/// Ed25519 proves to the world.
extension Sample {
    package static func seal(_ preimage: [UInt8], by node: UInt64) -> EventSeal {
        EventSeal(
            signature: "sample:\(sha256(Array("key \(node):".utf8) + preimage).hex)", publicKey: "sample:key \(node)")
    }

    /// Checks these seals as `SignaturePolicy` asks for.
    package static let sealCheck: SignatureCheck = { preimage, signature, key in
        key.hasPrefix("sample:key ") && UInt64(key.dropFirst(11)).map { isSeal(signature, over: preimage, by: $0) } ?? false
    }

    package static func isSeal(_ signature: String, over preimage: [UInt8], by node: UInt64) -> Bool {
        signature == seal(preimage, by: node).signature
    }
}

extension Event {
    /// The same event with the seal of a node.
    package func sealed(by node: UInt64) throws(JSONProblem) -> Event {
        let seal = Sample.seal(signingPreimage(dataHash: try fingerprint(sha256).dataHash), by: node)
        var sealed = self
        sealed.signature = seal.signature
        sealed.publicKey = seal.publicKey
        return sealed
    }

    /// The same event without its `data`, as whoever saw the data makes it.
    package func stubbed() throws(JSONProblem) -> Event {
        let fingerprint = try fingerprint(sha256)
        var stub = self
        stub.payload = .stub(Stub(dataHash: fingerprint.dataHash, normalHash: fingerprint.normalHash))
        return stub
    }
}
