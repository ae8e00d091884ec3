import Federation
import FederationCore
import FederationCrypto
import FederationTestKit
import Glibc
import Testing

@testable import FederationStore

/// Pages of a database that are not what was written: noticed, nothing overwritten, and a way back.
@Suite(.serialized) struct RecoverTests {
    /// Which page of a database of ours is overwritten.
    enum Page: String, Sendable, CustomTestStringConvertible {
        case header, leaf, index
        var testDescription: String { rawValue }

        /// The first one behind the header.
        func number(in bytes: [UInt8]) -> Int? {
            let kind: UInt8
            switch self {
            case .header: return 1
            case .leaf: kind = 0x0D
            case .index: kind = 0x0A
            }
            return (2...max(2, bytes.count / 4096)).first { number in
                let start = (number - 1) * 4096
                guard start + 4096 <= bytes.count, bytes[start] == kind else { return false }
                // Of leaves, one with events: their data names a type.
                return self != .leaf || bytes[start..<start + 4096].contains(sequence: #""type":"note""#)
            }
        }
    }

    /// alpha with 130 records, of which beta has the first 120; nobody runs.
    private func pair() async throws -> (alpha: TestNode, beta: TestNode) {
        let scratch = ScratchDirectory()
        let alpha = try await TestNode("alpha", in: scratch)
        let beta = try await TestNode("beta", in: scratch)
        alpha.setPeer("beta", beta.endpoint)
        beta.setPeer("alpha", alpha.endpoint)
        try await alpha.start()
        try await notes(120, on: alpha)
        try await expectOK(beta.run("sync"))
        try await notes(10, on: alpha)
        #expect(try await alpha.stop() == .exited(0))
        return (alpha, beta)
    }

    private func notes(_ count: Int, on node: TestNode) async throws {
        let tree = node.scratch.file("notes-\(count)")
        mkdir(tree, 0o700)
        for number in 0..<count {
            TestFile.write("# Note \(number) of \(count)\n\n" + String(repeating: "text ", count: 80), to: "\(tree)/\(number).md")
        }
        try await expectOK(node.run("import", tree, "--markdown", "--tree", "notes-\(count)"))
    }

    private func database(_ node: TestNode) -> String { node.directory + "/data/federation.db" }

    /// Overwrites a page in place: the file stays the same one.
    @discardableResult
    private func overwrite(_ number: Int, of node: TestNode, _ byte: UInt8 = 0xA5) throws -> [UInt8] {
        let file = open(database(node), O_WRONLY)
        try #require(file >= 0)
        defer { close(file) }
        let page = [UInt8](repeating: byte, count: 4096)
        #expect(pwrite(file, page, page.count, off_t((number - 1) * 4096)) == 4096)
        return TestFile.bytes(database(node))
    }

    /// The other kinds of pages: `Tests/Robustness/damage.py`.
    @Test(arguments: [Page.header, .leaf, .index])
    func aDamagedPageIsNoticedAndNothingIsLost(_ page: Page) async throws {
        let (alpha, beta) = try await pair()
        let before = try await alpha.events()
        #expect(before.count == 130)
        let id = try await alpha.facts("identity", "show")["id"]?.string
        let number = try #require(page.number(in: TestFile.bytes(database(alpha))))
        let damaged = try overwrite(number, of: alpha)

        let refused = try await alpha.run("run")
        #expect(refused.status == 1 && refused.err.contains("the database is damaged"), "\(refused.err)")
        #expect(refused.err.contains("federation recover"), "\(refused.err)")
        #expect(TestFile.bytes(database(alpha)) == damaged, "nothing is overwritten")

        try await beta.start()
        let planned = try await alpha.run("recover", "--dry-run", "--json")
        #expect(planned.status == 0, "\(planned.err)")
        #expect(try planned.json["damaged"]?.bool == true && planned.json["kept_in"] == nil)
        #expect(TestFile.bytes(database(alpha)) == damaged, "a dry run changes nothing")

        let recovered = try await alpha.run("recover", "--json")
        #expect(recovered.status == 0, "\(recovered.err)")
        let facts = try recovered.json
        #expect(facts["id"]?.string == id && facts["settled"]?.bool == true, "\(recovered.out)")
        #expect(facts["number"]?.integer == 130 && facts["log_events"]?.integer == 130, "\(recovered.out)")
        // Only the rows of a leaf are gone with it, and those beta has.
        #expect((facts["salvaged"]?.integer == 130) == (page != .leaf), "\(recovered.out)")
        #expect(TestFile.bytes((facts["kept_in"]?.string ?? "") + "/federation.db") == damaged)
        #expect(try await alpha.events() == before)
        try await expectOK(alpha.run("verify", "--self"))
        #expect(try await alpha.run("recover").out.contains("nothing is wrong"))

        // It goes on as the node that it was.
        try await alpha.start()
        try await alpha.put("# After\n")
        try await eventually("beta has everything; alpha's log:\n\(alpha.log)") {
            let events = try await beta.events()
            let own = try await alpha.events()
            return (events == own && events.count == 131).orNil
        }
        #expect(try await alpha.status()["state"]?.string == "ok")
        #expect(try await alpha.stop() == .exited(0))
        #expect(try await beta.stop() == .exited(0))
    }

