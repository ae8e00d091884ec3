import NegentropyTestKit
import Testing

@testable import Negentropy

/// Both stores against the plainest thing that could be true: a sorted array.
struct StoreTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func theOrderedStoreIsASortedArrayUnderInsertsAndRemovals(seed: UInt64) throws {
        var numbers = SeededNumbers(seed)
        var store = OrderedStore()
        var model: Set<Item> = []
        // Few timestamps and few ids: the same item comes again, and equal timestamps are the rule.
        let pool = (0..<900).map { _ in Item(timestamp: UInt64.random(in: 0..<40, using: &numbers), id: numbers.id()) }
        for step in 0..<4_000 {
            let item = pool[Int.random(in: 0..<pool.count, using: &numbers)]
            // Grows, shrinks to nearly nothing, and grows again: every split and every join happens.
            let grows = Int.random(in: 0..<10, using: &numbers) < (step / 1_000 % 2 == 0 ? 9 : 1)
            if grows {
                #expect(try store.insert(item) == model.insert(item).inserted)
            } else {
                #expect(store.remove(item) == (model.remove(item) != nil))
            }
            if step % 400 == 399 { try expectEqual(store, model, &numbers) }
        }
        for item in pool { store.remove(item) }
        #expect(store.count == 0 && store.sum(before: 0) == IDSum() && store.height == 1)
    }

    private func expectEqual(_ store: OrderedStore, _ model: Set<Item>, _ numbers: inout SeededNumbers) throws {
        let sealed = try SealedStore(model)
        #expect(store.isSound)
        #expect(store.count == sealed.count)
        #expect(store.ids(in: 0..<store.count) == model.sorted().map(\.id))
        for _ in 0..<20 {
            let ends = [0, 0].map { _ in Int.random(in: 0...store.count, using: &numbers) }.sorted()
            #expect(store.sum(before: ends[0]) == sealed.sum(before: ends[0]))
            #expect(store.ids(in: ends[0]..<ends[1]) == sealed.ids(in: ends[0]..<ends[1]))
            let floor = Item(timestamp: UInt64.random(in: 0..<41, using: &numbers), id: numbers.id())
            let expected = max(model.count { $0 < floor }, ends[0])
            #expect(store.firstIndex(notBelow: floor, from: ends[0]) == expected)
            #expect(sealed.firstIndex(notBelow: floor, from: ends[0]) == expected)
            if ends[0] < store.count {
                #expect(store.item(at: ends[0]) == sealed.item(at: ends[0]))
                #expect(store.contains(store.item(at: ends[0])))
            }
        }
    }

    @Test func theSealedStoreSumsEveryPrefixOfEveryLength() throws {
        var numbers = SeededNumbers(7)
        for count in [0, 1, 7, 8, 9, 16, 40] {
            let items = (0..<count).map { Item(timestamp: UInt64($0), id: numbers.id()) }
            let store = try SealedStore(items.shuffled(using: &numbers))
            var sum = IDSum()
            for index in 0...count {
                #expect(store.sum(before: index) == sum)
                if index < count { sum += items[index].id }
            }
        }
    }

    @Test func aCopyOfAStoreKeepsWhatItHolds() throws {
        var numbers = SeededNumbers(11)
        var store = OrderedStore()
        for index in 0..<500 { try store.insert(Item(timestamp: UInt64(index), id: numbers.id())) }
        let copy = store
        let before = copy.ids(in: 0..<500)
        for index in stride(from: 0, to: 500, by: 2) { store.remove(copy.item(at: index)) }
        try store.insert(Item(timestamp: 3, id: numbers.id()))
        #expect(copy.ids(in: 0..<500) == before && copy.isSound)
        #expect(store.count == 251 && store.isSound)
    }

    @Test func theTreeStaysLowForAscendingAndDescendingItems() throws {
        var numbers = SeededNumbers(5)
        let items = (0..<8_000).map { Item(timestamp: UInt64($0), id: numbers.id()) }
        var ascending = OrderedStore()
        for item in items { try ascending.insert(item) }
        var descending = OrderedStore()
        for item in items.reversed() { try descending.insert(item) }
        #expect(ascending.isSound && descending.isSound)
        #expect(ascending.height == 3 && descending.height <= 3)
        #expect(ascending.sum(before: 8_000) == descending.sum(before: 8_000))
    }

    @Test func noStoreTakesTheReservedTimestampAndTheSealedOneNoItemTwice() throws {
        let id = ItemID.zero
        let reserved = Item(timestamp: .max, id: id)
        let last = Item(timestamp: .max - 1, id: id)
        #expect(throws: ItemFailure.reservedTimestamp(id)) { try SealedStore([last, reserved]) }
        #expect(throws: ItemFailure.duplicate(last)) { try SealedStore([last, last]) }
        var store = OrderedStore()
        #expect(throws: ItemFailure.reservedTimestamp(id)) { try store.insert(reserved) }
        #expect(try store.insert(last))
        #expect(try !store.insert(last))
    }

    @Test func sumsWrapAndComeBack() {
        let highest = ItemID([UInt8](repeating: 0xFF, count: 32)) ?? .zero
        let one = ItemID([1] + [UInt8](repeating: 0, count: 31)) ?? .zero
        var sum = IDSum(highest)
        sum += one
        #expect(sum == IDSum())
        sum -= one
        #expect(sum == IDSum(highest))
    }

    @Test func boundsAreAsShortAsTheNeighboursAllow() {
        func id(_ bytes: [UInt8]) -> ItemID { ItemID(padding: bytes) }
        let a = Item(timestamp: 5, id: id([1, 2, 3, 4]))
        let later = Item(timestamp: 6, id: id([9]))
        let sibling = Item(timestamp: 5, id: id([1, 2, 7, 4]))
        #expect(Bound(between: a, and: later) == Bound(floor: Item(timestamp: 6, id: .zero), prefixLength: 0))
        #expect(Bound(between: a, and: sibling) == Bound(floor: Item(timestamp: 5, id: id([1, 2, 7])), prefixLength: 3))
        let longest = (id([UInt8](repeating: 8, count: 31) + [1]), id([UInt8](repeating: 8, count: 31) + [2]))
        let bound = Bound(between: Item(timestamp: 5, id: longest.0), and: Item(timestamp: 5, id: longest.1))
        #expect(bound.prefixLength == 32 && bound.floor.id == longest.1)
    }

    @Test func idsAreComparedAsUnsignedBytesAndNeedThirtyTwo() {
        #expect(ItemID([UInt8](repeating: 0, count: 31)) == nil && ItemID([UInt8](repeating: 0, count: 33)) == nil)
        for position in 0..<32 {
            var bytes = [UInt8](repeating: 0x7F, count: 32)
            let low = ItemID(bytes) ?? .zero
            bytes[position] = 0x80
            let high = ItemID(bytes) ?? .zero
            #expect(low < high && high.bytes == bytes && low.sharedPrefixLength(with: high) == position)
            let zeros = [UInt8](repeating: 0, count: 31 - position)
            #expect(high.prefix(position + 1).bytes == Array(bytes[...position]) + zeros)
        }
    }
}
