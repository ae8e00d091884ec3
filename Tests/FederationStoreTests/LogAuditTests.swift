import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

@testable import FederationStore

/// What an audit finds in a database that was changed behind the program's back.
@Suite struct LogAuditTests {
    /// A store with what a log may honestly have: stubs, purges, divergences, held events, other families, early ids,
    /// late arrivals, replaced variants, gaps in the numbers, own events.
    private struct Place {
        let scratch = ScratchDirectory()
        let store: SQLiteStore
        var path: String { scratch.file("federation.db") }

        init() async throws {
            store = try SQLiteStore(path: scratch.file("federation.db"))
            let own = EventWriter(
                node: Sample.node(9), name: "node-9", sha256: sha256, sign: { Sample.seal($0, by: 9) })
            let policy = IntakePolicy(
                node: Sample.node(9), sha256: sha256, isOwnSignature: { Sample.isSeal($1, over: $0, by: 9) },
                originCheck: { event, print in
                    guard let signature = event.signature else { return .none }
                    let preimage = event.signingPreimage(dataHash: print.dataHash)
                    return Sample.isSeal(signature, over: preimage, by: 1) ? .pinned : .none
                })
            let pages = try Place.pages()
            try await store.write { log throws(StoreFailure) in
                try log.setMeta(.identity, Sample.node(9).description)
                try log.setMeta(.recordVersion, String(RecordFunction.version))
                try log.setState(StateKey.publicKey(of: Sample.node(1)), "sample:key 1")
                for (index, page) in pages.enumerated() {
                    _ = try Intake(policy).take(
                        PulledPage(items: page.map { .event($0, bytes: $0.json) }, cursor: .byEvent), from: "beta",
                        now: Sample.time(10_000 + Int64(index)), into: &log)
                }
            }
            try await store.attempt { log throws(WriteFailure) in
                var random = SeededRandom(seed: 1)
                for number in 1...3 {
                    var snapshot = Snapshot()
                    snapshot.title = "Own \(number)"
                    snapshot.type = "note"
                    _ = try own.write(
                        .create(subject: "20260101-own-\(number)", snapshot), requestID: nil, now: Sample.time(20_000 + Int64(number)), random: &random,
                        into: &log)
                }
            }
        }

        private static func pages() throws -> [[Event]] {
            var many: [Event] = []
            for number in 1...560 where number != 7 {
                many.append(
                    try Sample.event(
                        Sample.id(Int64(number)), "create", "20260101-note-\(number)", clock: [1: UInt64(number)]
                    ).sealed(by: 1))
            }
            let odd = [
                Sample.event(Sample.id(2001), "update", "20260101-note-5", origin: 2, clock: [2: 1], body: "one"),
                Sample.event(Sample.id(2002), "update", "20260101-note-5", origin: 3, clock: [3: 1], body: "two"),
                Sample.event(Sample.id(2003), "teleport", "20260101-note-6", origin: 2, clock: [2: 2]),
                Sample.event(Sample.id(2004), "hive:create", "hive-thing", origin: 4),
                try Sample.event(
                    Sample.id(2005), "update", "20260101-note-8", origin: 2, clock: [1: 8, 2: 3], body: "x").stubbed(),
                try Sample.event(Sample.id(2006), "purge", "20260101-note-9", clock: [1: 561]).sealed(by: 1),
                Sample.event(Sample.id(6 * 60_000), "create", "20260101-early", origin: 2, clock: [2: 4]),
                Sample.event(Sample.id(2007), "create", "20260101-variant", origin: 2, clock: [2: 5], body: "a"),
                Sample.event(Sample.id(2007), "create", "20260101-variant", origin: 2, clock: [2: 5], body: "b"),
                try Sample.event(Sample.id(2008), "create", "20260101-alien", origin: 5, clock: [5: 1]).sealed(by: 5),
            ]
            return [many, odd, [Sample.event(Sample.id(500, salt: 9), "vote", "20260101-note-5", origin: 3, clock: [3: 2])]]
        }

        func audit() async throws -> LogAudit { try await LogAuditTests.audit(store) }
    }

