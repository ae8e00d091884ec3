import FederationCore
import FederationCrypto
import FederationTestKit
import Negentropy

@testable import Federation

/// What else comes as one JSON object: attestations, digests of a log, events named by digest, documents of a mesh, and
/// what is kept of a peer. The first byte says which.
enum JSONStatements: Fuzzer {
    static let name = "json-statements"

    static func take(_ bytes: [UInt8]) {
        let rest = Array(bytes.dropFirst())
        switch bytes.first {
        case UInt8(ascii: "a"):
            guard let json = try? JSON(rest), let attestation = Attestation(json) else { return }
            hold(attestation)
        case UInt8(ascii: "d"):
            guard let digests = try? LogDigests(json: rest) else { return }
            require(digests.origins?.count ?? 0 <= Limits.digestedOrigins, "origins past their bound")
            guard let again = try? LogDigests(json: digests.json) else { fail("what was written is not read") }
            require(again.json == digests.json, "another text is written than was read")
        case UInt8(ascii: "g"):
            guard let groups = NeededGroups(json: rest) else { return }
            let count = groups.groups.reduce(0) { $0 + $1.digests.count }
            require(count <= Limits.eventsByDigest, "more events than may be asked for")
            guard let again = NeededGroups(json: groups.json) else { fail("what was written is not read") }
            require(again.json == groups.json, "another text is written than was read")
        case UInt8(ascii: "m"): mesh(rest)
        case UInt8(ascii: "h"):
            let health = PeerHealth(json: rest)
            require(PeerHealth(json: health.json) == health, "another health is read than was written")
        case UInt8(ascii: "s"):
            let statistics = MeshStatistics(json: rest)
            let again = MeshStatistics(json: statistics.json)
            require(again == statistics, "other statistics are read than were written")
        case UInt8(ascii: "i"):
            guard let peer = try? NativePeer.identity(body: rest) else { return }
            require(peer.name.utf8.count <= Limits.eventTextBytes, "a name past its bound")
            _ = try? MeshPeer(body: rest)
        default: return
        }
    }

    static func hold(_ attestation: Attestation) {
        guard let json = try? JSON(attestation.json), let again = Attestation(json) else {
            fail("an attestation that was written is not read")
        }
        require(again == attestation, "another attestation is read than was written")
        require(attestation.number < Limits.counter, "a number past its bound")
        require(!attestation.isSigned { _, _, _ in false }, "signed without a signature")
        _ = attestation.isSigned { preimage, signature, key in
            guard let signature = Signature(signature), let key = VerifyingKey(key) else { return false }
            return key.verify(signature, of: preimage)
        }
    }

    private static func mesh(_ line: [UInt8]) {
        guard case .event(let event, _) = MeshDocument.item(of: line) else { return }
        guard event.family == .mesh, let written = MeshDocument.line(of: event) else { return EventJSON.hold(event) }
        guard case .event(let again, _) = MeshDocument.item(of: written) else {
            fail("a document that was written is not read")
        }
        require(again == event, "another document is read than was written")
        EventJSON.hold(event)
        guard let fingerprint = try? event.fingerprint(sha256) else { fail("a document without a fingerprint") }
        require(SyncItem(of: event, digest: fingerprint.digest) != nil, "a document without a place")
    }

    static var seeds: [Seed] {
        get throws {
            let pair = try SigningKey(seed: [UInt8](repeating: 1, count: SigningKey.seedLength))
            let next = try SigningKey(seed: [UInt8](repeating: 2, count: SigningKey.seedLength))
            guard let key = PublicKey(pair.publicKey.description), let other = PublicKey(next.publicKey.description)
            else { return [] }
            let tip = ChainTip(number: 7, head: sha256([7]))
            let origin = Sample.node(1)
            let checkpoint = Attestation(
                kind: .checkpoint, origin: origin, number: 7, head: tip.head, key: key,
                signature: pair.sign(Attestation.checkpointPreimage(of: origin, at: tip)).description)
            let preimage = Attestation.successionPreimage(of: origin, at: tip, from: key, to: other)
            let succession = Attestation(
                kind: .succession(next: other, acceptance: next.sign(preimage).description), origin: origin, number: 7,
                head: tip.head, key: key, signature: pair.sign(preimage).description)
            let log = MemoryLog.small
            let digests = try LogDigests(of: log, below: UInt64(MemoryLog.now.milliseconds), sha256)
            let item = NeededItem(digest: sha256([1]), times: 1...2)
            let document = #"{"key":"tracks:7","time":1700000000123,"deleted":true,"mesh":"a","n":[1.50,"ü",null]}"#
            let node = try LoopedNode(NativeWire(), holding: [])
            let greeting = try node.respond(to: HTTPRequest(.get, "/federation/v1/identity"))
            let health = #"{"version":"1","last_success":"x","consecutive_failures":3,"#
                + #""last_error":{"reason":"auth"},"held":1}"#
            return [
                Seed("attestation-checkpoint", Array("a".utf8) + checkpoint.json),
                Seed("attestation-succession", Array("a".utf8) + succession.json),
                Seed("digests", Array("d".utf8) + digests.json),
                Seed("groups", Array("g".utf8) + NeededGroups([item]).json), Seed("mesh-document", "m" + document),
                Seed("mesh-event", #"m{"key":"a","time":1,"event":{}}"#), Seed("health", "h" + health),
                Seed("statistics", #"s{"sessions":1,"rounds":18446744073709551615}"#),
                Seed("identity", Array("i".utf8) + greeting.body),
            ]
        }
    }
}
