/// Why a file was not taken in, or an item of another system was not: a fixed set, whose words stand in JSON.
package enum ImportProblem: Hashable, Sendable {
    /// The file or the row cannot be read as what it should be.
    case unreadable(code: String)
    /// The write was refused.
    case refused(WriteRefusal)
    /// The event is in the log and held, kept as evidence, or set aside.
    case event(code: String)
    /// The trace has no content in the log, and events of it are held or refused.
    case eventsHeld
    /// The file says something else than the last event, and was written before it.
    case fileOlder
    /// The file says something else than the last event, and not when it was written.
    case fileUndated
    /// The file says something else than a record with several versions.
    case diverged
    /// The text of the record has not arrived, so that nothing can be compared.
    case incomplete
    /// Its owner has locked it; an event of ours would make us the owner.
    case sourceLocked
    /// The file lies among the active, archived or trashed ones, and later events say otherwise.
    case lifecycleDiffers
    case purged
}

/// What a file is to become: decided from the file and the log alone.
package enum ImportDecision: Hashable, Sendable {
    /// The log says the same.
    case agrees
    case write([WriteRequest])
    case leave(ImportProblem)
}

/// A trace of a Noema cortex as its file has it (Noema section 1.6), compared with the log that was taken in before.
///
/// Events are the truth and files their copy; but people edit files, and old cortexes have traces from before they
/// kept a log. An event of ours is written only where nothing can be hidden by it: for a trace without any content in
/// the log, and for a newer text over the one version there is.
package struct TraceFile: Hashable, Sendable {
    package enum Place: String, Hashable, Sendable, CaseIterable { case active, archived, trashed }

    package var subject: String
    package var place: Place
    package var snapshot: Snapshot
    /// When the file says it was last written.
    package var updated: WallTime?

    /// A file and its event are written one after the other, and their times may differ by as much.
    package static let slack: Duration = .seconds(60)

    package init(subject: String, place: Place, snapshot: Snapshot, updated: WallTime?) {
        self.subject = subject
        self.place = place
        self.snapshot = snapshot
        self.updated = updated
    }

    /// - Parameters:
    ///   - record: of the subject, if there is one.
    ///   - events: all stored events of the subject.
    package func decision(record: Record?, events: [StoredEvent], _ sha256: SHA256) -> ImportDecision {
        guard isTraceID(subject) else { return .leave(.refused(.invalidTraceID(subject))) }
        if record?.purge != nil { return .leave(.purged) }
        var requests: [WriteRequest] = []
        switch content(record, events, sha256) {
        case .agrees: break
        case .write(let content): requests += content
        case .leave(let problem): return .leave(problem)
        }
        let standing = record?.lifecycle ?? .active
        if place.lifecycle != standing {
            let isTold = events.contains { $0.event.knownAction?.isLifecycle == true }
            guard !isTold else { return requests.isEmpty ? .leave(.lifecycleDiffers) : .write(requests) }
            switch place {
            case .archived: requests.append(.change(subject: subject, .archive))
            case .trashed: requests.append(.change(subject: subject, .trash))
            // Nothing but an event makes a record anything but active.
            case .active: break
            }
        }
        return requests.isEmpty ? .agrees : .write(requests)
    }

    private func content(_ record: Record?, _ events: [StoredEvent], _ sha256: SHA256) -> ImportDecision {
        guard let record, !record.heads.isEmpty else {
            if events.contains(where: { $0.hold != nil }) { return .leave(.eventsHeld) }
            if snapshot.sourceLocked { return .leave(.sourceLocked) }
            return .write([.create(subject: subject, snapshot)])
        }
        let heads = events.filter { record.heads.contains($0.event.id) }
        if heads.contains(where: { says(the: $0, record, sha256) }) { return .agrees }
        if record.isDiverged { return .leave(.diverged) }
        guard !record.isIncomplete, let head = heads.first, let data = head.event.data,
            var edited = try? Snapshot(editing: record, data: data)
        else { return .leave(.incomplete) }
        guard let updated else { return .leave(.fileUndated) }
        guard let written = WallTime(rfc3339: head.event.timestamp), updated.advanced(by: TraceFile.slack) >= written
        else { return .leave(.fileOlder) }
        if edited.sourceLocked { return .leave(.sourceLocked) }
        edited.title = snapshot.title
        edited.type = snapshot.type
        edited.author = snapshot.author
        edited.tags = snapshot.tags
        edited.derivedFrom = snapshot.derivedFrom
        edited.body = snapshot.body
        edited.contentHash = Snapshot.contentHash(of: snapshot.body, sha256)
        return .write([.update(subject: subject, edited, base: .heads([head.event.id]))])
    }

    /// Whether the file is the copy of this version. Tags are a register of the record and not of the version.
    private func says(the head: StoredEvent, _ record: Record, _ sha256: SHA256) -> Bool {
        guard let data = head.event.data, let version = try? Snapshot(data: data) else { return false }
        let tags = record.isDiverged ? version.tags : record.tags
        return version.title == snapshot.title && version.type == snapshot.type && version.author == snapshot.author
            && version.derivedFrom == snapshot.derivedFrom && tags.sorted() == snapshot.tags.sorted()
            && version.body.isExactly(snapshot.body)
    }
}

