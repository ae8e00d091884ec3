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
    private let header: Bundle.Header
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
}