    @Test func noNumberIsGivenTwiceWhereOwnEventsAreGoneForGood() async throws {
        let (alpha, beta) = try await pair()
        let bytes = TestFile.bytes(database(alpha))
        // The last leaf: what only alpha had.
        let last = try #require(
            (1...bytes.count / 4096).last { number in
                let page = bytes[((number - 1) * 4096)..<(number * 4096)]
                return page.first == 0x0D && page.contains(sequence: #""type":"note""#) && page.contains(sequence: "of 10")
            })
        try overwrite(last, of: alpha, 0)
        // Its peer cannot be reached: what that has of ours is unknown.
        let alone = try await alpha.run("recover", "--json")
        #expect(alone.status == 4, "\(alone.out)")
        #expect(try alone.json["settled"]?.bool == false && alone.json["own_complete"]?.bool == false)
        #expect(try alone.json["unreachable"]?.array?.count == 1 && alone.json["number"]?.integer == 130)
        let refused = try await alpha.run("put", "-", input: "# No\n")
        #expect(refused.status == 5 && refused.err.contains("identity recover"), "\(refused.err)")
        try await beta.start()
        // One that is only published to is met, and not asked for what it has.
        alpha.setPeer("beta", beta.endpoint, "mode: publish")
        let unasked = try await alpha.run("identity", "recover")
        #expect(unasked.status == 4 && unasked.err.contains("beta"), "\(unasked.err)")
        alpha.setPeer("beta", beta.endpoint)
        try await expectOK(alpha.run("identity", "recover"))
        try await alpha.put("# After\n")
        let events = try await alpha.facts("events", "--limit", "100000")["events"]?.array ?? []
        #expect(events.last?["number"]?.integer == 131, "\(events.last?.raw ?? [])")
        #expect(events.count < 131 && events.count > 120)
        #expect(try await beta.stop() == .exited(0))
    }

    /// A machine without a battery for its clock, after a loss of power: nothing that was in the log waits for a day to come.
    @Test func aClockThatIsBehindKeepsNothingOut() async throws {
        let scratch = ScratchDirectory()
        let alpha = try await TestNode("alpha", in: scratch)
        try await alpha.put("# Note\n")
        let own = try #require(try await alpha.facts("identity", "show")["id"]?.string.flatMap { ULID($0) })
        let ahead = SystemClock.now().advanced(by: .seconds(3 * 86_400))
        do {
            let store = try SQLiteStore(path: database(alpha))
            let intake = Intake(IntakePolicy(node: own, sha256: sha256, isOwnSignature: { _, _ in false }))
            var random = SystemRandom()
            let events = (1...5).map { _ in Sample.event(ULID(at: ahead, using: &random), "vote") }
            let items = events.map { PulledItem.event($0, bytes: $0.json) }
            let outcome = try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                try intake.take(PulledPage(items: items, cursor: .none), from: "peer", now: ahead, into: &log)
            }
            #expect(outcome.new == 5, "\(outcome)")
            await store.close()
        }
        let recovered = try await alpha.run("recover", "--force", "--json")
        #expect(recovered.status == 0, "\(recovered.err)")
        #expect(try recovered.json["log_events"]?.integer == 6, "\(recovered.out)")
    }

    /// It comes behind what the next key has signed, which is judged again before the recovery ends.
    @Test func aChangeOfKeyThatOnlyAPeerHasIsHeeded() async throws {
        let scratch = ScratchDirectory()
        let alpha = try await TestNode("alpha", in: scratch)
        let beta = try await TestNode("beta", in: scratch)
        alpha.setPeer("beta", beta.endpoint)
        beta.setPeer("alpha", alpha.endpoint)
        for _ in 1...3 {
            for number in 1...3 { try await alpha.put("# Note \(number)\n") }
            try await expectOK(alpha.run("keygen", "--force"))
        }
        try await alpha.start()
        try await expectOK(beta.run("sync"))
        #expect(try await alpha.stop() == .exited(0))
        // From here on its events are those of another node.
        try await expectOK(alpha.run("identity", "new", "--yes"))
        do {
            let connection = try SQLiteConnection(path: database(alpha), mode: .readWrite)
            try connection.script("DELETE FROM attestations WHERE number = 3")
        }
        try await beta.start()
        try await expectOK(alpha.run("recover", "--force"))
        let found = try await alpha.run("verify", "--self")
        #expect(found.status == 0, "\(found)")
        let proofs = try await alpha.facts("events")["events"]?.array?.map { $0["verified"]?.string ?? "" } ?? []
        #expect(proofs.count == 9 && !proofs.contains("invalid"), "\(proofs)")
        #expect(try await beta.stop() == .exited(0))
    }

