/// What is durable of a replayer outside the transaction: how far it has dealt with the log, and what waits aside.
package struct ReplayerMemory: Hashable, Sendable {
    /// A subject whose events wait behind one that failed: they are given in their order, and none before it.
    package struct Lane: Hashable, Sendable {
        /// The event that failed; what the subject has from there on waits with it.
        package var seq: Int64
        package var id: ULID
        package var attempts: Int
        /// `ProgramMessage.Refusal.Code`, or `crash`, or empty while the lane is being emptied.
        package var code: String
        package var words: String
        package var since: WallTime
        /// It is given again only when a person says so, or the program's version changes.
        package var isParked: Bool
        /// The event was held when the program was given it, so it is given again while it is.
        package var cameHeld = false
    }

    static let namespace = "replayer-program"
    private static let cursorKey = "cursor"
    private static let versionKey = "version"
    private static let markKey = "mark"
    private static let lanePrefix = "lane:"
    private static let skipPrefix = "skip:"

    /// Everything up to here is dealt with, or waits in a lane.
    package var cursor = LogCursor.start
    package var lanes: [ExactText: Lane] = [:]
    /// Events that a person has let go: they are not given to this program, wherever it begins.
    package var skipped: Set<ULID> = []
    /// The version that the program last gave.
    package var version = ""
    /// The word by which a directory of notes is known for the one that was begun with; another's mark is made with another.
    package var mark = ""

    package init() {}

    package var parked: Int { lanes.values.count { $0.isParked } }

    /// The subjects whose first waiting event this names; all, without one.
    package func subjects(holding id: ULID?) -> [ExactText] {
        lanes.filter { !$0.value.code.isEmpty && (id == nil || $0.value.id == id) }.map(\.key).sorted()
    }
}

/// What a person does about a replayer.
package enum ReplayerChange: Hashable, Sendable {
    /// Gives what waits again: one event, or all.
    case retry(ULID?)
    /// Lets an event go: it is not given to this program.
    case skip(ULID)
    /// Gives the whole log again.
    case rewind
}

extension ReplayerMemory {
    /// - Returns: how many events it was done to; for a rewind, 1.
    package mutating func apply(_ change: ReplayerChange) -> Int {
        switch change {
        case .retry(let id):
            let subjects = subjects(holding: id)
            for subject in subjects {
                lanes[subject]?.isParked = false
                lanes[subject]?.attempts = 0
            }
            return subjects.count
        case .skip(let id):
            let subjects = subjects(holding: id)
            guard skipped.count < Limits.replayerLanes else { return 0 }
            for subject in subjects { lanes[subject]?.pass() }
            if !subjects.isEmpty { skipped.insert(id) }
            return subjects.count
        case .rewind:
            cursor = .start
            lanes = [:]
            skipped = []
            mark = ""
            return 1
        }
    }
}

extension ReplayerMemory.Lane {
    /// Its event is dealt with: what follows is next.
    mutating func pass() {
        seq += 1
        attempts = 0
        code = ""
        words = ""
        isParked = false
    }
}

// As a store keeps it.
extension ReplayerMemory {
    package init(of name: String, in log: some LogReading) throws(StoreFailure) {
        for (key, value) in try log.wireValues(ReplayerMemory.namespace, peer: name) {
            let text = String(decoding: value, as: UTF8.self)
            switch key {
            case ReplayerMemory.cursorKey: cursor = LogCursor(text) ?? .start
            case ReplayerMemory.versionKey: version = text
            case ReplayerMemory.markKey: mark = text
            case _ where key.hasPrefix(ReplayerMemory.skipPrefix):
                if let id = ULID(key.dropFirst(ReplayerMemory.skipPrefix.count)) { skipped.insert(id) }
            default:
                // By bytes: a subject may begin with a mark that would join the colon to one character.
                let prefix = ReplayerMemory.lanePrefix.utf8
                guard key.utf8.starts(with: prefix), let lane = Lane(json: value) else { continue }
                lanes[ExactText(String(decoding: key.utf8.dropFirst(prefix.count), as: UTF8.self))] = lane
            }
        }
    }

    /// Keeps what is other than `before`, which the log has.
    package func keep(_ name: String, before: ReplayerMemory, in log: inout some LogWriting) throws(StoreFailure) {
        func set(_ key: String, _ value: [UInt8]?, in log: inout some LogWriting) throws(StoreFailure) {
            try log.setWireValue(ReplayerMemory.namespace, peer: name, key: key, value)
        }
        // It goes back with the database it is kept in.
        if cursor != before.cursor { try set(ReplayerMemory.cursorKey, Array(cursor.withoutEpoch.text.utf8), in: &log) }
        if version != before.version { try set(ReplayerMemory.versionKey, Array(version.utf8), in: &log) }
        if mark != before.mark { try set(ReplayerMemory.markKey, mark.isEmpty ? nil : Array(mark.utf8), in: &log) }
        for (subject, lane) in lanes where before.lanes[subject] != lane {
            try set(ReplayerMemory.lanePrefix + subject.text, lane.json, in: &log)
        }
        for id in skipped.subtracting(before.skipped) { try set(ReplayerMemory.skipPrefix + id.description, [], in: &log) }
        for id in before.skipped.subtracting(skipped) { try set(ReplayerMemory.skipPrefix + id.description, nil, in: &log) }
        for subject in before.lanes.keys where lanes[subject] == nil {
            try set(ReplayerMemory.lanePrefix + subject.text, nil, in: &log)
        }
    }

    /// Applies a change where no program runs; `nil` says that there is nothing of that name.
    package static func change(
        _ name: String, _ change: ReplayerChange, in log: inout some LogWriting
    ) throws(StoreFailure) -> Int {
        let before = try ReplayerMemory(of: name, in: log)
        var memory = before
        let count = memory.apply(change)
        try memory.keep(name, before: before, in: &log)
        if change == .rewind { try NoteMemory.forgetAll(of: name, in: &log) }
        return count
    }
}

extension ReplayerMemory.Lane {
    fileprivate var json: [UInt8] {
        var writer = JSONWriter()
        writer.object {
            $0.member("seq", seq)
            $0.member("id", id.description)
            $0.member("attempts", attempts)
            $0.member("code", code)
            $0.member("words", words)
            $0.member("since", since.milliseconds)
            $0.member("parked", isParked)
            if cameHeld { $0.member("held", true) }
        }
        return writer.bytes
    }

    fileprivate init?(json bytes: [UInt8]) {
        guard let json = try? JSON(bytes), let seq = json["seq"]?.integer,
            let id = json["id"]?.string.flatMap({ ULID($0) }), let since = json["since"]?.integer
        else { return nil }
        self.init(
            seq: seq, id: id, attempts: Int(json["attempts"]?.integer ?? 0), code: json["code"]?.string ?? "",
            words: json["words"]?.string ?? "", since: WallTime(milliseconds: since),
            isParked: json["parked"]?.bool ?? false, cameHeld: json["held"]?.bool ?? false)
    }
}

extension LogReading {
    /// The next applied event of a subject in order of arrival, from one place through another.
    ///
    /// - Parameter own: the event that waits there; held or not, it is the first.
    package func nextEvent(
        of subject: String, own: ULID, from first: Int64, through last: Int64
    ) throws(StoreFailure) -> StoredEvent? {
        let place = try places(of: subject).first { place in
            place.seq >= first && place.seq <= last && (!place.isHeld || place.id == own)
        }
        guard let place else { return nil }
        return try event(place.id)
    }
}
