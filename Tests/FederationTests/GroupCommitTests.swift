import FederationCore
import FederationCrypto
import FederationStore
import FederationTestKit
import Glibc
import Testing

@testable import Federation

/// Writes that go to the disk together, each of which has an outcome of its own.
@Suite final class GroupCommitTests {
    private let path = "/tmp/federation-group-\(getpid())-\(Sample.node(UInt64.random(in: 0..<1 << 40))).db"

    deinit { for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) } }

    private func store() async throws -> SQLiteStore {
        let store = try SQLiteStore(path: path)
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
            try log.setMeta(.identity, Sample.node(9).description)
        }
        return store
    }

    private func group(_ store: SQLiteStore) -> GroupCommit {
        GroupCommit(
            EventWriter(node: Sample.node(9), name: "node-9", sha256: sha256, sign: { Sample.seal($0, by: 9) }), store)
    }

    private func create(_ number: Int, body: String = "") -> WriteRequest {
        var snapshot = Snapshot()
        (snapshot.title, snapshot.type, snapshot.body) = ("Note \(number)", "note", body)
        return .create(subject: "20260101-note-\(number)", snapshot)
    }

    /// What became of each, in their order.
    private func outcomes(_ requests: [WriteRequest], of group: GroupCommit) async -> [Result<Written, UnmadeWrite>] {
        await withTaskGroup(of: (Int, Result<Written, UnmadeWrite>).self) { tasks in
            for (place, request) in requests.enumerated() {
                tasks.addTask {
                    do throws(UnmadeWrite) {
                        return (place, .success(try await group.write([request], requestID: "request-\(place)")[0]))
                    } catch { return (place, .failure(error)) }
                }
            }
            var outcomes: [Int: Result<Written, UnmadeWrite>] = [:]
            for await (place, outcome) in tasks { outcomes[place] = outcome }
            return requests.indices.compactMap { outcomes[$0] }
        }
    }

    @Test func oneThatIsRefusedLeavesThoseBesideIt() async throws {
        let store = try await store()
        // Every fifth changes what is not there.
        let requests: [WriteRequest] = (0..<200).map { number in
            let none = WriteRequest.update(subject: "20260101-none-\(number)", Snapshot(), base: .current)
            return number % 5 == 4 ? none : create(number)
        }
        let outcomes = await outcomes(requests, of: group(store))
        for (place, outcome) in outcomes.enumerated() {
            if place % 5 == 4 {
                #expect(throws: UnmadeWrite(.refused(.unknownSubject), subject: "20260101-none-\(place)")) { try outcome.get() }
            } else {
                let written = try outcome.get()
                #expect(written.subject == "20260101-note-\(place)" && written.events.count == 1)
            }
        }
        let (count, summary) = try await store.read { log throws(StoreFailure) in (try log.eventCount(), try log.origins()) }
        #expect(count == 160)
        // Numbers without a hole, and none of them twice.
        #expect(summary.map(\.highestNumber) == [160] && summary.map(\.distinctNumbers) == [160])
        await store.close()
    }

    @Test func theSameRequestIsWrittenOnceAlsoBesideItself() async throws {
        let store = try await store()
        let group = group(store)
        let request = create(1)
        let written = try await withThrowingTaskGroup(of: Written.self) { tasks in
            for _ in 0..<20 { tasks.addTask { try await group.write([request], requestID: "one")[0] } }
            return try await tasks.reduce(into: Set<[ULID]>()) { $0.insert($1.events) }
        }
        #expect(written.count == 1)
        #expect(try await store.read { log throws(StoreFailure) in try log.eventCount() } == 1)
        await store.close()
    }

    @Test func whereThereIsNoRoomForAllEachIsToldOfItself() async throws {
        let store = try await store()
        let group = group(store)
        _ = try await group.write([create(0)], requestID: nil)
        let purge = WriteRequest.purge(subject: "20260101-note-0", reason: "")
        store.room = StoreRoom(maxBytes: 1)
        let outcomes = await outcomes([create(1), create(2), purge, create(3)], of: group)
        for place in [0, 1, 3] {
            #expect(throws: UnmadeWrite(.quota(limit: 1))) { try outcomes[place].get() }
        }
        #expect(try !outcomes[2].get().events.isEmpty)
        await store.close()
    }

    @Test func severalOfOneRequestStandOrFallTogetherBesideOthers() async throws {
        let store = try await store()
        let group = group(store)
        let requests: [[WriteRequest]] = (0..<60).map { number in
            let several = [create(3 * number), create(3 * number + 1)]
            // The last of every third is refused, and takes with it what was written before it.
            return number % 3 == 2
                ? several + [.change(subject: "20260101-none", .trash)] : several + [create(3 * number + 2)]
        }
        let written = await withTaskGroup(of: (Int, Result<[Written], UnmadeWrite>).self) { tasks in
            for (number, several) in requests.enumerated() {
                tasks.addTask {
                    do throws(UnmadeWrite) {
                        return (number, .success(try await group.write(several, requestID: "several-\(number)")))
                    } catch { return (number, .failure(error)) }
                }
            }
            return await tasks.reduce(into: [Int: Result<[Written], UnmadeWrite>]()) { $0[$1.0] = $1.1 }
        }
        for (number, outcome) in written {
            if number % 3 == 2 {
                #expect(throws: UnmadeWrite(.refused(.unknownSubject), subject: "20260101-none")) { try outcome.get() }
            } else {
                #expect(try outcome.get().map(\.subject) == (0..<3).map { "20260101-note-\(3 * number + $0)" })
            }
        }
        #expect(written.count == 60)
        #expect(try await store.read { log throws(StoreFailure) in try log.eventCount() } == 120)
        // Each of several is known by its place.
        let again = try await group.write([create(0), create(1), create(2)], requestID: "several-0")
        #expect(try again.map(\.events) == written[0]?.get().map(\.events))
        await store.close()
    }
}
