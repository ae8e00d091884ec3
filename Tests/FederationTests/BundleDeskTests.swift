import FederationConfig
import FederationCore
import FederationCrypto
import FederationHTTP
import FederationStore
import FederationTestKit
import Glibc
import Testing

@testable import Federation

/// Pages of a bundle that its own node has signed, and that are not what they should be.
@Suite final class BundleDeskTests {
    private let own = Sample.node(9)
    private let key: SigningKey
    private let desk: BundleDesk
    private var header: Bundle.Header
    private let path: String

    init() throws {
        key = try SigningKey.generate()
        var peer = Config.Peer(name: "alpha", endpoint: nil)
        peer.id = Sample.node(1)
        var config = Config(name: "ours")
        config.peers = [peer]
        config.verify = .enforce
        path = "/tmp/federation-bundle-\(getpid())-\(Sample.node(UInt64.random(in: 0..<1 << 40))).db"
        let store = try SQLiteStore(path: path, access: .scratch)
        let intake = Intake(
            IntakePolicy(
                node: own, sha256: sha256, isOwnSignature: { _, _ in false }, signatures: SignaturePolicy(config)))
        desk = BundleDesk(store: store, intake: intake, config: config, own: own)
        header = Bundle.Header(
            node: NodeIdentity(id: Sample.node(1), name: "alpha", version: "1", mode: .sync, publicKey: nil),
            publicKey: key.publicKey.description, madeAt: Sample.epoch, nonce: "n", from: Bundle.beginning,
            holds: [own: "e.3.\(Sample.id(3))"], successions: [])
    }

    deinit { for end in ["", "-wal", "-shm"] { unlink(path + end) } }

    private func signed(_ number: Int) throws -> Event {
        var event = Sample.event(Sample.id(Int64(number)), "create", "20260101-note-\(number)")
        event.signature = key.sign(event.signingPreimage(dataHash: try event.fingerprint(sha256).dataHash)).description
        event.publicKey = key.publicKey.description
        return event
    }

    /// What becomes of one page: counts, or what is wrong with it.
    private func take(
        _ body: [UInt8], events: Int, coding: String = Bundle.plain, after from: String = Bundle.beginning,
        to: String = "e.1.\(Sample.id(1))", change: (inout Bundle.PageLine) -> Void = { _ in }
    ) async throws -> String {
        var line = Bundle.PageLine(
            page: 1, to: to, events: events, attestations: 0, coding: coding, bytes: body.count, signature: "")
        let preimage = Bundle.preimage(of: line, after: from, header: sha256(header.json), body: sha256(body))
        line.signature = key.sign(preimage).description
        change(&line)
        let text = jsonObject {
            $0.member("header", String(decoding: header.json, as: UTF8.self))
            $0.member("page", String(decoding: line.json, as: UTF8.self))
            $0.member("after", from)
            $0.member("body", String(decoding: Base64.encode(body), as: UTF8.self))
        }
        let arguments = try JSON(text)
        let answer: [UInt8]
        do throws(CommandFailure) { answer = try await desk.take(arguments).json } catch {
            return error.facts["case"] ?? error.code.rawValue
        }
        let facts = try JSON(answer)
        return ["applied", "duplicates", "refused"].map { "\(facts[$0]?.integer ?? -1)" }.joined(separator: " ")
    }

    private func position() async throws -> String? {
        try await desk.store.read { log throws(StoreFailure) in try log.state(StateKey.peer("alpha", .position)) }
    }

