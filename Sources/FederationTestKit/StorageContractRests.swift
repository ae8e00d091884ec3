import FederationCore
import FederationCrypto

/// The rules of what follows a place in the order of arrival.
extension StorageContract {
    func rests(_ log: inout some LogWriting) throws {
        try expectEqual(log.rest(after: 0), .nothing)
        // More places than a store counts together, and ids that are in no order of arrival.
        let events = (1...600).map { number in
            Sample.event(
                Sample.id(Int64(number * 7 % 601)), "create", number % 2 == 0 ? "é" : "subject-\(number)", origin: 1,
                clock: [1: UInt64(number)], body: String(repeating: "x", count: number % 50))
        }
        for event in events { _ = try log.append(Sample.entry(event)) }
        func rest(_ events: some Sequence<Event>) -> LogRest {
            let all = Array(events)
            let bytes = all.reduce(Int64(0)) { $0 + $1.storedBytes }
            return LogRest(events: Int64(all.count), bytes: bytes, oldest: all.map(\.id).min())
        }
        for place in [0, 1, 255, 256, 257, 511, 512, 599] {
            try expectEqual(log.rest(after: Int64(place)), rest(events.dropFirst(place)))
        }
        for place in [600, 601, Int64.max - 1] { try expectEqual(log.rest(after: place), .nothing) }
        // One that moves to another place, one that becomes a stub, one that gains a signature.
        var now = events
        let moved = Sample.event(events[9].id, "create", "moved", origin: 1, clock: [1: 10], body: "another")
        _ = try log.replace(with: Sample.entry(moved), counted: true)
        now.remove(at: 9)
        let entry = try Sample.entry(now[399])
        let stub = Event.Stub(dataHash: entry.fingerprint.dataHash, normalHash: entry.fingerprint.normalHash)
        try log.strip(now[399].id, to: stub)
        now[399].payload = .stub(stub)
        try log.seal(now[400].id, signature: "ed25519:abc", publicKey: "key", verification: .pinned, proofTime: nil)
        now[400].signature = "ed25519:abc"
        now[400].publicKey = "key"
        try expectEqual(log.rest(after: 0), rest(now + [moved]))
        try expectEqual(log.rest(after: 9), rest(now.dropFirst(9) + [moved]))
        try expectEqual(log.rest(after: 10), rest(now.dropFirst(9) + [moved]))
        try expectEqual(log.rest(after: 600), rest([moved]))
    }
}