    @Test func aDaemonThatMeetsDamageWritesNothingMore() async throws {
        let (alpha, beta) = try await pair()
        let bytes = TestFile.bytes(database(alpha))
        let leaf = try #require(Page.leaf.number(in: bytes))
        try await alpha.start()
        let damaged = try overwrite(leaf, of: alpha)
        // Whoever reads the page finds it.
        let read = try await alpha.run("events", "--limit", "100000", "--json")
        #expect(read.status == 1 && read.out.contains(#""store":"corrupt""#), "\(read.out.prefix(200))")
        try await eventually("it says so; log:\n\(alpha.log)") {
            alpha.log.contains("the database is damaged: nothing is written to it any more").orNil
        }
        let refused = try await alpha.run("put", "-", input: "# No\n")
        #expect(refused.status == 1 && refused.err.contains("federation recover"), "\(refused.err)")
        let status = try await alpha.run("status")
        #expect(status.out.contains("the database is damaged") || status.err.contains("the database is damaged"), "\(status.out)\(status.err)")
        #expect(try await alpha.run("status", "--check").status != 0)
        #expect(try await alpha.stop() == .exited(0))
        #expect(TestFile.bytes(database(alpha)) == damaged, "nothing is overwritten, not even at the end")
        try await beta.start()
        let recovered = try await alpha.run("recover", "--json")
        #expect(recovered.status == 0, "\(recovered.err)")
        #expect(try recovered.json["log_events"]?.integer == 130, "\(recovered.out)")
        #expect(try await beta.stop() == .exited(0))
    }

    /// SQLite reads a write-ahead log as far as its checksums hold: what follows is gone without a word, and only peers
    /// can tell.
    @Test func aDamagedWriteAheadLogIsTheDatabaseOfEarlier() async throws {
        let (alpha, beta) = try await pair()
        try await alpha.start()
        for number in 0..<5 { try await alpha.put("# Late \(number)\n") }
        try await expectOK(beta.run("sync"))
        let all = try await alpha.events()
        try await alpha.stop(SIGKILL)
        let log = database(alpha) + "-wal"
        var bytes = TestFile.bytes(log)
        let place = bytes.count / 3
        for index in place..<place + 64 { bytes[index] = 0xA5 }
        TestFile.write(bytes, to: log)
        try await beta.start()
        try await alpha.start()
        try await eventually("alpha knows that it is older; log:\n\(alpha.log)") {
            (try await alpha.status()["state"]?.string == "stopped").orNil
        }
        #expect(try await alpha.stop() == .exited(0))
        try await expectOK(alpha.run("identity", "recover"))
        #expect(try await alpha.events() == all)
        #expect(try await beta.stop() == .exited(0))
    }

    @Test func aRecoveryThatWasInterruptedIsGoneOnWith() async throws {
        let (alpha, _) = try await pair()
        let before = try await alpha.events()
        try overwrite(try #require(Page.index.number(in: TestFile.bytes(database(alpha)))), of: alpha)
        let aside = alpha.directory + "/data/recovering-20260101T000000Z"
        mkdir(aside, 0o700)
        #expect(rename(database(alpha), aside + "/federation.db") == 0)
        let refused = try await alpha.run("run")
        #expect(refused.status == 3 && refused.err.contains("go on with 'federation recover'"), "\(refused.err)")
        // A copy of it is no other node's, and no more this one's once it is mended.
        let copy = alpha.scratch.file("copy")
        let cp = try ChildProcess("/bin/cp", ["-r", alpha.directory, copy], output: "/dev/null", error: "/dev/null")
        #expect(try await cp.end() == .exited(0))
        func ofCopy(_ arguments: String..., input: String? = nil) async throws -> CommandResult {
            try await Program.run(arguments + ["--config", copy + "/federation.yaml"], input: input, in: alpha.scratch)
        }
        let mended = try await ofCopy("recover", "--partial", "--json")
        #expect(mended.status == 4, "\(mended.out)\(mended.err)")
        #expect(try mended.json["settled"]?.bool == false && mended.json["was_stopped"]?.bool == true, "\(mended.out)")
        let written = try await ofCopy("put", "-", input: "# No\n")
        #expect(written.status == 5 && written.err.contains("identity"), "\(written.err)")

        let recovered = try await alpha.run("recover", "--json")
        // No row is missing, so it needs nobody.
        #expect(recovered.status == 0, "\(recovered.err)")
        let kept = try #require(try recovered.json["kept_in"]?.string)
        #expect(kept.hasSuffix("/data/damaged-20260101T000000Z"), "\(recovered.out)")
        #expect(try await alpha.events() == before)
        try await alpha.put("# After\n")
        // What was kept is no way on for the database of months later.
        for end in ["", "-wal", "-shm"] { unlink(database(alpha) + end) }
        let gone = try await alpha.run("run")
        #expect(gone.status == 3 && !gone.err.contains("go on with"), "\(gone.err)")
        #expect(try await alpha.run("recover").status == 3)
        #expect(access(kept + "/federation.db", F_OK) == 0)
    }
}

extension Collection where Element == UInt8 {
    /// Whether these bytes stand anywhere in it.
    fileprivate func contains(sequence text: String) -> Bool {
        let wanted = Array(text.utf8)
        let bytes = Array(self)
        guard bytes.count >= wanted.count else { return false }
        return (0...bytes.count - wanted.count).contains { bytes[$0] == wanted[0] && bytes[$0..<$0 + wanted.count].elementsEqual(wanted) }
    }
}
