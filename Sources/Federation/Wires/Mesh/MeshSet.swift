internal import FederationConfig
internal import FederationCore
internal import Negentropy
internal import Synchronization

/// The documents of one log, as a set that a session can begin with at once.
///
/// It is made from the log in order of arrival and follows it; nothing else is in it. A copy is a snapshot.
struct MeshSet: Sendable {
    private(set) var items = OrderedStore()
    /// Where in the log each version lies, by the beginning of its id; those that begin alike are apart.
    private var places: [UInt64: Int64] = [:]
    private var clashes: [ItemID: Int64] = [:]
    private(set) var last: Place?
    /// The events read before it: by these an older state of the same log is known from another log.
    private var recent: [Place] = []
    /// It was read to the end of the log once.
    private var isBuilt = false

    /// The last event that was read.
    struct Place: Hashable, Sendable {
        var seq: Int64
        var id: ULID
        var digest: Digest

        init(_ stored: StoredEvent) {
            seq = stored.seq
            id = stored.event.id
            digest = stored.digest
        }
    }

    /// Where to go on reading: the last event is read again, to see that it is still the same log.
    var readsAfter: Int64 { (last?.seq ?? 0) - (last == nil ? 0 : 1) }

    func contains(_ id: ItemID) -> Bool { place(of: id) != nil }

    /// The `seq` of the event that a version came from.
    func place(of id: ItemID) -> Int64? { clashes[id] ?? places[id.start] }

    /// Takes in what follows; `nil` where the log is not the one that was read, or has changed in what was read.
    ///
    /// - Parameters:
    ///   - after: where the reading of `page` began.
    ///   - page: events in order of arrival; an empty one says that there are no more.
    mutating func follow(_ page: [StoredEvent], after: Int64, families: Set<EventFamily>) -> Bool {
        guard after <= readsAfter else { return true }
        var page = page[...]
        if let last {
            guard let end = page.last else { return false }
            // Another reader has been here in between.
            if end.seq < last.seq { return true }
            page = page.drop { $0.seq < last.seq }
            guard page.first.map(Place.init) == last else { return false }
            page = page.dropFirst()
        }
        for stored in page {
            // A variant took an id that may be in here under another digest.
            if isBuilt, stored.replacements > 0 { return false }
            if families.contains(stored.event.family) { add(stored) }
            let place = Place(stored)
            last = place
            recent.append(place)
        }
        if recent.count > MeshSet.recentPlaces { recent.removeFirst(recent.count - MeshSet.recentPlaces) }
        return true
    }

    private static let recentPlaces = 64

    /// Whether a log that ends at `head` is the one that was read, at an earlier time: a view may be older than the set.
    func isAhead(of head: StoredEvent?) -> Bool {
        guard let last, let head, head.seq < last.seq else { return false }
        return recent.contains(Place(head))
    }

    /// There is nothing more to read for now.
    mutating func isComplete() { isBuilt = true }

    private mutating func add(_ stored: StoredEvent) {
        guard let item = SyncItem(of: stored.event, digest: stored.digest)?.item,
            (try? items.insert(item)) == true
        else { return }
        if places[item.id.start] == nil { places[item.id.start] = stored.seq } else { clashes[item.id] = stored.seq }
    }
}

extension ItemID {
    /// Its first eight bytes.
    fileprivate var start: UInt64 { bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
}

/// The sets of the logs of this process, by node and by what is carried: shared by sessions and routes.
///
/// What is in a set is a function of the log alone; it is kept only so that no session reads the log from its
/// beginning.
final class MeshSets: Sendable {
    struct Key: Hashable, Sendable {
        var node: ULID
        var carried: MeshCarry
    }

    private let sets = Mutex<[Key: MeshSet]>([:])

    func set(_ key: Key) -> MeshSet { sets.withLock { $0[key] ?? MeshSet() } }

    /// Adds what was read; a log that is not the one known begins anew.
    ///
    /// - Parameter isEnd: nothing followed `page`.
    func follow(_ page: [StoredEvent], after: Int64, isEnd: Bool, _ key: Key) {
        sets.withLock { sets in
            // Taken out, so that the arrays in it are not shared and need no copy.
            var set = sets.removeValue(forKey: key) ?? MeshSet()
            if set.follow(page, after: after, families: key.carried.families) {
                if isEnd { set.isComplete() }
            } else {
                set = MeshSet()
            }
            sets[key] = set
        }
    }

    /// What is in the set is not in the log: it is made anew at its next use.
    func forget(_ key: Key) { sets.withLock { $0[key] = nil } }

    /// The set of a log that can be read at once.
    func set(_ key: Key, of view: any LogReading) throws(StoreFailure) -> MeshSet {
        let head = try view.head()
        if let head, let end = try view.event(head.id), set(key).isAhead(of: end) { return set(key) }
        while true {
            let after = set(key).readsAfter
            let page = try view.events(after: after, limit: Limits.pageEvents, bytes: Limits.pageBytes)
            let isEnd = page.last?.seq ?? 0 == head?.seq ?? 0
            follow(page, after: after, isEnd: isEnd, key)
            let known = set(key)
            if known.last?.seq ?? 0 >= head?.seq ?? 0, isEnd || known.last != nil { return known }
        }
    }
}
