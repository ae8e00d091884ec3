/// How far someone has followed a log from outside: a value to keep beside the effect of what was read.
///
/// Whoever stores it in the transaction of that effect has each applied event exactly once; whoever stores it
/// afterwards has each at least once. It names the events that were passed while they were held, so none is missed when
/// it is applied later, and it notices a log that is not the one it was read from (a restored backup): reading then
/// starts over.
public struct LogCursor: Hashable, Sendable {
    /// The word of the epoch it was read in (`LogEpochs`); empty where that is not to be compared.
    var epoch = ""
    /// The last place that was looked at; `nil` before the first.
    public private(set) var position: LogPosition?
    /// Events passed while they were held, in order of arrival; at most `Limits.cursorWaiting`.
    private(set) var waiting: [ULID] = []

    /// Before the first event of a log.
    public static let start = LogCursor()

    private init() {}

    /// At a place of a log, with what is held up to there.
    init(_ position: LogPosition?, waiting: [ULID] = []) {
        self.position = position
        self.waiting = Array(waiting.prefix(Limits.cursorWaiting))
    }

    /// Reads what `text` wrote; `nil` for anything else.
    public init?(_ text: String) {
        guard text.utf8.count <= LogCursor.textBytes else { return nil }
        if text == LogCursor.start.text { return }
        let halves = text.split(separator: "+", omittingEmptySubsequences: false)
        let parts = halves[0].split(separator: ".", omittingEmptySubsequences: false)
        guard halves.count <= 2, parts.count == 3, let seq = Int64(parts[1]), seq > 0, let id = ULID(parts[2]) else {
            return nil
        }
        epoch = String(parts[0])
        position = LogPosition(seq: seq, id: id)
        guard halves.count == 2 else { return }
        for word in halves[1].split(separator: ",", omittingEmptySubsequences: false) {
            guard let id = ULID(word) else { return nil }
            waiting.append(id)
        }
        guard waiting.count <= Limits.cursorWaiting else { return nil }
    }

    /// One line of ASCII, short while nothing is held.
    public var text: String {
        guard let position else { return "start" }
        let place = "\(epoch).\(position.seq).\(position.id)"
        return waiting.isEmpty ? place : place + "+" + waiting.map(\.description).joined(separator: ",")
    }

    private static let textBytes = 256 + (ULID.length + 1) * Limits.cursorWaiting

    /// For one that is stored in the very database it was read from, and so goes back with it.
    package var withoutEpoch: LogCursor {
        var cursor = self
        cursor.epoch = ""
        return cursor
    }
}

/// What followed a cursor when the log was read.
public struct LogPage: Hashable, Sendable {
    /// In order of arrival, but for those that were held before: they come first. An id comes again when another
    /// variant has taken it, or the data of a stub has arrived.
    ///
    /// All of them are applied, unless more than `Limits.cursorWaiting` are held: then some come while they are, with
    /// their `hold`, and not again.
    public var events: [StoredEvent]
    /// What to keep once `events` are dealt with, also where there are none.
    public var next: LogCursor
    /// More can be read at once.
    public var hasMore: Bool
    /// The cursor was not of this log: these events are its first, and some of them may be known already.
    public var startedOver: Bool
}

extension LogReading {
    /// The applied events that follow a cursor, at most `limit`, which is at least one.
    package func page(after cursor: LogCursor, limit: Int) throws(StoreFailure) -> LogPage {
        let head = try head()
        let epochs = LogEpochs(stored: try meta(.epoch) ?? "")
        let fits = try cursor.fits(self, epochs, head)
        let from = fits ? cursor : .start
        var page = LogPage(events: [], next: from, hasMore: false, startedOver: !fits)
        try page.takeReleased(from, limit: limit, self)
        // A word that no position was given of is forgotten, so a cursor goes without.
        page.next.epoch = epochs?.served ?? ""
        guard page.events.count < limit else {
            page.hasMore = true
            return page
        }
        let found = try events(
            after: from.position?.seq ?? 0, limit: limit - page.events.count, bytes: Limits.pageBytes)
        for event in found { page.take(event) }
        page.hasMore = page.next.position != head
        return page
    }
}

extension LogCursor {
    fileprivate func fits(
        _ log: some LogReading, _ epochs: LogEpochs?, _ head: LogPosition?
    ) throws(StoreFailure) -> Bool {
        guard let position else { return true }
        guard let head, position.seq <= head.seq else { return false }
        if !epoch.isEmpty {
            guard let last = epochs?.last(of: epoch, head: head.seq), position.seq <= last else { return false }
        }
        return try log.id(at: position.seq) == position.id
    }

    fileprivate mutating func pass(_ event: StoredEvent) { position = LogPosition(seq: event.seq, id: event.event.id) }

    /// Whether it could be noted that an event has been passed while it is held.
    fileprivate mutating func awaits(_ id: ULID) -> Bool {
        guard waiting.count < Limits.cursorWaiting else { return false }
        if !waiting.contains(id) { waiting.append(id) }
        return true
    }

    fileprivate mutating func setWaiting(_ ids: [ULID]) { waiting = ids }
}

extension LogPage {
    fileprivate mutating func take(_ event: StoredEvent) {
        next.pass(event)
        if event.hold != nil, next.awaits(event.event.id) { return }
        events.append(event)
    }

    /// What was passed while it was held and is applied now.
    fileprivate mutating func takeReleased(
        _ cursor: LogCursor, limit: Int, _ log: some LogReading
    ) throws(StoreFailure) {
        guard let position = cursor.position else { return }
        guard !cursor.waiting.isEmpty else { return }
        var waiting: [ULID] = []
        // What is held still is not read to find that out: this is asked every other second.
        let held = Set(try log.newestHeld(limit: Limits.cursorWaiting).map(\.id))
        for id in cursor.waiting {
            guard events.count < limit, !held.contains(id) else {
                waiting.append(id)
                continue
            }
            guard let event = try log.event(id) else { continue }
            // One that another variant has replaced stands further on, and is met there.
            guard event.seq <= position.seq else { continue }
            if event.hold == nil { events.append(event) } else { waiting.append(id) }
        }
        next.setWaiting(waiting)
    }
}
