import Foundation
@testable import Negentropy
import NegentropyTestKit
import Testing

@testable import NegentropyHarness

/// The transcripts of the reference implementation (hoytech/negentropy 6edb041), in `Vectors`.
struct VectorTests {
    struct Message: Decodable {
        let from: String
        let bytes: Int
        let hex: String?
        let sha256: String?
        let first64: String?
        let last32: String?
    }

    struct SafeRule: Decodable {
        let rounds: Int
        let messageBytes: [Int]
        let sha256OfAllMessagesConcatenated: String
        let haveCount: Int
        let needCount: Int
    }

    struct Session: Decodable {
        let name: String
        let limits: [Int]
        let sizeA: Int
        let sizeB: Int
        let rounds: Int
        let messages: [Message]
        let haveSetSha256: String
        let needSetSha256: String
        let trueHaveCount: Int
        let trueNeedCount: Int
        let referenceIsComplete: Bool
        let safeRule: SafeRule?
        let itemsA: [[String]]?
        let itemsB: [[String]]?
    }

    struct Single: Decodable {
        struct Case: Decodable {
            let `in`: String
            let about: String
            let out: String
        }
        let item: [String]
        let cases: [Case]
    }

    struct FingerprintCase: Decodable {
        enum IDs: Decodable {
            case list([String])
            case formula

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                self = (try? container.decode([String].self)).map { .list($0) } ?? .formula
            }
        }
        let ids: IDs
        let fp: String
    }

    struct Vectors: Decodable {
        let vectors: [Session]
        let varint: [String: String]
        let fingerprint: [FingerprintCase]
        let responderSingleItem: Single
    }

    static let vectors: Vectors = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Vectors/negentropy-vectors.json")
        do {
            return try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: file))
        } catch {
            Issue.record("vectors unreadable: \(error)")
            return Vectors(
                vectors: [], varint: [:], fingerprint: [], responderSingleItem: .init(item: ["0", ""], cases: []))
        }
    }()

    static let sessions = vectors.vectors.map(\.name)

    static func session(_ name: String) throws -> Session {
        try #require(vectors.vectors.first { $0.name == name })
    }

    @Test(arguments: sessions)
    func theReferenceModeSpeaksLikeTheReference(name: String) throws {
        let vector = try Self.session(name)
        let (a, b) = try VectorSets.make(vector)
        #expect(a.count == vector.sizeA && b.count == vector.sizeB)
        let limits = vector.limits.map { $0 == 0 ? nil : $0 }
        let result = try reconcile(
            SealedStore(a), SealedStore(b), settings: .limited(limits[0], .reference),
            responderSettings: .limited(limits[1], .reference), hash: SHA256.hash)
        #expect(result.rounds == vector.rounds)
        try #require(result.messages.count == vector.messages.count)
        for (message, expected) in zip(result.messages, vector.messages) {
            #expect(message.count == expected.bytes)
            if let hex = expected.hex { #expect(Hex.text(message) == hex) }
            if let digest = expected.sha256 { #expect(Hex.text(SHA256.hash(message)) == digest) }
            if let start = expected.first64 { #expect(Hex.text(Array(message.prefix(64))) == start) }
            if let end = expected.last32 { #expect(Hex.text(Array(message.suffix(32))) == end) }
        }
        #expect(VectorSets.digest(result.have) == vector.haveSetSha256)
        #expect(VectorSets.digest(result.need) == vector.needSetSha256)
    }

    @Test(arguments: sessions)
    func theSafeRuleFindsEveryDifferenceOfTheVectors(name: String) throws {
        let vector = try Self.session(name)
        let (a, b) = try VectorSets.make(vector)
        let limits = vector.limits.map { $0 == 0 ? nil : $0 }
        let result = try reconcile(
            OrderedStore(a), OrderedStore(b), settings: .limited(limits[0]),
            responderSettings: .limited(limits[1]), hash: SHA256.hash)
        #expect(result.have == Set(a.map(\.id)).subtracting(b.map(\.id)))
        #expect(result.need == Set(b.map(\.id)).subtracting(a.map(\.id)))
        #expect(result.have.count == vector.trueHaveCount && result.need.count == vector.trueNeedCount)
        if let rule = vector.safeRule {
            #expect(result.rounds == rule.rounds)
            #expect(result.messages.map(\.count) == rule.messageBytes)
            let all = Array(result.messages.joined())
            #expect(Hex.text(SHA256.hash(all)) == rule.sha256OfAllMessagesConcatenated)
        }
    }

    @Test func everyFingerprintVectorHolds() throws {
        for vector in Self.vectors.fingerprint {
            var ids: [ItemID] = []
            switch vector.ids {
            case .list(let texts): ids = texts.compactMap { Hex.bytes($0).flatMap { ItemID($0) } }
            case .formula: ids = (0..<128).map { item(0, "negvec-fp-\($0)").id }
            }
            // A range's fingerprint can be seen only in an answer: is it skipped by whoever holds these ids?
            let items = ids.enumerated().map { Item(timestamp: UInt64($0.offset), id: $0.element) }
            var responder = Responder(store: try SealedStore(items), hash: SHA256.hash)
            let question = [0x61, 0, 0, 1] + (try #require(Hex.bytes(vector.fp)))
            #expect(try responder.answer(question) == [0x61])
        }
    }

    @Test func aResponderWithOneItemAnswersLikeTheReference() throws {
        let single = Self.vectors.responderSingleItem
        #expect(single.cases.count == 18)
        for example in single.cases {
            var harness = Harness(settings: try .limited(nil))
            _ = try harness.reply(to: "item,\(single.item[0]),\(single.item[1])")
            _ = try harness.reply(to: "seal")
            if example.out.hasPrefix("msg,") {
                #expect(try harness.reply(to: "msg,\(example.in)") == [example.out], "\(example.about)")
            } else {
                #expect(throws: Harness.Failure.self, "\(example.about)") { try harness.reply(to: "msg,\(example.in)") }
            }
        }
    }

    @Test func numbersAreWrittenInTheirShortestForm() {
        for (number, hex) in Self.vectors.varint {
            var bytes: [UInt8] = []
            Varint.append(UInt64(number) ?? 0, to: &bytes)
            #expect(Hex.text(bytes) == hex)
        }
    }
}
