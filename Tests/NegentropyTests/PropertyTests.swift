import Negentropy
import Testing

@testable import NegentropyHarness

/// What must hold for any two sets and any limits: a session ends, and finds exactly the difference.
struct PropertyTests {
    /// What the timestamps and ids of a pair look like.
    enum Shape: CaseIterable {
        case spread, equalTimestamps, sharedPrefixes, full64Bits, newestDiffer
    }

    private static func items(_ count: Int, _ shape: Shape, _ numbers: inout SeededNumbers) -> [Item] {
        let stem = (0..<31).map { _ in UInt8.random(in: 0...255, using: &numbers) }
        return (0..<count).map { index in
            switch shape {
            case .spread, .newestDiffer:
                return Item(timestamp: 1_700_000_000_000 + UInt64(index) * 977, id: numbers.id())
            case .equalTimestamps:
                return Item(timestamp: 1_700_000_000, id: numbers.id())
            case .sharedPrefixes:
                // Ids that agree in up to 25 bytes. The rest is long enough that no two sums are equal by chance.
                let length = Int.random(in: 20...25, using: &numbers)
                let id = ItemID(Array(stem[..<length]) + numbers.id().bytes[length...]) ?? .zero
                return Item(timestamp: UInt64(index / 200), id: id)
            case .full64Bits:
                let edges: [UInt64] = [0, 1, .max - 1, 1 << 63, (1 << 63) - 1, numbers.next() % .max]
                return Item(timestamp: edges[Int.random(in: 0..<edges.count, using: &numbers)], id: numbers.id())
            }
        }
    }

    private static func pair(_ shape: Shape, _ numbers: inout SeededNumbers, most: Int) -> (a: [Item], b: [Item]) {
        let all = items(Int.random(in: 0...most, using: &numbers), shape, &numbers)
        if shape == .newestDiffer {
            let a = Int.random(in: 0...all.count, using: &numbers)
            return (Array(all[..<a]), all)
        }
        // From nearly equal to nothing in common.
        let onlyOne = Int.random(in: 0...50, using: &numbers)
        var a: [Item] = []
        var b: [Item] = []
        for item in all {
            let place = Int.random(in: 0..<100, using: &numbers)
            if place >= onlyOne { a.append(item) }
            if place < 100 - onlyOne { b.append(item) }
        }
        return (a, b)
    }

    private static func limit(_ numbers: inout SeededNumbers) -> Int? {
        switch Int.random(in: 0..<4, using: &numbers) {
        case 0: nil
        case 1: 4096
        default: Int.random(in: 4096...12_000, using: &numbers)
        }
    }

    @Test(arguments: Shape.allCases)
    func anyTwoSetsUnderAnyLimitsAreReconciledExactly(shape: Shape) throws {
        var numbers = SeededNumbers(UInt64(Shape.allCases.firstIndex(of: shape) ?? 0) + 100)
        for _ in 0..<TruncationTests.randomPairs / 10 {
            let (a, b) = Self.pair(shape, &numbers, most: 400)
            let limits = (Self.limit(&numbers), Self.limit(&numbers))
            let result = try reconcile(
                OrderedStore(a), SealedStore(b), settings: .limited(limits.0), responderSettings: .limited(limits.1))
            #expect(result.have == Set(a.map(\.id)).subtracting(b.map(\.id)))
            #expect(result.need == Set(b.map(\.id)).subtracting(a.map(\.id)))
            for (index, message) in result.messages.enumerated() where index > 0 {
                if let limit = index % 2 == 0 ? limits.0 : limits.1 { #expect(message.count <= limit) }
            }
        }
    }

    @Test func aSafeSideReconcilesExactlyWithAReferenceSideInEitherRole() throws {
        var numbers = SeededNumbers(77)
        let safe = try ReconcileSettings.limited(4096)
        let reference = try ReconcileSettings.limited(4096, .reference)
        let known = VectorSets.truncation
        var pairs = [known, (a: known.b, b: known.a)]
        for _ in 0..<10 { pairs.append(Self.pair(.spread, &numbers, most: 900)) }
        for (a, b) in pairs {
            for (ours, theirs) in [(safe, reference), (reference, safe)] {
                let result = try reconcile(SealedStore(a), SealedStore(b), settings: ours, responderSettings: theirs)
                #expect(result.have == Set(a.map(\.id)).subtracting(b.map(\.id)))
                #expect(result.need == Set(b.map(\.id)).subtracting(a.map(\.id)))
            }
        }
    }

    @Test func bothStoresSayTheSame() throws {
        var numbers = SeededNumbers(78)
        for shape in Shape.allCases {
            let (a, b) = Self.pair(shape, &numbers, most: 600)
            let settings = try ReconcileSettings.limited(5000)
            let sealed = try reconcile(SealedStore(a), SealedStore(b), settings: settings)
            let ordered = try reconcile(OrderedStore(a), OrderedStore(b), settings: settings)
            #expect(sealed.messages == ordered.messages)
        }
    }

    @Test func anEqualSetCostsOneRoundAndOneByteBack() throws {
        var numbers = SeededNumbers(79)
        let items = Self.items(1_000, .spread, &numbers)
        let result = try reconcile(SealedStore(items), OrderedStore(items), settings: .standard)
        #expect(result.rounds == 1 && result.messages.last == [0x61])
        #expect(result.have.isEmpty && result.need.isEmpty)
    }

    @Test func aStoreThatChangesBetweenRoundsIsReadAsItWasAtTheStart() throws {
        var numbers = SeededNumbers(80)
        let items = Self.items(600, .spread, &numbers)
        var store = try OrderedStore(items.dropFirst(2))
        var initiator = Initiator(store: store, hash: quickHash)
        var responder = Responder(store: try SealedStore(items), hash: quickHash)
        var message = try initiator.open()
        for item in items.dropFirst(2) { store.remove(item) }
        while case .send(let next) = try initiator.receive(try responder.answer(message)) { message = next }
        #expect(initiator.have.isEmpty && initiator.need == Set(items.prefix(2).map(\.id)))
    }

    /// Not a wish, but what fingerprints made of sums are: the reason why ids must be hashes.
    @Test func idsThatCountUpCanHideEachOther() throws {
        func store(_ numbers: [UInt8]) throws -> SealedStore {
            let ids = numbers.compactMap { ItemID([UInt8](repeating: 0, count: 31) + [$0]) }
            return try SealedStore(ids.map { Item(timestamp: 1, id: $0) })
        }
        let common = Array<UInt8>(100..<200)
        let result = try reconcile(
            store(common + [10, 13]), store(common + [11, 12]), settings: .standard, hash: SHA256.hash)
        #expect(result.have.count < 2)
    }

    @Test func aHashThatIsTooShortIsNoReasonToCrash() throws {
        let items = (0..<100).map { item(UInt64($0), "short-\($0)") }
        let result = try reconcile(
            SealedStore(items), SealedStore(items.dropLast()), settings: .standard, hash: { [UInt8($0.count)] })
        #expect(result.need.isEmpty)
    }
}
