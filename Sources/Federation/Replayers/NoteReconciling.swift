internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore
internal import Glibc

/// One note: reading its three sides, and doing what `NoteMirror` says.
extension NoteFolder {
    /// A file as it was read, for one decision.
    struct Seen {
        var name: String
        var bytes: [UInt8]
        /// `nil` where it is what was written, which need not be understood.
        var text: NoteText?
        var base: [ULID]
        var title: String
    }

    /// - Parameters:
    ///   - place: a file that names the record and is not the one remembered.
    ///   - isSure: a file that is missing has been for long enough.
    func reconcile(_ subject: String, at place: String? = nil, isSure: Bool = false) async throws(NoteTrouble) {
        let key = ExactText(subject)
        let memory = notes[key]
        let name = place ?? memory?.file ?? strays[key]
        let bytes: NoteDirectory.Content = name.map { directory.read($0, evenIfOpen: false) } ?? .missing
        let side: NoteSide?
        do throws(StoreFailure) {
            side = try await store.read { (log) throws(StoreFailure) in try NoteSide(of: subject, in: log) }
        } catch { throw .store(error) }
        // Its text has not arrived, or nothing of it has any more: an event will tell.
        guard let side, side.isKnown || memory == nil else {
            if side != nil, let name, bytes != .missing { leave(name, .unknownRecord) }
            return absence.settled(key)
        }
        if let name, case .busy = bytes {
            owe(memory, side)
            return settling.noted(name, .begun, at: now)
        }
        var (file, seen): (NoteFile, Seen?) = (.missing, nil)
        if let name { (file, seen) = try await read(name, bytes, memory, side, subject) }
        if case .missing = file {} else { absence.found(key, at: now) }
        let action = allowed(
            NoteMirror.action(memory: memory, record: side.note, isTrashed: side.isTrashed, file: file))
        if case .keep(.unknownRecord) = action, let name { strays[key] = name }
        try await perform(action, subject, side, memory, seen, isSure: isSure)
        if action == .nothing, let name {
            rested(name)
            if var memory, memory.isLeaving {
                // It was to go, and its record is back.
                memory.isLeaving = false
                remember(memory)
            }
        }
    }

    /// Where nobody is to edit there, a file is only ever what its record says.
    private func allowed(_ action: NoteAction) -> NoteAction {
        guard !takesEdits else { return action }
        return switch action {
        case .update, .resolve: .conflict
        case .trash: .write
        case .retitle: .move
        case .recover: .keep(.unknownRecord)
        case .nothing, .remember, .move, .write, .remove, .forget, .conflict, .keep: action
        }
    }

    private func read(
        _ name: String, _ content: NoteDirectory.Content, _ memory: NoteMemory?, _ side: NoteSide, _ subject: String
    ) async throws(NoteTrouble) -> (NoteFile, Seen?) {
        let bytes: [UInt8]
        switch content {
        case .missing, .busy: return (.missing, nil)
        case .problem(let problem):
            leave(name, problem)
            return (.unreadable(problem), nil)
        case .bytes(let found): bytes = found
        }
        let isRenamed = memory.map { !$0.file.isExactly(name) } ?? false
        let record = side.content?.title
        if let memory, sha256(bytes) == memory.fileHash {
            let title = NoteMemory.title(said: memory.said, file: name, isRenamed: isRenamed, memory, record: record)
            let found = NoteFile.Found(
                hash: memory.fileHash, base: memory.base, isRenamed: isRenamed,
                isRetitled: record.map { !$0.isExactly(title) } ?? false)
            return (.read(found), Seen(name: name, bytes: bytes, text: nil, base: memory.base, title: title))
        }
        do throws(NoteProblem) {
            let text = try NoteText(bytes)
            let base = try text.base
            let title = NoteMemory.title(
                said: text.matter.title, file: name, isRenamed: isRenamed, memory, record: record)
            let content = side.content.map { text.applied(to: $0, title: title, sha256) }
            let isEarlier = try? await store.read { (log) throws(StoreFailure) in
                try NoteSide.isEarlier(bytes, of: subject, base: base, in: log)
            }
            let found = NoteFile.Found(
                hash: sha256(bytes), base: base, isRenamed: isRenamed,
                isAsRecord: bytes == side.note?.text || content != nil && content?.data == side.content?.data,
                isEarlier: isEarlier ?? false,
                isEmpty: bytes.isEmpty)
            return (.read(found), Seen(name: name, bytes: bytes, text: text, base: base, title: title))
        } catch {
            leave(name, error)
            return (.unreadable(error), nil)
        }
    }

    private func perform(
        _ action: NoteAction, _ subject: String, _ side: NoteSide, _ memory: NoteMemory?, _ seen: Seen?, isSure: Bool
    ) async throws(NoteTrouble) {
        switch action {
        case .nothing: break
        case .keep(let problem):
            owe(memory, side)
            if let name = seen?.name ?? memory?.file { leave(name, problem) }
        case .remember:
            guard let seen, let note = side.note else { return }
            remember(
                NoteMemory(
                    note, file: seen.name, hash: sha256(seen.bytes), base: seen.base, said: seen.said, after: memory))
        case .move:
            guard let seen, var after = memory else { return }
            after.file = seen.name
            after.isDue = after.isDue || side.note?.hash != after.recordHash
            remember(after)
            settling.again(seen.name, at: now)
        case .write: if let note = side.note { try write(note, over: seen, memory) }
        case .remove: if let seen { try await remove(subject, seen, memory) }
        case .forget: forget(subject)
        case .update, .retitle, .resolve: try await edit(action, subject, side, memory, seen)
        case .trash:
            guard !isSure else { return try await trash(subject, side, memory) }
            do throws(NoteFolderProblem) { try directory.check() } catch { throw .folder(error) }
            absence.missed(ExactText(subject), at: now)
        case .recover: if let seen { try await recover(subject, seen) }
        case .conflict: if let seen { try await keepBoth(subject, side, seen, memory) }
        }
    }

