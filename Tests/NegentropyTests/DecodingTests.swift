@testable import Negentropy
import NegentropyTestKit
import Testing

@testable import NegentropyHarness

/// What a message may not be, and what an adversary gets.
struct DecodingTests {
    private func responder(_ count: Int = 1, settings: ReconcileSettings = .standard) throws -> Responder<SealedStore> {
        let items = (0..<count).map { item(12_345 + UInt64($0), "decoding-\($0)") }
        return Responder(store: try SealedStore(items), settings: settings, hash: quickHash)
    }

    private static let refused: [(String, ReconcileFailure)] = [
        ("", .emptyMessage),
        ("5f", .invalidVersion(0x5F)),
        ("70", .invalidVersion(0x70)),
        ("6100", .messageEnds(offset: 2)),
        ("6180", .messageEnds(offset: 2)),
        ("610001", .messageEnds(offset: 3)),
        ("610000", .messageEnds(offset: 3)),
        ("61000001001122", .messageEnds(offset: 7)),
        ("6100000205", .messageEnds(offset: 5)),
        ("610000028fffffffffffffff7f", .messageEnds(offset: 13)),
        ("61000003", .unknownMode(3, offset: 3)),
        ("61000090808080" + "00", .unknownMode(1 << 32, offset: 3)),
        ("6100009080808002", .unknownMode(1 << 32 + 2, offset: 3)),
        ("610021" + String(repeating: "00", count: 33) + "0200", .prefixTooLong(33, offset: 2)),
        ("610081ffffffffffffffff7f", .prefixTooLong(.max, offset: 2)),
        ("6181808080808080808080" + "000000", .numberTooLarge(offset: 1)),
        ("6183ffffffffffffffff7f0000", .numberTooLarge(offset: 1)),
        ("61e03a01ff000101500200", .descendingBound(offset: 6)),
        ("610001aa000000000200", .descendingBound(offset: 5)),
    ]

    @Test func everyMalformedMessageIsRefusedByName() throws {
        for (hex, failure) in Self.refused {
            let message = try #require(Hex.bytes(hex))
            var responder = try responder()
            #expect(throws: failure, "\(hex)") { try responder.answer(message) }
            #expect(responder.rounds == 0)
            var initiator = Initiator(store: try SealedStore([Item]()), hash: quickHash)
            _ = try initiator.open()
            #expect(throws: failure, "\(hex)") { try initiator.receive(message) }
        }
    }

    @Test func emptyRangesAfterTheEndAreTaken() throws {
        var responder = try responder()
        let answer = try responder.answer([0x61, 0, 0, 2, 0, 0, 0, 2, 0])
        #expect(answer.count == 5 + 32 + 4 && answer.suffix(4) == [0, 0, 2, 0])
    }

    @Test func anotherVersionIsAnsweredWithOursAndTheSessionGoesOn() throws {
        var responder = try responder()
        #expect(try responder.answer([0x62, 0xAA]) == [0x61])
        #expect(try responder.answer([0x61, 0, 0, 2, 0]).count == 37)
        var initiator = Initiator(store: try SealedStore([Item]()), hash: quickHash)
        _ = try initiator.open()
        #expect(throws: ReconcileFailure.unsupportedVersion(0x60)) { try initiator.receive([0x60]) }
        #expect(try initiator.receive([0x61]) == .finished)
    }

    @Test func aSessionIsOpenedOnceAndEndsOnce() throws {
        var initiator = Initiator(store: try SealedStore([Item]()), hash: quickHash)
        #expect(throws: ReconcileFailure.notOpened) { try initiator.receive([0x61]) }
        _ = try initiator.open()
        #expect(throws: ReconcileFailure.alreadyOpened) { try initiator.open() }
        #expect(try initiator.receive([0x61]) == .finished)
        #expect(throws: ReconcileFailure.alreadyFinished) { try initiator.receive([0x61]) }
    }

    @Test func aFailureChangesNothing() throws {
        let good = try #require(Hex.bytes("6100000201" + String(repeating: "ab", count: 32)))
        var initiator = Initiator(store: try SealedStore([item(1, "mine")]), hash: quickHash)
        _ = try initiator.open()
        #expect(throws: ReconcileFailure.self) { try initiator.receive(good + [0x00, 0x00, 0x07]) }
        #expect(initiator.have.isEmpty && initiator.need.isEmpty && initiator.rounds == 0)
        #expect(try initiator.receive(good) == .finished)
        #expect(initiator.have.count == 1 && initiator.need.count == 1)
    }

