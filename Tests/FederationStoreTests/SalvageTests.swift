import FederationCore
import FederationCrypto
import FederationTestKit
import Glibc
import Testing

@testable import FederationStore

/// Reading a database page by page finds what SQLite reads, and nothing on a page that was overwritten is believed.
@Suite struct SalvageTests {
    private let scratch = ScratchDirectory()
    private var path: String { scratch.file("federation.db") }

    /// A database with rows of every length: on one page, over several, and without data.
    private func filled(_ numbers: ClosedRange<Int64>) async throws -> SQLiteStore {
        let store = try SQLiteStore(path: path)
        let entries = try numbers.map { number in
            try Sample.entry(
                Sample.event(
                    Sample.id(number), "create", "20260101-\(number)", clock: [1: UInt64(number)],
                    body: String(repeating: "x", count: number % 40 == 0 ? 30_000 : Int(number % 700))))
        }
        try await store.write { log throws(StoreFailure) in
            for entry in entries { _ = try log.append(entry) }
            try log.setMeta(.identity, Sample.node(1).description)
            try log.setMeta(.ownNumber, String(numbers.upperBound))
            try log.setState("peer:beta:cortex_id", "01KNJX4991ASW6NNKS9BQHNCGB")
        }
        return store
    }

    private func everything(in store: SQLiteStore) async throws -> [StoredEvent] {
        try await store.read { log throws(StoreFailure) in try log.events(after: 0, limit: 10_000, bytes: .max) }
    }

    private func salvaged(_ path: String) throws -> (salvage: Salvage, events: [StoredEvent], unreadable: Int) {
        let salvage = try Salvage(path: path) { _, _ in }
        let batch = salvage.events(0..<salvage.count, sha256)
        #expect(batch.end == salvage.count)
        return (salvage, batch.events, batch.unreadable)
    }

    @Test func whatSQLiteReadsIsFoundOnThePages() async throws {
        let store = try await filled(1...700)
        try await store.write { log throws(StoreFailure) in
            guard let event = try log.event(Sample.id(40)), let found = try? event.event.fingerprint(sha256) else { return }
            try log.strip(event.event.id, to: Event.Stub(dataHash: found.dataHash, normalHash: found.normalHash))
        }
        let read = try await everything(in: store)
        #expect(read.count == 700)
        // With what stands only in the write-ahead log, and once that is folded in.
        #expect(try salvaged(path).events == read)
        await store.close()
        let (salvage, events, unreadable) = try salvaged(path)
        #expect(events == read && unreadable == 0)
        #expect(salvage.known.isStateWhole && salvage.known.meta[.ownNumber] == "700")
        #expect(salvage.known.state["peer:beta:cortex_id"] == "01KNJX4991ASW6NNKS9BQHNCGB")
    }

    @Test func withoutItsFirstPageADatabaseIsReadAllTheSame() async throws {
        let store = try await filled(1...300)
        let read = try await everything(in: store)
        await store.close()
        var bytes = scratch.read("federation.db")
        bytes.replaceSubrange(0..<4096, with: [UInt8](repeating: 0xA5, count: 4096))
        scratch.write("federation.db", bytes)
        #expect(try !SQLiteStore.isSound(path))
        let (salvage, events, _) = try salvaged(path)
        #expect(events == read)
        #expect(!salvage.known.isStateWhole && salvage.known.meta[.identity] == Sample.node(1).description)
        #expect(salvage.known.state["peer:beta:cortex_id"] == "01KNJX4991ASW6NNKS9BQHNCGB")
    }

    @Test func aBatchEndsWhereItIsLargeEnough() async throws {
        let store = try await filled(30...50)
        await store.close()
        let salvage = try Salvage(path: path) { _, _ in }
        // The one with 30,000 bytes is the eleventh.
        let first = salvage.events(0..<21, bytes: 20_000, sha256)
        #expect(first.end == 11 && first.events.count == 11)
        #expect(salvage.events(11..<21, bytes: 20_000, sha256).end == 21)
        #expect(salvage.events(10..<21, bytes: 1, sha256).end == 11, "one at least")
        #expect(salvage.events(21..<90, bytes: 1, sha256).end == 21)
    }

    @Test func whatCannotBeReadAtThisMomentIsNotDamaged() async throws {
        #expect(throws: StoreFailure.cannotOpen) { try SQLiteStore.isSound(scratch.file("none.db")) }
        scratch.write("text.db", Array("no database at all, but longer than the header of one would be: a text".utf8))
        #expect(try !SQLiteStore.isSound(scratch.file("text.db")))
        #expect(try PageCheck.isPassed("ok"))
        for damage in ["Tree 5 page 7: btreeInitPage() returns error code 11", "row 3 missing from index i", ""] {
            #expect(try !PageCheck.isPassed(damage))
        }
        #expect(throws: SQLiteError(extendedCode: 10)) { try PageCheck.isPassed("Tree 5 page 7: unable to get the page. error code=10") }
        #expect(throws: SQLiteError(extendedCode: 266)) { try PageCheck.isPassed("unable to get the page. error code=266") }
        #expect(throws: SQLiteError(extendedCode: 7)) { try PageCheck.isPassed("unable to get the page. error code=7") }
    }