    private func edit(
        _ action: NoteAction, _ subject: String, _ side: NoteSide, _ memory: NoteMemory?, _ seen: Seen?
    ) async throws(NoteTrouble) {
        guard let seen, let content = side.content, let note = side.note else { return }
        switch action {
        case .update(let base):
            guard let text = seen.text else { return }
            let after = text.applied(to: content, title: seen.title, sha256)
            let isOtherTitle = text.matter.title.map { !$0.isExactly(seen.title) } ?? false
            try await edit(
                [.update(subject: subject, after, base: .heads(base))], on: note, seen,
                rewrites: seen.base.isEmpty || isOtherTitle)
        case .retitle(let base):
            var after = content
            after.title = seen.title
            try await edit([.update(subject: subject, after, base: .heads(base))], on: note, seen, rewrites: true)
        case .resolve(let base):
            guard let text = seen.text else { return }
            let after = text.applied(to: content, title: seen.title, sha256)
            var requests = [WriteRequest.resolve(subject: subject, .custom(body: text.body), base: .heads(base))]
            var merged = content
            merged.body = after.body
            merged.contentHash = after.contentHash
            if merged.data != after.data { requests.append(.update(subject: subject, after, base: .current)) }
            try await edit(requests, on: note, seen, rewrites: true)
        default: return
        }
    }

    // MARK: Files

    private func write(_ note: NoteRecord, over seen: Seen?, _ memory: NoteMemory?) throws(NoteTrouble) {
        guard seen != nil || memory != nil || notes.count < Limits.notes else { throw .folder(.tooMany) }
        let isNew = seen == nil && memory == nil
        var names = [seen?.name ?? memory?.file ?? freeName(note)]
        if isNew { names += [freeName(note), freeName(note, isPlain: true)] }
        do throws(NoteFolderProblem) {
            var failure: Int32 = 0
            for name in names {
                switch try directory.replace(name, seen?.bytes, with: note.text) {
                case .done:
                    counts.written += 1
                    return nameAsRecord(note, name, memory)
                case .changed:
                    guard isNew else {
                        owe(memory)
                        return settling.again(name, at: now)
                    }
                    failure = EEXIST
                case .failed(let code): failure = code
                }
            }
            guard let memory else { throw .io(code: failure) }
            owe(memory)
            leave(memory.file, .unwritable(code: failure))
        } catch { throw .folder(error) }
    }

    /// Remembers what was written, and calls the file as its record where that has another title now.
    private func nameAsRecord(_ note: NoteRecord, _ name: String, _ memory: NoteMemory?) {
        var after = NoteMemory(note, file: name, after: memory)
        remember(after)
        guard let memory, !memory.title.isExactly(note.title) else { return }
        let other = freeName(note)
        guard !other.isExactly(name), directory.rename(name, to: other) else { return }
        after.file = other
        remember(after)
    }

    private func remove(_ subject: String, _ seen: Seen, _ memory: NoteMemory?) async throws(NoteTrouble) {
        if var memory, !memory.isLeaving {
            // Known before it is gone: after a crash it is not taken for deleted, should its record be back by then.
            memory.isLeaving = true
            remember(memory)
            try await flush()
        }
        let memory = notes[ExactText(subject)]
        do throws(NoteFolderProblem) {
            switch try directory.remove(seen.name, seen.bytes) {
            case .done: forget(subject)
            case .changed:
                owe(memory)
                settling.again(seen.name, at: now)
            case .failed(let code):
                owe(memory)
                leave(seen.name, .unwritable(code: code))
            }
        } catch { throw .folder(error) }
    }

    /// What the log says is still to be done to its file: tried again whenever that is looked at.
    ///
    /// - Parameter side: the record, where it may say what the file said already: an editor's text is not written over for that.
    private func owe(_ memory: NoteMemory?, _ side: NoteSide? = nil) {
        guard var memory, !memory.isDue, side == nil || side?.note?.hash != memory.recordHash else { return }
        memory.isDue = true
        remember(memory)
    }

    /// The text that somebody has written is kept beside the note, whose place the record's takes.
    private func keepBoth(
        _ subject: String, _ side: NoteSide, _ seen: Seen, _ memory: NoteMemory?
    ) async throws(NoteTrouble) {
        let copy = NoteName.conflictFile(of: seen.name, sha256(seen.bytes))
        do throws(NoteFolderProblem) {
            switch try directory.replace(copy, nil, with: seen.bytes) {
            case .done: break
            case .changed: guard directory.read(copy) == .bytes(seen.bytes) else { return leave(seen.name, .copy) }
            case .failed(let code): return leave(seen.name, .unwritable(code: code))
            }
        } catch { throw .folder(error) }
        directory.flush()
        counts.conflicts.insert(copy)
        node.logger.warning("an edit of a note is kept beside it", ["replayer": name, "file": copy])
        if let note = side.note {
            try write(note, over: seen, memory)
        } else {
            try await remove(subject, seen, memory)
        }
    }
}

extension NoteFolder.Seen {
    /// The title that the file says.
    var said: String? { text?.matter.title }
}