    @Test func everyCapHolds() throws {
        let list: [UInt8] = [0x61, 0, 0, 2, 2] + (0..<64).map { $0 < 32 ? 0xAB : 0xCD }
        let caps = try ReconcileSettings(frameLimit: nil, maxMessageBytes: 80, maxRounds: 2, maxDifferences: 2)
        var initiator = Initiator(store: try SealedStore([item(1, "mine")]), settings: caps, hash: quickHash)
        _ = try initiator.open()
        #expect(throws: ReconcileFailure.messageTooLong(bytes: 81, limit: 80)) {
            try initiator.receive([UInt8](repeating: 0x61, count: 81))
        }
        #expect(throws: ReconcileFailure.tooManyDifferences(limit: 2)) { try initiator.receive(list) }
        // A peer that always finds another wrong fingerprint would go on for ever.
        let endless: [UInt8] = [0x61, 0, 0, 1] + [UInt8](repeating: 9, count: 16)
        for _ in 0..<2 { #expect(try initiator.receive(endless) != .finished) }
        #expect(throws: ReconcileFailure.tooManyRounds(limit: 2)) { try initiator.receive(endless) }
        var responder = try responder(settings: caps)
        for _ in 0..<2 { _ = try responder.answer(endless) }
        #expect(throws: ReconcileFailure.tooManyRounds(limit: 2)) { try responder.answer(endless) }
    }

    @Test func limitsThatCannotBeKeptAreRefused() {
        for limit in [Int.min, -1, 0, 1, 4095] {
            #expect(throws: SettingsFailure.frameLimitTooSmall(limit)) { try ReconcileSettings(frameLimit: limit) }
        }
        #expect(throws: SettingsFailure.capTooSmall(0)) { try ReconcileSettings(frameLimit: nil, maxRounds: 0) }
        #expect(throws: Never.self) { try ReconcileSettings(frameLimit: Int.max) }
    }

    @Test func fiveBytesDrawNoMoreThanAFrame() throws {
        for settings in [try ReconcileSettings.limited(4096), .standard] {
            var responder = try responder(3_000, settings: settings)
            let limit = try #require(settings.frameLimit)
            let answer = try responder.answer([0x61, 0, 0, 2, 0])
            #expect(answer.count <= limit && answer.count > limit - 300)
        }
    }

    @Test func manyWrongFingerprintsDrawNoMoreThanAFrame() throws {
        var question: [UInt8] = [0x61]
        for index in 0..<400 {
            Varint.append(index == 0 ? 12_346 : 2, to: &question)
            question += [0, 1] + [UInt8](repeating: 3, count: 16)
        }
        for limit in [4096, 4500, 9999] {
            var responder = try responder(900, settings: .limited(limit))
            #expect(try responder.answer(question).count <= limit)
        }
    }

    @Test func noBytesMakeEitherSideCrashOrGoBeyondItsFrame() throws {
        var numbers = SeededNumbers(99)
        let settings = try ReconcileSettings.limited(4096)
        let items = (0..<120).map { item(UInt64($0 / 3), "adversary-\($0)") }
        let store = try OrderedStore(items)
        var opening = Initiator(store: try SealedStore(items.dropLast(9)), hash: quickHash)
        let honest = try opening.open()
        for _ in 0..<1_500 {
            var message = honest
            switch Int.random(in: 0..<3, using: &numbers) {
            case 0:
                for _ in 0..<3 {
                    let place = Int.random(in: 1..<message.count, using: &numbers)
                    message[place] = UInt8(numbers.next() & 0xFF)
                }
            case 1:
                message.removeSubrange(Int.random(in: 1..<message.count, using: &numbers)...)
            default:
                message = [0x61] + (0..<40).map { _ in UInt8(numbers.next() & 0x83) }
            }
            var responder = Responder(store: store, settings: settings, hash: quickHash)
            if let answer = try? responder.answer(message) { #expect(answer.count <= 4096) }
            var initiator = Initiator(store: store, settings: settings, hash: quickHash)
            _ = try initiator.open()
            if case .send(let answer)? = try? initiator.receive(message) { #expect(answer.count <= 4096) }
        }
    }
}