    @Test func whatIsSignedButIsNoPageIsRefused() async throws {
        let line = try signed(1).json + [0x0A]
        let bomb = try #require(Zstd.compress([UInt8](repeating: 0x20, count: Limits.bundlePageBytes + 1)))
        #expect(bomb.count < 10_000)
        #expect(try await take(bomb, events: 1, coding: Zstd.name) == "page")
        #expect(try await take(line, events: 1, coding: Zstd.name) == "page")
        #expect(try await take(line, events: 1, coding: "gzip") == "page")
        #expect(try await take(line, events: 2) == "page")
        #expect(try await take(line + line, events: 1) == "page")
        #expect(try await take(Array(line.dropLast()), events: 1) == "page")
        #expect(try await take(line, events: 1) { $0.events = 0 } == "signature")
        #expect(try await take(line, events: 1) { $0.to = "e.2.\(Sample.id(1))" } == "signature")
        #expect(try await take(line, events: 1) { $0.signature = "" } == "signature")
        #expect(try await position() == nil)
        #expect(try await desk.store.read { log throws(StoreFailure) in try log.eventCount() } == 0)
        // Whoever signs another's lines has signed nothing.
        #expect(try await take(line, events: 1) == "1 0 0")
    }

    @Test func anUnsignedEventIsRefusedAndSpoilsNoOther() async throws {
        var bare = try signed(2)
        bare.signature = nil
        let body = try signed(1).json + [0x0A] + bare.json + [0x0A] + Array("{\n".utf8) + signed(3).json + [0x0A]
        #expect(try await take(body, events: 4) == "2 0 2")
        #expect(try await take(body, events: 4).hasPrefix("0 2"))
    }

    @Test func thePositionFollowsWhatFollowsItAndNothingElse() async throws {
        let (first, second) = ("e.1.\(Sample.id(1))", "e.2.\(Sample.id(2))")
        #expect(try await take(try signed(2).json + [0x0A], events: 1, after: first, to: second) == "1 0 0")
        #expect(try await position() == nil)
        #expect(try await take(try signed(1).json + [0x0A], events: 1, to: first) == "1 0 0")
        #expect(try await position() == first)
        #expect(try await take(try signed(2).json + [0x0A], events: 1, after: first, to: second) == "0 1 0")
        #expect(try await position() == second)
        #expect(try await take(try signed(1).json + [0x0A], events: 1, to: first) == "0 1 0")
        #expect(try await position() == second)
    }

    @Test func aPlaceIsPassedByWhatGoesOnFromIt() {
        func place(_ from: String, _ to: String, _ read: String?, _ age: BundlePlace.Age = .later) -> BundlePlace {
            BundlePlace(from: from, to: to, read: read, age: age)
        }
        func at(_ epoch: String, _ seq: Int64) -> String { "\(epoch).\(seq).\(Sample.id(seq))" }
        let start = Bundle.beginning
        #expect(place(start, at("a", 5), nil, .older) == .leads)
        #expect(place(at("a", 5), at("a", 9), at("a", 5), .older) == .leads)
        // Of one log: what reaches further from where it was read, or from before.
        #expect(place(start, at("a", 9), at("a", 5), .older) == .leads)
        #expect(place(at("a", 3), at("a", 9), at("a", 5)) == .leads)
        #expect(place(at("old", 3), at("a", 9), at("a", 5)) == .leads)
        #expect(place(start, at("a", 5), at("a", 5)) == .known)
        #expect(place(at("a", 1), at("a", 4), at("a", 5)) == .known)
        #expect(place(at("a", 6), at("a", 9), at("a", 5)) == .apart)
        #expect(place(at("a", 6), at("a", 9), nil, .older) == .apart)
        // Of a log that has come in place of the one that was read: from the beginning, and not from an old bundle.
        #expect(place(start, at("b", 2), at("a", 5)) == .leads)
        #expect(place(start, at("b", 2), at("a", 5), .same) == .known)
        #expect(place(start, at("b", 2), at("a", 5), .older) == .known)
        #expect(place(at("b", 2), at("b", 4), at("a", 5), .same) == .apart)
        #expect(place(at("b", 2), at("b", 4), at("a", 5), .older) == .known)
        // A place that only its node understands is left for a beginning.
        #expect(place(start, at("b", 2), "opaque") == .leads && place(at("b", 1), at("b", 2), "opaque") == .apart)
    }

