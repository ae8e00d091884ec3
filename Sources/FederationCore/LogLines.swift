/// Events of the log as they travel: lines of JSON, each what `Event.json` is of its event, and what a page says of them.
package struct LogLines: Sendable {
    /// What a line holds.
    package struct Place: Hashable, Sendable {
        package var seq: Int64
        package var id: ULID
        /// Its place in its origin's sequence, where it has one.
        package var dot: DottedClock.Dot?

        package init(seq: Int64, id: ULID, dot: DottedClock.Dot?) {
            self.seq = seq
            self.id = id
            self.dot = dot
        }
    }

    private var writer = JSONWriter()
    package private(set) var places: [Place] = []
    /// How long all of them may be, newlines included; the first is taken however long it is.
    private let room: Int

    package init(room: Int) { self.room = room }

    package var bytes: [UInt8] { writer.bytes }

    /// Takes one more line; `false`, and nothing is taken, if there is no room for it.
    ///
    /// - Parameter write: writes one value, the event.
    package mutating func append(_ place: Place, _ write: (inout JSONWriter) -> Void) -> Bool {
        let before = writer.bytes.count
        write(&writer)
        writer.endLine()
        guard places.isEmpty || writer.bytes.count <= room else {
            writer.cut(to: before)
            return false
        }
        places.append(place)
        return true
    }

    /// The same with an event.
    package mutating func append(_ stored: StoredEvent) -> Bool {
        let event = stored.event
        let dot = event.originID.flatMap { origin in event.number.map { DottedClock.Dot(origin: origin, number: $0) } }
        return append(Place(seq: stored.seq, id: event.id, dot: dot), event.write(to:))
    }
}

extension LogReading {
    /// By way of the events.
    package func lines(
        after seq: Int64, through last: Int64, limit: Int, room: Int
    ) throws(StoreFailure) -> LogLines {
        var lines = LogLines(room: room)
        for stored in try events(after: seq, limit: limit, bytes: room) where stored.seq <= last {
            guard lines.append(stored) else { break }
        }
        return lines
    }
}