extension TraceFile.Place {
    fileprivate var lifecycle: Record.Lifecycle {
        switch self {
        case .active: .active
        case .archived: .archived
        case .trashed: .trashed
        }
    }
}

/// What a tree of Markdown files was imported as, kept for each path so that a second import makes nothing new.
package struct TreeFileMemory: Hashable, Sendable {
    package var path: String
    package var subject: String
    /// SHA-256 of the file's bytes.
    package var hash: Digest
    /// The record's versions after this file was written: an edit made here since then is not written over.
    package var heads: [ULID]

    package init(path: String, subject: String, hash: Digest, heads: [ULID]) {
        self.path = path
        self.subject = subject
        self.hash = hash
        self.heads = heads
    }

    /// The form in which a node keeps it.
    package var stored: [UInt8] {
        var writer = JSONWriter()
        writer.object {
            $0.member("path", path)
            $0.member("id", subject)
            $0.member("sha256", hash.hex)
            $0.member("heads", heads.map(\.description))
        }
        return writer.bytes
    }

    /// Reads what `stored` wrote; `nil` for anything else.
    package init?(stored bytes: [UInt8]) {
        guard let json = try? JSON(bytes), let path = json["path"]?.string, let subject = json["id"]?.string,
            let hash = Digest(hex: json["sha256"]?.string ?? ""), let heads = json["heads"]?.array
        else { return nil }
        self.init(path: path, subject: subject, hash: hash, heads: heads.compactMap { $0.string.flatMap { ULID($0) } })
    }
}

/// A Markdown file of a tree, compared with what was made of it before.
package struct TreeFile: Hashable, Sendable {
    package var hash: Digest
    /// The record that the file itself names.
    package var id: String?
    /// The versions that the file itself says it was made from.
    package var base: [ULID]

    package init(hash: Digest, id: String?, base: [ULID]) {
        self.hash = hash
        self.id = id
        self.base = base
    }

    /// - Parameters:
    ///   - memory: of its path, if it was imported before.
    ///   - record: of `subject(memory)`, if there is one.
    ///   - before: what that record says.
    ///   - content: gives what the file says: what it is silent about is taken from its argument.
    ///   - mint: a new id for a record of this title.
    package func decision(
        memory: TreeFileMemory?, record: Record?, before: Snapshot?, content: (Snapshot) -> Snapshot,
        mint: (_ title: String) -> String
    ) -> ImportDecision {
        if let memory, memory.hash == hash, id == nil || id == memory.subject { return .agrees }
        guard let record, let subject = subject(memory), !record.heads.isEmpty || record.purge != nil else {
            var empty = Snapshot()
            empty.type = TraceType.note.rawValue
            let snapshot = content(empty)
            return .write([.create(subject: subject(memory) ?? mint(snapshot.title), snapshot)])
        }
        let snapshot = content(before ?? Snapshot())
        if let before, !record.isDiverged, record.purge == nil, snapshot.isSame(as: before) { return .agrees }
        var known = base
        if known.isEmpty, let memory, memory.subject == subject { known = memory.heads }
        return .write([.update(subject: subject, snapshot, base: known.isEmpty ? .current : .heads(known))])
    }

    /// The record that the file is about, if it is not new.
    package func subject(_ memory: TreeFileMemory?) -> String? { id ?? memory?.subject }
}

extension Snapshot {
    /// Whether both say the same in every member that a file can set.
    fileprivate func isSame(as other: Snapshot) -> Bool {
        title.isExactly(other.title) && type == other.type && tier == other.tier && author.isExactly(other.author)
            && tags == other.tags && derivedFrom == other.derivedFrom && body.isExactly(other.body)
    }
}