    /// The last line of a bundle that ends at `position`: where something is missing before it, and what is held then.
    private func finish(at position: String) async throws -> (missing: String?, holds: String?) {
        var end = Bundle.End(
            pages: 0, events: 0, logEvents: 99, logDigest: sha256([]).hex, signature: "")
        end.signature = key.sign(Bundle.preimage(of: end, at: position, header: sha256(header.json))).description
        let arguments = try JSON(
            jsonObject {
                $0.member("header", String(decoding: header.json, as: UTF8.self))
                $0.member("end", String(decoding: end.json, as: UTF8.self))
                $0.member("after", position)
            })
        let facts = try JSON(try await desk.take(arguments).json)
        let holds = try await desk.store.read { log throws(StoreFailure) in
            try log.wireValue(Bundle.namespace, peer: "alpha", key: BundleDesk.holds)
        }
        return (facts["missing_before"]?.string, holds.map { String(decoding: $0, as: UTF8.self) })
    }

    /// A node that does not know the place any more gives all of its log, once.
    @Test func anotherLogIsReadFromItsBeginningAndAnOlderBundleTakesNothingBack() async throws {
        let (first, anew, next) = ("e.1.\(Sample.id(1))", "f.1.\(Sample.id(1))", "f.2.\(Sample.id(2))")
        let held = header.holds[own]
        #expect(try await take(try signed(1).json + [0x0A], events: 1, to: first) == "1 0 0")
        #expect(try await finish(at: first) == (nil, held))
        let old = header
        header.madeAt = Sample.time(1000).rfc3339
        header.holds[own] = "e.5.\(Sample.id(5))"
        #expect(try await take(try signed(1).json + [0x0A], events: 1, to: anew) == "0 1 0")
        #expect(try await position() == anew)
        #expect(try await take(try signed(2).json + [0x0A], events: 1, after: anew, to: next) == "1 0 0")
        #expect(try await finish(at: next) == (nil, "e.5.\(Sample.id(5))"))
        #expect(try await position() == next)
        header = old
        #expect(try await take(try signed(1).json + [0x0A], events: 1, to: first) == "0 1 0")
        #expect(try await finish(at: first) == (nil, "e.5.\(Sample.id(5))"))
        #expect(try await position() == next)
        // A node that was put back says that it has less; one whose clock was wrong is believed again.
        header.madeAt = "2999-01-01T00:00:00.000Z"
        header.holds[own] = "e.4.\(Sample.id(4))"
        #expect(try await finish(at: next).holds == "e.4.\(Sample.id(4))")
        header.madeAt = Sample.time(2000).rfc3339
        header.holds[own] = "e.6.\(Sample.id(6))"
        #expect(try await finish(at: next).holds == "e.6.\(Sample.id(6))")
    }

    @Test func whatLiesBeforeABundleIsMissed() async throws {
        let (first, third) = ("e.1.\(Sample.id(1))", "e.3.\(Sample.id(3))")
        #expect(try await take(try signed(1).json + [0x0A], events: 1, to: first) == "1 0 0")
        header.from = "e.2.\(Sample.id(2))"
        #expect(try await finish(at: header.from).missing == header.from)
        #expect(try await take(try signed(3).json + [0x0A], events: 1, after: header.from, to: third) == "1 0 0")
        #expect(try await finish(at: third).missing == header.from)
        #expect(try await position() == first)
    }

    /// A first line has room for what it says, whoever is a peer.
    @Test func aNodeWithVeryManyPeersWritesBundlesThatCanBeRead() async throws {
        let peers = (0..<3000).map { number in
            var peer = Config.Peer(name: "peer-\(number)", endpoint: nil)
            peer.id = Sample.node(UInt64(number) + 100)
            return peer
        }
        let found = try await desk.store.write { log throws(StoreFailure) in
            for peer in peers {
                try log.setState(StateKey.peer(peer.name, .position), String(repeating: "e", count: 60) + ".7.\(Sample.id(7))")
            }
            return (
                try BundleExport.holds(of: peers, for: .beginning, in: log),
                try BundleExport.holds(of: peers, for: .peer("peer-2900"), in: log)
            )
        }
        header.holds = found.0
        #expect(found.0.count > 200 && header.json.count < Limits.bundleLineBytes)
        #expect(try Bundle.Header(line: header.json) == header)
        #expect(Array(found.1.keys) == [Sample.node(3000)])
    }
}
