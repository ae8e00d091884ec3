import FederationCore

/// What happens in a simulation, in order of time; what happens at one time, in the order in which it was planned.
struct SimulationQueue<Happening: Sendable>: Sendable {
    /// Small, because it is moved about: what is to happen stays where it is until its time has come.
    private struct Entry: Sendable {
        var at: Instant
        var order: UInt64
        var slot: Int

        func isBefore(_ other: Entry) -> Bool { at == other.at ? order < other.order : at < other.at }
    }

    private var heap: [Entry] = []
    private var slots: [Happening?] = []
    private var freeSlots: [Int] = []
    private var lastOrder: UInt64 = 0

    var next: Instant? { heap.first?.at }

    mutating func plan(_ what: Happening, at: Instant) {
        lastOrder += 1
        let slot = freeSlots.popLast() ?? slots.count
        if slot == slots.count { slots.append(what) } else { slots[slot] = what }
        heap.append(Entry(at: at, order: lastOrder, slot: slot))
        var child = heap.count - 1
        while child > 0, heap[child].isBefore(heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func take() -> (at: Instant, what: Happening)? {
        guard !heap.isEmpty else { return nil }
        heap.swapAt(0, heap.count - 1)
        let first = heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            let left = 2 * parent + 1
            if left < heap.count, heap[left].isBefore(heap[least]) { least = left }
            if left + 1 < heap.count, heap[left + 1].isBefore(heap[least]) { least = left + 1 }
            guard least != parent else { break }
            heap.swapAt(parent, least)
            parent = least
        }
        guard let what = slots[first.slot] else { return nil }
        slots[first.slot] = nil
        freeSlots.append(first.slot)
        return (first.at, what)
    }
}
