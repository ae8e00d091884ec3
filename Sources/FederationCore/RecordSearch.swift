extension RecordFilter {
    /// A word by which people ask for records. Without one the active and the archived are listed.
    package enum State: String, Hashable, Sendable, CaseIterable {
        case active, archived, trashed, purged, diverged, all
    }

    /// Lists the records of a state, and no others.
    package mutating func select(_ state: State) {
        includeTrashed = state != .active && state != .archived
        includePurged = state == .purged || state == .all
        purgedOnly = state == .purged
        divergedOnly = state == .diverged
        lifecycle =
            switch state {
            case .active: .active
            case .archived: .archived
            case .trashed: .trashed
            case .purged, .diverged, .all: nil
            }
    }

    /// Whether a record is one that is listed, wherever it stands and whatever its text.
    package func admits(_ record: Record) -> Bool {
        guard !record.heads.isEmpty else { return false }
        if let subject, !subject.isExactly(record.subject) { return false }
        if divergedOnly, !record.isDiverged { return false }
        if !includeTrashed, record.lifecycle == .trashed { return false }
        if let lifecycle, record.lifecycle != lifecycle { return false }
        if record.purge == nil ? purgedOnly : !includePurged { return false }
        if let type, !type.isExactly(record.type) { return false }
        if let tag, !record.tags.contains(where: tag.isExactly) { return false }
        if let derivedFrom, !record.derivedFrom.contains(where: derivedFrom.isExactly) { return false }
        return true
    }
}

/// A part of a listing.
package struct RecordPage: Hashable, Sendable {
    /// In order of the subject's UTF-8 bytes.
    package var records: [Record] = []
    /// Where to go on (`RecordFilter.after`); `nil` where nothing is left.
    package var reached: String?

    /// What a record counts for in what is read, beside its texts.
    package static let rowBytes = 512

    package init() {}
}

/// A text that is looked for in records without regard to case: in the title, the tags and the body, of a diverged
/// record in the body of every version.
///
/// There is no index of the words: keeping one would cost every event of a catch-up more than a search costs the
/// person who makes it.
package struct SearchText: Hashable, Sendable {
    private let capitals: [UInt8]

    /// - Returns: `nil` for a text that is empty, or longer than `Limits.searchTextBytes`.
    package init?(_ text: String) {
        guard (1...Limits.searchTextBytes).contains(text.utf8.count) else { return nil }
        capitals = Array(text.uppercased().utf8)
    }

    /// - Parameter versions: the `data` of the record's heads, as far as it is here.
    package func isIn(_ record: Record, versions: [[UInt8]]) -> Bool {
        if isIn(record.title) || record.tags.contains(where: isIn) { return true }
        return versions.contains { data in (try? JSON(data))?["body"]?.string.map(isIn) ?? false }
    }

    /// Capitals tell fewer letters apart than small letters do: both forms of the Greek sigma have one, and `ß` is `SS`.
    func isIn(_ text: String) -> Bool {
        let bytes = Array(text.uppercased().utf8)
        guard let first = capitals.first, bytes.count >= capitals.count else { return false }
        for start in 0...(bytes.count - capitals.count) where bytes[start] == first {
            if bytes[start..<(start + capitals.count)].elementsEqual(capitals) { return true }
        }
        return false
    }
}
