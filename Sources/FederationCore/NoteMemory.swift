/// What is remembered of a note: how its file and its record were when they last agreed.
package struct NoteMemory: Hashable, Sendable {
    package var subject: String
    /// The file's name.
    package var file: String
    /// SHA-256 of the file.
    package var fileHash: Digest
    /// SHA-256 of the note that the record made then. It is another than the file's where a person wrote that.
    package var recordHash: Digest
    /// The record's versions then …
    package var heads: [ULID]
    /// … and those that the file itself names: an editor that still has that text saves it with these.
    package var base: [ULID]
    /// The versions that were made here of a text which names none, as one without front matter: an editor that has that text
    /// saves it again without, and writes over nobody's while these are the record's.
    package var bare: [ULID]
    /// The record's title …
    package var title: String
    /// … and the one that the file itself says: only another one is a person's wish.
    package var said: String?
    /// The record's text is still to be put there.
    package var isDue: Bool
    /// There is to be no file, and it is being taken away: when it is missing, nobody has deleted it.
    package var isLeaving = false

    /// - Parameter before: what was remembered of it until now.
    package init(
        _ record: NoteRecord, file: String, hash: Digest, base: [ULID], said: String?, isDue: Bool = false,
        after before: NoteMemory? = nil
    ) {
        subject = record.subject
        self.file = file
        fileHash = hash
        recordHash = record.hash
        heads = record.heads
        self.base = base
        bare = base.isEmpty ? record.heads : before?.bare ?? []
        title = record.title
        self.said = said
        self.isDue = isDue
    }

    /// Of a file that the record itself has made.
    package init(_ record: NoteRecord, file: String, after before: NoteMemory? = nil) {
        self.init(record, file: file, hash: record.hash, base: record.heads, said: record.title, after: before)
    }

    /// The title that a file is to give its record: a new one in its text, else a new name, else the one there is.
    ///
    /// - Parameters:
    ///   - said: what its text says.
    ///   - record: the record's own.
    package static func title(
        said: String?, file: String, isRenamed: Bool, _ memory: NoteMemory?, record: String?
    ) -> String {
        let named = NoteName.title(of: file) ?? file
        if let said, !said.isExactly(memory.flatMap { $0.said } ?? (memory == nil ? record : nil) ?? "") { return said }
        guard let title = record ?? said else { return named }
        guard isRenamed else { return title }
        // The name that the title makes is no other title.
        let stem = NoteName.stem(title)
        let isOwn = named.isExactly(stem) || named.utf8.starts(with: "\(stem) (".utf8)
        return isOwn ? title : named
    }
}

// As a store keeps it.
extension NoteMemory {
    static let namespace = "replayer-files"

    package static func all(of name: String, in log: some LogReading) throws(StoreFailure) -> [NoteMemory] {
        try log.wireValues(namespace, peer: name).compactMap { NoteMemory(subject: $0.key, json: $0.value) }
    }

    package func keep(_ name: String, in log: inout some LogWriting) throws(StoreFailure) {
        try log.setWireValue(NoteMemory.namespace, peer: name, key: subject, json)
    }

    package static func forget(_ subject: String, of name: String, in log: inout some LogWriting) throws(StoreFailure) {
        try log.setWireValue(namespace, peer: name, key: subject, nil)
    }

    /// All that is remembered of a directory: it is compared anew, as one that was never seen.
    package static func forgetAll(of name: String, in log: inout some LogWriting) throws(StoreFailure) {
        for (key, _) in try log.wireValues(namespace, peer: name) {
            try log.setWireValue(namespace, peer: name, key: key, nil)
        }
    }

    private var json: [UInt8] {
        var writer = JSONWriter()
        writer.object {
            $0.member("file", file)
            $0.member("file_sha256", fileHash.hex)
            $0.member("record_sha256", recordHash.hex)
            $0.member("heads", heads.map(\.description))
            $0.member("base", base.map(\.description))
            if bare == heads { $0.member("bare", true) }
            $0.member("title", title)
            if let said { $0.member("said", said) }
            if isDue { $0.member("due", true) }
            if isLeaving { $0.member("leaving", true) }
        }
        return writer.bytes
    }

    private init?(subject: String, json bytes: [UInt8]) {
        guard let json = try? JSON(bytes), let file = json["file"]?.string,
            let fileHash = Digest(hex: json["file_sha256"]?.string ?? ""),
            let recordHash = Digest(hex: json["record_sha256"]?.string ?? "")
        else { return nil }
        func ids(_ key: String) -> [ULID] { json[key]?.array?.compactMap { $0.string.flatMap { ULID($0) } } ?? [] }
        self.subject = subject
        self.file = file
        self.fileHash = fileHash
        self.recordHash = recordHash
        heads = ids("heads")
        base = ids("base")
        bare = json["bare"]?.bool ?? false ? heads : []
        title = json["title"]?.string ?? ""
        said = json["said"]?.string
        isDue = json["due"]?.bool ?? false
        isLeaving = json["leaving"]?.bool ?? false
    }
}