    /// SQLite would delete the write-ahead log as soon as it opens the file.
    @Test func aDatabaseThatWasCutToNothingKeepsItsWriteAheadLog() async throws {
        let copy = scratch.file("copy.db")
        let store = try await filled(1...50)
        let read = try await everything(in: store)
        let log = scratch.read("federation.db-wal")
        await store.close()
        #expect(log.count > 4096)
        scratch.write("copy.db-wal", log)
        scratch.write("copy.db", [])
        #expect(try !SQLiteStore.isSound(copy))
        #expect(throws: StoreFailure.corrupt) { try SQLiteStore(path: copy) }
        #expect(throws: StoreFailure.corrupt) { try SQLiteStore(path: copy, access: .readOnly) }
        #expect(throws: StoreFailure.corrupt) { try SQLiteStore.copy(of: copy, to: scratch.file("rehearsal.db")) }
        #expect(throws: StoreFailure.corrupt) { _ = try SQLiteStore.kept(in: copy) }
        #expect(throws: StoreFailure.corrupt) { try SQLiteStore.rehearse(at: copy) { _ in } }
        let (salvage, events, _) = try salvaged(copy)
        #expect(events == read && !salvage.known.isStateWhole)
        #expect(scratch.read("copy.db-wal") == log)
    }

    /// The columns of a row are counted when it is found, and read again later: a disk that fails may give another row.
    @Test func aRowOfOtherColumnsIsNoEvent() {
        #expect(StoredEvent(salvaged: [], seq: 1) == nil)
        for count in [23, 24, 25, 26, 27] {
            #expect(StoredEvent(salvaged: [SalvagedValue](repeating: .null, count: count), seq: 1) == nil)
        }
        #expect(Attestation(salvaged: [.null]) == nil)
    }

    @Test func nothingIsCommittedOnceAReaderHasMetDamage() async throws {
        let store = try await filled(1...3)
        await #expect(throws: StoreFailure.corrupt) {
            try await store.write { log throws(StoreFailure) in
                try log.setMeta(.ownNumber, "9")
                store.damage.find()
            }
        }
        #expect(try await store.read { log throws(StoreFailure) in try log.meta(.ownNumber) } == "3")
        await store.close()
    }

    /// A look that goes on would keep its connection open past the writer's, and the write-ahead log would stay.
    @Test func aLookAtAllPagesEndsWithTheStore() async throws {
        let store = try await filled(1...2000)
        // However far it got: whole, or interrupted.
        let look = Task {
            do throws(StoreFailure) {
                let isWhole = try await store.checkPages()
                #expect(isWhole)
            } catch {
                #expect(error == .interrupted)
            }
        }
        await store.close()
        await look.value
        await #expect(throws: StoreFailure.interrupted) { try await store.checkPages() }
        #expect(access(scratch.file("federation.db-wal"), F_OK) != 0)
    }

    /// 100 databases with some bytes changed anywhere: no trap, no event that was not there, none lost from a page that is
    /// as it was.
    @Test func nothingIsBelievedAndNothingElseIsLost() async throws {
        let store = try await filled(1...200)
        let read = try await everything(in: store)
        await store.close()
        let whole = scratch.read("federation.db")
        let known = Set(read.map { $0.event.id })
        var random = SeededRandom(seed: 17)
        for round in 0..<100 {
            var bytes = whole
            let pages = bytes.count / 4096
            var touched: Set<Int> = []
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let page = Int.random(in: 0..<pages, using: &random)
                touched.insert(page)
                let length = round % 3 == 0 ? 4096 : Int.random(in: 1...24, using: &random)
                let start = page * 4096 + Int.random(in: 0...(4096 - length), using: &random)
                // Where counts, pointers and lengths stand, as often as anywhere.
                let place = round % 2 == 0 ? start : page * 4096 + Int.random(in: 0...(4096 - length), using: &random) % 128
                for index in place..<min(place + length, bytes.count) { bytes[index] = UInt8.random(in: .min ... .max, using: &random) }
            }
            if round % 10 == 9 { bytes.removeLast(Int.random(in: 1...20_000, using: &random)) }
            scratch.write("federation.db", bytes)
            let (_, events, _) = try salvaged(path)
            for event in events {
                let original = try #require(read.first { $0.event.id == event.event.id }, "round \(round): an event of nobody")
                #expect(original.digest == event.digest)
            }
            if touched == [0] { #expect(Set(events.map { $0.event.id }) == known, "round \(round)") }
        }
    }
}