    private static func audit(_ store: SQLiteStore) async throws(StoreFailure) -> LogAudit {
        let audit = LogAudit(
            node: Sample.node(9), ownKeys: ["sample:key 9"], sha256: sha256,
            verifies: { preimage, signature, key in
                guard key.hasPrefix("sample:key "), let number = UInt64(key.dropFirst(11)) else { return false }
                return Sample.isSeal(signature, over: preimage, by: number)
            })
        return try await store.audit(audit, progress: { done, total in #expect(done <= total) })
    }

    @Test func aLogWithEverythingThatMayBeInOneIsRight() async throws {
        let place = try await Place()
        let audit = try await place.audit()
        #expect(audit.findings.isEmpty && audit.isGood)
        #expect(audit.events == 572)
        #expect(audit.signatures.verified == 563)
        #expect(audit.signatures.keyUnknown == 1)
        #expect(audit.signatures.bad == 0)
        #expect(audit.signatures.verified + audit.signatures.unsigned + audit.signatures.keyUnknown == audit.events)
        // What it was made of is there.
        let (held, diverged, stub, early) = try await place.store.read { log throws(StoreFailure) in
            (
                try log.heldCount(peer: nil), try log.recordCount(divergedOnly: true),
                try log.event(Sample.id(9))?.event.isStub, try log.event(Sample.id(6 * 60_000))
            )
        }
        #expect(held == 2 && diverged == 1 && stub == true && early != nil)
        let connection = try SQLiteConnection(path: place.path, mode: .readOnly)
        #expect(try connection.first("SELECT count(*) FROM replaced") { $0.integer(0) } == 1)
        // It stays right beside what is written, and when it is opened again.
        await place.store.close()
        #expect(try await LogAuditTests.audit(SQLiteStore(path: place.path, access: .readOnly)).isGood)
    }

    /// An earlier version wrote the signed hash of each event, whatever its digest says.
    @Test func theSignedHashesOfAnEarlierVersionAreRight() async throws {
        let place = try await Place()
        let events = try await place.store.read { log throws(StoreFailure) in
            try log.events(after: 0, limit: .max, bytes: .max)
        }
        await place.store.close()
        do {
            let connection = try SQLiteConnection(path: place.path, mode: .readWrite)
            for stored in events {
                try connection.run(
                    "UPDATE events SET signed_hash = ? WHERE seq = ?", stored.event.signedHash(sha256), stored.seq)
            }
        }
        let store = try SQLiteStore(path: place.path, access: .readOnly)
        #expect(try await LogAuditTests.audit(store).isGood)
        await store.close()
    }

    /// What is held for its signature counts for nothing, in the log and in the audit.
    @Test func whatIsHeldForItsSignatureIsNoDamage() async throws {
        let place = try await Place()
        let strict = Intake(
            IntakePolicy(
                node: Sample.node(9), sha256: sha256, isOwnSignature: { _, _ in true },
                signatures: SignaturePolicy(.enforce, check: Sample.sealCheck)))
        try await place.store.write { log throws(StoreFailure) in
            try SignatureReview.note(strict.policy.signatures, now: Sample.time(30_000), in: &log)
            while try strict.review(now: Sample.time(30_000), limit: 500, into: &log) {}
        }
        let held = try await place.store.read { log throws(StoreFailure) in
            try log.heldEvents(peer: nil, after: nil, limit: 99).filter { $0.hold == .signature }.count
        }
        #expect(held > 3)
        let audit = try await place.audit()
        #expect(audit.findings.isEmpty && audit.isGood)
    }

    @Test func eachDamageIsNamed() async throws {
        let place = try await Place()
        for (index, damage) in LogAuditTests.damages.enumerated() {
            let copy = place.scratch.file("copy-\(index).db")
            try SQLiteStore.copy(of: place.path, to: copy)
            try SQLiteConnection(path: copy, mode: .readWrite).script(damage.sql)
            let found = try await LogAuditTests.audit(SQLiteStore(path: copy, access: .readOnly))
            #expect(found.findings.contains { $0.kind == damage.kind }, "\(damage.sql.text): \(found.findings)")
            #expect(!found.isGood)
        }
        let kinds = Set(LogAuditTests.damages.map(\.kind))
        // A chain is signed by real keys: `HolesTests` of the program breaks one.
        #expect(kinds.union([.fileDamaged, .chainMismatch]).count == LogFinding.Kind.allCases.count)
    }

    /// As a disk fails: a byte of a body, and whole pages.
    @Test func whatADiskLosesIsFound() async throws {
        let place = try await Place()
        await place.store.close()
        let copy = "copy.db"
        try SQLiteStore.copy(of: place.path, to: place.scratch.file(copy))
        let sound = place.scratch.read(copy)
        let body = try #require(sound.firstRange(of: Array(#""body":"two""#.utf8)))
        var random = SeededRandom(seed: 7)
        let pages = sound.count / 4096
        var damages: [Range<Int>] = [body.upperBound - 2..<body.upperBound - 1]
        for _ in 0..<20 {
            let page = 1 + random.below(pages - 1)
            damages.append(page * 4096..<(page + 1) * 4096)
        }
        for (index, damage) in damages.enumerated() {
            var bytes = sound
            for place in damage { bytes[place] ^= 0x15 }
            let name = "damaged-\(index).db"
            place.scratch.write(name, bytes)
            do throws(StoreFailure) {
                let store = try SQLiteStore(path: place.scratch.file(name), access: .readOnly)
                let found = try await LogAuditTests.audit(store)
                #expect(!found.isGood, "\(damage)")
                if index == 0 { #expect(found.findings.map(\.kind) == [.digestMismatch]) }
            } catch {
                // Without its schema it is no database at all.
                #expect(error == .corrupt || error == .notOurs, "\(damage)")
            }
        }
    }

    private static let damages: [(sql: SQL, kind: LogFinding.Kind)] = [
        ("UPDATE events SET data = CAST('{\"a\":1}' AS BLOB) WHERE number = 5 AND origin LIKE '%1'", .digestMismatch),
        ("UPDATE events SET timestamp = timestamp || 'Z' WHERE seq = 10", .digestMismatch),
        // Spelled otherwise, with the same normal form.
        ("UPDATE events SET data = CAST(CAST(data AS TEXT) || ' ' AS BLOB) WHERE seq = 10", .digestMismatch),
        ("UPDATE events SET signed_hash = zeroblob(32) WHERE seq = 10", .digestMismatch),
        ("UPDATE events SET clock = '{' WHERE seq = 10", .eventUnreadable),
        ("UPDATE events SET digest = zeroblob(3) WHERE seq = 10", .eventUnreadable),
        ("UPDATE events SET number = 4000 WHERE seq = 10", .columnMismatch),
        ("UPDATE events SET family = 'hive' WHERE seq = 10", .columnMismatch),
        ("UPDATE events SET signature = 'sample:00' WHERE seq = 10", .signatureBad),
        ("UPDATE events SET signature = 'sample:00' WHERE subject = '20260101-alien'", .signatureBad),
        ("UPDATE item_blocks SET events = events + 1 WHERE time > '0'", .itemIndexMismatch),
        ("DELETE FROM item_blocks WHERE time = (SELECT max(time) FROM item_blocks)", .itemIndexMismatch),
        ("DELETE FROM events WHERE seq = 10", .eventRemoved),
        ("DELETE FROM events WHERE seq = 10; DELETE FROM events_lost", .itemIndexMismatch),
        ("DELETE FROM events WHERE seq = 10; DELETE FROM events_lost", .originMismatch),
        ("UPDATE origins SET distinct_numbers = 3", .originMismatch),
        ("UPDATE origins SET sum = zeroblob(32)", .originMismatch),
        ("UPDATE origins SET highest_number = highest_number + 1", .originMismatch),
        ("DELETE FROM holes", .originMismatch),
        ("UPDATE holes SET last = last + 1", .originMismatch),
        ("INSERT INTO holes SELECT origin, 90, 90, 0 FROM origins WHERE highest_number > 90", .originMismatch),
        ("UPDATE records SET title = 'another' WHERE subject = '20260101-note-3'", .recordMismatch),
        ("UPDATE records SET heads = '[]' WHERE subject = '20260101-note-3'", .recordMismatch),
        ("UPDATE records SET tags = 'x' WHERE subject = '20260101-note-3'", .recordMismatch),
        ("DELETE FROM records WHERE subject = '20260101-note-3'", .recordMismatch),
        ("UPDATE records SET subject = 'nobody' WHERE subject = '20260101-note-3'", .recordWithoutEvents),
        ("UPDATE events SET hold = 'unknown_action' WHERE seq = 10", .holdMismatch),
        ("UPDATE events SET hold = NULL", .holdMismatch),
        ("UPDATE meta SET value = '1' WHERE key = 'record_version'", .recordsOutdated),
        ("UPDATE federation_state SET value = replace(value, '561', '560') WHERE key = 'vclock'", .clockBehind),
        ("UPDATE meta SET value = '1' WHERE key = 'own_number'; UPDATE federation_state SET value = '{}' WHERE key = 'vclock'", .ownNumberBehind),
        ("DELETE FROM events WHERE subject = '20260101-variant'", .markMismatch),
        ("UPDATE meta SET value = '~' WHERE key = 'epoch'; INSERT OR REPLACE INTO meta VALUES ('epoch', '~')", .markMismatch),
        ("UPDATE federation_state SET value = 'x' WHERE key = 'peer:beta:last_event'", .cursorUnreadable),
    ]
}
