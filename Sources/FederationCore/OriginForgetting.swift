/// What `forget-origin` would do: made and shown before anything is lost, then written whole.
///
/// An origin's entry in the node-wide clock is one of at most `Limits.nodeClockEntries`, and a node that is gone keeps
/// its for ever unless a person frees it. Nothing else is lost: its events and their records stay, and which event
/// dominates is decided by the clocks of the events, never by this one.
package struct OriginForgetting: Hashable, Sendable {
    package enum Failure: Error, Hashable, Sendable {
        /// Our own entry numbers our own events.
        case ownOrigin
        /// The clock has no entry of this origin; it has these.
        case unknownOrigin(known: [ULID])
        case store(StoreFailure)
    }

    package let origin: ULID
    /// What its entry says.
    package let counter: UInt64
    /// Its events in the log, which stay.
    package let events: Int64
    /// Configured peers that were met as this origin: what they write next brings the entry back.
    package let peers: [String]
    /// How many entries the clock has, with this one.
    package let entries: Int
    private let node: ULID

    /// The same by the name of a configured peer that was met, or by the origin's id.
    package init(named name: String, node: ULID, peers: [String], in log: some LogReading) throws(Failure) {
        var origin = ULID(name)
        let clock: VectorClock
        do throws(StoreFailure) {
            if origin == nil, peers.contains(name) {
                origin = try log.state(StateKey.peer(name, .identity)).flatMap { ULID($0) }
            }
            clock = VectorClock(stored: try log.state(StateKey.clock) ?? "")
        } catch {
            throw .store(error)
        }
        guard let origin else { throw .unknownOrigin(known: clock.others(than: node)) }
        try self.init(origin, node: node, peers: peers, in: log)
    }

    /// Looks up what there is to forget; changes nothing.
    ///
    /// - Parameters:
    ///   - node: our own identity.
    ///   - peers: the names of the configured peers.
    package init(_ origin: ULID, node: ULID, peers: [String], in log: some LogReading) throws(Failure) {
        guard origin != node else { throw .ownOrigin }
        self.origin = origin
        self.node = node
        let clock: VectorClock
        do throws(StoreFailure) {
            clock = VectorClock(stored: try log.state(StateKey.clock) ?? "")
            events = try log.origins().first { $0.origin.isExactly(origin.description) }?.events ?? 0
            var met: [String] = []
            for name in peers where try log.state(StateKey.peer(name, .identity)).flatMap({ ULID($0) }) == origin {
                met.append(name)
            }
            self.peers = met
        } catch {
            throw .store(error)
        }
        counter = clock[origin]
        entries = clock.count
        guard counter > 0 else { throw .unknownOrigin(known: clock.others(than: node)) }
    }

    /// Frees the entry, and gives the place to an origin that had found none.
    package func write(now: WallTime, to log: inout some LogWriting) throws(StoreFailure) {
        var clock = try NodeClock(of: node, in: log)
        clock.forget(origin, now: now)
        let waiting = try log.meta(.refusedMerge).flatMap { ULID($0) }
        if let waiting, let stored = try log.event(waiting) { clock.meet(stored.event) }
        if clock.hasRefused == nil { try log.setMeta(.refusedMerge, nil) }
        try clock.write(to: &log)
    }
}

/// Origins that `forget-origin` took out of the node-wide clock, with what their entries said.
///
/// The clock of an edit names whoever edited the record before, long after they are gone. Without this memory the next
/// edit of anything that a forgotten origin wrote would bring its entry back; with it only a higher number does, which
/// is an event of it that this node had not counted.
struct ForgottenOrigins: Hashable, Sendable {
    static let namespace = "forgotten"

    private struct Entry: Hashable {
        var counter: UInt64
        /// When it was forgotten, in milliseconds since 1970.
        var at: Int64
    }

    private var entries: [ULID: Entry] = [:]
    private var changed: Set<ULID> = []

    init(in log: some LogReading) throws(StoreFailure) {
        for (key, value) in try log.wireValues(ForgottenOrigins.namespace, peer: "") {
            let words = String(decoding: value, as: UTF8.self).split(separator: " ")
            guard let origin = ULID(key), words.count == 2, let counter = UInt64(words[0]), let at = Int64(words[1]) else {
                continue
            }
            entries[origin] = Entry(counter: counter, at: at)
        }
    }

    /// The entries of `clock` that say something new.
    func filtered(_ clock: VectorClock) -> VectorClock {
        guard !entries.isEmpty else { return clock }
        return clock.filter { entry in entries[entry.origin].map { entry.counter > $0.counter } ?? true }
    }

    /// Past `Limits.forgottenOrigins` the one forgotten first is forgotten here too.
    mutating func add(_ origin: ULID, counter: UInt64, now: WallTime) {
        entries[origin] = Entry(counter: counter, at: now.milliseconds)
        changed.insert(origin)
        guard entries.count > Limits.forgottenOrigins,
            let oldest = entries.min(by: { ($0.value.at, $0.key) < ($1.value.at, $1.key) })?.key
        else { return }
        entries[oldest] = nil
        changed.insert(oldest)
    }

    /// They have written again, and are counted as any other.
    mutating func remove(_ origins: some Sequence<ULID>) {
        guard !entries.isEmpty else { return }
        for origin in origins where entries[origin] != nil {
            entries[origin] = nil
            changed.insert(origin)
        }
    }

    func write(to log: inout some LogWriting) throws(StoreFailure) {
        for origin in changed.sorted() {
            let value = entries[origin].map { Array("\($0.counter) \($0.at)".utf8) }
            try log.setWireValue(ForgottenOrigins.namespace, peer: "", key: origin.description, value)
        }
    }
}

extension VectorClock {
    fileprivate func others(than node: ULID) -> [ULID] { sorted.map(\.origin).filter { $0 != node } }
}
