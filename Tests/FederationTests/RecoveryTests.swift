import FederationConfig
import FederationCore
import FederationTestKit
import Glibc
import Testing

@testable import Federation

private func removeDirectory(_ path: String) {
    for name in DirectoryListing.names(in: path) {
        let inner = "\(path)/\(name)"
        if unlink(inner) != 0 { removeDirectory(inner) }
    }
    rmdir(path)
}

/// When a node may write again after its database was made anew, and what of the damaged one is found again.
@Suite struct RecoveryTests {
    private func config(_ modes: PeerMode...) -> Config {
        var config = Config(name: "ours")
        config.peers = modes.enumerated().map { index, mode in
            var peer = Config.Peer(name: "p\(index)", endpoint: nil)
            peer.mode = mode
            return peer
        }
        return config
    }

    private func reports(_ results: PollReport.Result...) -> [PollReport] {
        results.enumerated().map { PollReport(peer: "p\($0)", result: $1) }
    }

    @Test func onlyWhoWasAskedAndGaveEverythingWasRead() {
        let both = config(.sync, .subscribe)
        #expect(both.unread(reports(.complete, .complete)) == [])
        for result: PollReport.Result in [.incomplete, .failed(.transport(.timeout)), .pending, .busy, .paused, .stopped] {
            #expect(both.unread(reports(.complete, result)) == ["p1"])
        }
        // It came to us, or is paused: there was no poll.
        #expect(both.unread(reports(.complete)) == ["p1"])
        // It was greeted, and what it has was not asked for.
        #expect(config(.sync, .publish).unread(reports(.complete, .complete)) == ["p1"])
        #expect(config(.sync, .paused).unread(reports(.complete, .complete)) == ["p1"])
        var publishing = both
        publishing.mode = .publish
        #expect(publishing.unread(reports(.complete, .complete)) == ["p0", "p1"])
    }

    @Test func aNodeWritesOnlyWhereNoNumberCanBeGivenTwice() {
        var numbers = RecoveredNumbers(isStateWhole: true, hasPeers: true, unread: ["beta"])
        #expect(!numbers.isSettled(isPartial: false) && numbers.isSettled(isPartial: true))
        numbers.unread = []
        #expect(numbers.isSettled(isPartial: false))
        numbers.isStateWhole = false
        #expect(numbers.isSettled(isPartial: false), "every peer has said what it has")
        numbers.hasPeers = false
        #expect(!numbers.isSettled(isPartial: false) && numbers.isSettled(isPartial: true), "there was nobody to ask")
        #expect(RecoveredNumbers(isStateWhole: true).isSettled(isPartial: false), "its number is known")
        #expect(RecoveredNumbers(isOwnComplete: true, isStateWhole: true, hasPeers: true, unread: ["beta"]).isSettled(isPartial: false))
        // A copy stays one, whatever its peers have.
        let copy = RecoveredNumbers(wasStopped: true, isStateWhole: true, hasPeers: true)
        #expect(!copy.isSettled(isPartial: false) && !copy.isSettled(isPartial: true))
    }

    @Test func onlyARecoveryThatIsUnderWayIsGoneOnWith() throws {
        let directory = NodeDirectory("/tmp/federation-recovery-\(getpid())-\(Sample.node(UInt64.random(in: 0..<1 << 40)))")
        mkdir(directory.path, 0o700)
        defer { removeDirectory(directory.path) }
        func write(_ name: String, _ text: String) {
            let file = open("\(directory.path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            defer { close(file) }
            #expect(Glibc.write(file, text, text.utf8.count) == text.utf8.count)
        }
        func read(_ name: String) -> String? {
            let file = open("\(directory.path)/\(name)", O_RDONLY)
            defer { close(file) }
            var bytes = [UInt8](repeating: 0, count: 100)
            let count = Glibc.read(file, &bytes, bytes.count)
            return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
        }
        write("federation.db", "one")
        write("federation.db-wal", "log")
        var files = DamagedFiles(directory)
        #expect(!files.isInterrupted)
        try files.moveThere()
        #expect(files.isInterrupted && DamagedFiles(directory).isInterrupted)
        let place = try #require(files.kept)
        #expect(place.contains("/recovering-"))
        // No database yet, so it is under way still.
        try files.finish()
        #expect(files.isInterrupted && files.kept == place)
        #expect(try files.resume() == place + "/federation.db")
        write("federation.db", "two")
        try files.finish()
        let kept = try #require(files.kept)
        #expect(kept.contains("/damaged-") && access(kept + "/federation.db-wal", F_OK) == 0 && access(place, F_OK) != 0)
        // Months later the database is gone: the one of then is no way on.
        unlink(directory.database)
        #expect(!DamagedFiles(directory).isInterrupted)
        // A kill between the new name and the end: whoever comes next ends it, and takes away what stayed empty.
        write("federation.db", "three")
        mkdir(directory.path + "/recovering-20260101T000000Z", 0o700)
        write("recovering-20260101T000000Z/federation.db", "old")
        mkdir(directory.path + "/damaged-20260101T000000Z", 0o700)
        write("damaged-20260101T000000Z/federation.db", "older")
        mkdir(directory.path + "/recovering-20260202T000000Z", 0o700)
        var later = DamagedFiles(directory)
        try later.finish()
        #expect(read("damaged-20260101T000000Z-2/federation.db") == "old")
        #expect(read("damaged-20260101T000000Z/federation.db") == "older")
        #expect(!DirectoryListing.names(in: directory.path).contains { $0.hasPrefix("recovering-") })
    }

    @Test func theLastIdentityThatWasMadeIsTheNodes() {
        let (first, second) = ("01KNJX4991ASW6NNKS9BQHNCGB", "01KPJX4991ASW6NNKS9BQHNCGB")
        let names = ["signing.key", "signing-\(second).key", "signing-\(first).key", "signing-\(second).key.next", "signing-x.key", "tls.key"]
        #expect(RecoveredIdentity.newest(of: names)?.description == second)
        #expect(RecoveredIdentity.newest(of: ["signing.key", "tls.key"]) == nil)
    }

    @Test func aNodeThatIsStartedOftenDoesNotReadItsFileEachTime() {
        let now = WallTime(milliseconds: 1_800_000_000_000)
        func rest(hours: Int64) -> Duration {
            DamageWatch.rest(since: WallTime(milliseconds: now.milliseconds - hours * 3_600_000), at: now)
        }
        #expect(DamageWatch.rest(since: nil, at: now) == .seconds(60))
        #expect(rest(hours: 20) == .seconds(4 * 3600))
        #expect(rest(hours: 24) == .seconds(60) && rest(hours: 1000) == .seconds(60))
        #expect(rest(hours: -1) == .seconds(60), "a clock that was set")
    }

    @Test func onlyDraftsAreTakenAway() {
        for name in ["recover-17.db", "recover-17.db-wal", "recover-4194304.db-shm", "recover-1.db-journal"] {
            #expect(Recovery.isDraft(name))
        }
        for name in ["recover-notes.txt", "recover-.db", "recover-17.db.txt", "recover-17", "recovering-20260101T000000Z", "a-recover-1.db"] {
            #expect(!Recovery.isDraft(name))
        }
    }
}
