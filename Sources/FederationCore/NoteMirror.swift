/// Why a file is left as it is: a fixed set, whose words stand in `status`.
package enum NoteProblem: Error, Hashable, Sendable {
    case tooLarge
    /// It is not UTF-8, or has a zero byte; or its name is none.
    case notUTF8
    /// A link, a directory, a device.
    case notAFile
    case unreadable(code: Int32)
    /// The record's text cannot be put there.
    case unwritable(code: Int32)
    /// Its front matter is not understood.
    case frontMatter
    /// The record that it names is not active here.
    case unknownRecord
    /// Another file is the note of that record.
    case copy
    /// Nothing is left of a note's text: as after a crash, or on a full disk.
    case empty
    /// There are as many notes as a directory may have.
    case tooMany
    /// The edit was refused.
    case refused(WriteRefusal)

    package var code: String {
        switch self {
        case .tooLarge: "too_large"
        case .notUTF8: "not_utf8"
        case .notAFile: "not_a_file"
        case .unreadable: "unreadable"
        case .unwritable: "unwritable"
        case .frontMatter: "front_matter"
        case .unknownRecord: "unknown_record"
        case .copy: "copy"
        case .empty: "empty"
        case .tooMany: "too_many"
        case .refused: "refused"
        }
    }
}

/// A record as a note.
package struct NoteRecord: Hashable, Sendable {
    package var subject: String
    package var heads: [ULID]
    package var title: String
    /// The file that it makes.
    package var text: [UInt8]
    package var hash: Digest

    package init(subject: String, heads: [ULID], title: String, text: [UInt8], hash: Digest) {
        self.subject = subject
        self.heads = heads
        self.title = title
        self.text = text
        self.hash = hash
    }
}

/// A file of the directory, or that there is none.
package enum NoteFile: Hashable, Sendable {
    case missing
    case unreadable(NoteProblem)
    case read(Found)

    package struct Found: Hashable, Sendable {
        package var hash: Digest
        /// The versions that it names.
        package var base: [ULID]
        /// It has another name than the note had …
        package var isRenamed: Bool
        /// … and the record is to have that for a title.
        package var isRetitled: Bool
        /// It says what the record says.
        package var isAsRecord: Bool
        /// It is, letter for letter, what an earlier version of the record made: nobody has written anything there.
        package var isEarlier: Bool
        package var isEmpty: Bool

        package init(
            hash: Digest, base: [ULID] = [], isRenamed: Bool = false, isRetitled: Bool = false, isAsRecord: Bool = false,
            isEarlier: Bool = false, isEmpty: Bool = false
        ) {
            self.hash = hash
            self.base = base
            self.isRenamed = isRenamed
            self.isRetitled = isRetitled
            self.isAsRecord = isAsRecord
            self.isEarlier = isEarlier
            self.isEmpty = isEmpty
        }
    }
}

/// What is to be done about one note.
package enum NoteAction: Hashable, Sendable {
    case nothing
    /// File and record agree: that is to be remembered.
    case remember
    /// The file has another name, and nothing else is new: that is to be remembered.
    case move
    /// The record's text is to be in the file.
    case write
    /// The file goes; what is remembered, too.
    case remove
    /// There is no file and no record.
    case forget
    /// The file becomes a version of its record, made from these.
    case update(base: [ULID])
    /// Only the title does.
    case retitle(base: [ULID])
    /// The file settles a divergence of these.
    case resolve(base: [ULID])
    /// The record goes into the bin, as its file did …
    case trash
    /// … or comes back from there with it.
    case recover
    /// Both have changed: the file is kept under another name, and the record's text takes its place.
    case conflict
    case keep(NoteProblem)
}

/// Decides what is to be done about a note from three things alone: what the record says, what was remembered, and what
/// the file is.
///
/// A file that is as it was remembered is never an edit, so what is written here comes back as nothing. A text is written
/// over only where it is the one remembered, or the log has it; any other is kept.
package enum NoteMirror {
    /// - Parameters:
    ///   - record: `nil` where there is to be no file.
    ///   - isTrashed: because the record is in the bin.
    package static func action(
        memory: NoteMemory?, record: NoteRecord?, isTrashed: Bool = false, file: NoteFile
    ) -> NoteAction {
        guard let memory else { return action(ofUnknown: file, record, isTrashed) }
        switch file {
        case .unreadable(let problem): return .keep(problem)
        case .missing:
            guard let record else { return .forget }
            // What came from elsewhere since is not deleted with what was there.
            return record.hash == memory.recordHash && !memory.isLeaving ? .trash : .write
        case .read(let found):
            let isWritten = found.hash != memory.fileHash
            guard let record else { return isWritten && !found.isEarlier && !found.isEmpty ? .conflict : .remove }
            let isNews = record.hash != memory.recordHash
            guard isWritten else { return action(ofUnwritten: found, isNews || memory.isDue, record) }
            if found.isAsRecord { return .remember }
            if found.isEmpty { return .keep(.empty) }
            // An editor may save a text that was there before the last one from elsewhere. One that names no version is
            // current only where the last one was made of such a text.
            let isCurrent =
                found.base.isEmpty
                ? memory.bare == memory.heads : found.base == memory.base || found.base == memory.heads
            if isNews || !isCurrent { return found.isEarlier ? .write : .conflict }
            return edit(on: memory.heads)
        }
    }

    /// The file's text is the one remembered; its name may not be.
    private static func action(ofUnwritten found: NoteFile.Found, _ isDue: Bool, _ record: NoteRecord) -> NoteAction {
        guard found.isRenamed else { return isDue ? .write : .nothing }
        return found.isRetitled && record.heads.count == 1 ? .retitle(base: record.heads) : .move
    }

    private static func action(ofUnknown file: NoteFile, _ record: NoteRecord?, _ isTrashed: Bool) -> NoteAction {
        switch file {
        case .missing: return record == nil ? .nothing : .write
        case .unreadable(let problem): return .keep(problem)
        case .read(let found):
            guard let record else { return isTrashed ? .recover : .keep(.unknownRecord) }
            if found.isAsRecord { return .remember }
            if found.isEarlier { return .write }
            return found.base == record.heads ? edit(on: record.heads) : .conflict
        }
    }

    private static func edit(on heads: [ULID]) -> NoteAction {
        heads.count > 1 ? .resolve(base: heads) : .update(base: heads)
    }
}
