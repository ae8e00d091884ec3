import FederationCore
import FederationTestKit
import Testing

@testable import FederationStore

@Suite struct StorageContractTests {
    @Test(arguments: StorageContract.allCases)
    func theStoreOnDiskKeepsTheContract(_ rule: StorageContract) async throws {
        let scratch = ScratchDirectory()
        let store = try SQLiteStore(path: scratch.file("federation.db"))
        // A broken rule is a failure of the test, not of the store.
        let broken = try await store.write { log throws(StoreFailure) -> String? in
            do { try rule.check(&log) } catch let failure as StoreFailure { throw failure } catch { return "\(error)" }
            return nil
        }
        #expect(broken == nil)
        #expect(try await store.isSound())
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func theStoresAgreeOnAnyWrites(seed: UInt64) async throws {
        let scratch = ScratchDirectory()
        let store = try SQLiteStore(path: scratch.file("federation.db"))
        var random = SeededRandom(seed: seed)
        var memory = MemoryStorage()
        for _ in 0..<15 {
            let writes = try (0..<20).map { _ in try RandomWrite(using: &random) }
            let isUndone = random.next() % 4 == 0
            // One transaction on each; one in four fails after its last write.
            var tried = memory
            for write in writes { try write.perform(on: &tried) }
            if !isUndone { memory = tried }
            let inside = tried
            do throws(StoreFailure) {
                try await store.write { log throws(StoreFailure) in
                    for write in writes { try write.perform(on: &log) }
                    #expect(try Everything(log) == Everything(inside))
                    if isUndone { throw .interrupted }
                }
            } catch {
                #expect(error == .interrupted && isUndone)
            }
            let after = memory
            let found = try await store.read { log throws(StoreFailure) in try Everything(log) }
            #expect(try found == Everything(after))
        }
        #expect(try await store.isSound())
    }
}

/// One change of a log, drawn from few enough ids, subjects and numbers that they meet.
private struct RandomWrite: Sendable {
    private let entry: LogEntry
    private let stub: Event.Stub
    private let kind: UInt64
    private let flag: Bool

    init(using random: inout SeededRandom) throws {
        let id = Sample.id(Int64(random.next() % 25))
        let origin = random.next() % 3 + 1
        let event = Sample.event(
            id, random.next() % 2 == 0 ? "create" : "vote", "subject-\(random.next() % 5)", origin: origin,
            clock: [origin: random.next() % 6], body: "body \(random.next() % 3)")
        entry = try Sample.entry(
            event, verification: .provisional, peer: "peer-\(random.next() % 2)",
            at: Sample.time(Int64(random.next() % 99)))
        stub = Event.Stub(dataHash: entry.fingerprint.dataHash, normalHash: entry.fingerprint.normalHash)
        kind = random.next() % 8
        flag = random.next() % 2 == 0
    }

    func perform(on log: inout some LogWriting) throws(StoreFailure) {
        let id = entry.event.id
        let known = try log.event(id)
        switch kind {
        case 0, 1, 2, 3:
            _ = known == nil ? try log.append(entry) : try log.replace(with: entry, counted: flag)
        case 4: try log.setHold(id, flag ? .unknownType : nil)
        case 5:
            let time = ProofTime(flag ? .chain : .review, at: entry.receivedAt)
            try log.seal(
                id, signature: flag ? "s" : nil, publicKey: nil, verification: .pinned, proofTime: flag ? time : nil)
        case 6: if known?.event.isStub == false { try log.strip(id, to: stub) }
        default: try log.setState("key-\(entry.event.subject)", flag ? entry.event.origin : nil)
        }
    }
}

/// What a log answers, for comparing two of them.
private struct Everything: Equatable {
    var events: [StoredEvent] = []
    var byID: [ULID] = []
    var subjects: [[ULID]] = []
    var markers: [ULID?] = []
    var origins: [OriginSummary] = []
    var items: [LogItem] = []
    var total = ItemTotal()
    var counts: [Int64] = []
    var held: [ULID] = []
    var states: [String] = []
    var holes: [NumberHole] = []
    var byNumber: [[ULID]] = []
    var rests: [LogRest] = []

    init(_ log: some LogReading) throws(StoreFailure) {
        events = try log.events(after: 0, limit: .max, bytes: .max)
        byID = try log.events(after: nil, through: .max, limit: .max, bytes: .max).map(\.event.id)
        for subject in try log.subjects(after: nil, limit: 99) {
            subjects.append(try log.events(of: subject).map(\.event.id))
        }
        for seq in 1...(max(1, try log.head()?.seq ?? 1)) { markers.append(try log.id(at: seq)) }
        for seq in 0...(try log.head()?.seq ?? 0) { rests.append(try log.rest(after: seq)) }
        origins = try log.origins()
        items = try log.items(from: .first, below: nil, limit: .max)
        total = try log.itemTotal()
        counts = [try log.eventCount(), Int64(try log.heldCount(peer: nil)), Int64(try log.heldCount(peer: "peer-1"))]
        holes = try log.newestHoles(limit: .max)
        for origin in origins {
            holes += try log.holes(of: origin.origin, limit: .max)
            byNumber.append(try log.events(by: origin.origin, numbers: 1...4, limit: 9, bytes: .max).map(\.event.id))
        }
        for origin in origins { counts.append(Int64(clamping: try log.highestNumber(of: origin.origin) ?? 0)) }
        held = try log.heldEvents(peer: "peer-0", after: nil, limit: 99).map(\.event.id)
        states = try log.states(prefix: "key").map { $0.key + "=" + $0.value }
    }
}
