import Negentropy
import NegentropyTestKit
import Testing

@testable import NegentropyHarness

/// What must hold for any two sets and any limits: a session ends, and finds exactly the difference.
struct PropertyTests {
    @Test func aSafeSideReconcilesExactlyWithAReferenceSideInEitherRole() throws {
        var numbers = SeededNumbers(77)
        let safe = try ReconcileSettings.limited(4096)
        let reference = try ReconcileSettings.limited(4096, .reference)
        let known = VectorSets.truncation
        let first = SetPair(a: known.a, b: known.b)
        var pairs = [first, first.swapped]
        for _ in 0..<10 { pairs.append(SetPair(.spread, most: 900, using: &numbers)) }
        for pair in pairs {
            let (a, b) = (try SealedStore(pair.a), try SealedStore(pair.b))
            for (ours, theirs) in [(safe, reference), (reference, safe)] {
                #expect(try reconcile(a, b, settings: ours, responderSettings: theirs).isExact(pair))
            }
        }
    }

    @Test func bothStoresSayTheSame() throws {
        var numbers = SeededNumbers(78)
        for shape in SetPair.Shape.allCases {
            let pair = SetPair(shape, most: 600, using: &numbers)
            let (a, b) = (pair.a, pair.b)
            let settings = try ReconcileSettings.limited(5000)
            let sealed = try reconcile(SealedStore(a), SealedStore(b), settings: settings)
            let ordered = try reconcile(OrderedStore(a), OrderedStore(b), settings: settings)
            #expect(sealed.messages == ordered.messages)
        }
    }

    @Test func anEqualSetCostsOneRoundAndOneByteBack() throws {
        var numbers = SeededNumbers(79)
        let items = (0..<1_000).map { Item(timestamp: UInt64($0) * 977, id: numbers.id()) }
        let result = try reconcile(SealedStore(items), OrderedStore(items), settings: .standard)
        #expect(result.rounds == 1 && result.messages.last == [0x61])
        #expect(result.have.isEmpty && result.need.isEmpty)
    }

    @Test func aStoreThatChangesBetweenRoundsIsReadAsItWasAtTheStart() throws {
        var numbers = SeededNumbers(80)
        let items = (0..<600).map { Item(timestamp: UInt64($0) * 977, id: numbers.id()) }
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
