internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore

/// Looking at files, and what is remembered of them.
extension NoteFolder {
    /// Compares every file with what is remembered, and every note that is remembered with its file.
    func lookAtAll() async throws(NoteTrouble) {
        let found: (names: [String], unnamed: [String])
        do throws(NoteFolderProblem) { found = try directory.names() } catch { throw .folder(error) }
        counts.settleAll()
        counts.conflicts = Set(found.names.filter(NoteName.isConflict))
        strays = [:]
        for name in found.unnamed where name.utf8.suffix(3).elementsEqual(NoteName.suffix.utf8) {
            counts.leave(name, .notUTF8)
        }
        for name in found.names where NoteName.title(of: name) != nil {
            if mustStop { return }
            try await look(name, evenIfOpen: false)
        }
        // Those that are not where they were, last: they may have another name now. And what could not be done before.
        let here = Set(found.names.map(ExactText.init))
        for note in notes.values where note.isDue || !here.contains(ExactText(note.file)) {
            if mustStop { return }
            try await reconcile(note.subject)
        }
    }

    /// A file of this name is, or was, there.
    func look(_ name: String, evenIfOpen: Bool) async throws(NoteTrouble) {
        if NoteName.isConflict(name) {
            if directory.exists(name) { counts.conflicts.insert(name) } else { counts.conflicts.remove(name) }
            return
        }
        let content = directory.read(name, evenIfOpen: evenIfOpen)
        if case .busy = content { return settling.noted(name, .begun, at: now) }
        if let subject = files[ExactText(name)], let note = notes[subject] {
            if case .bytes(let bytes) = content, sha256(bytes) == note.fileHash, !note.isDue {
                absence.found(subject, at: now)
                return rested(name)
            }
            return try await reconcile(subject.text)
        }
        counts.settle(name)
        let bytes: [UInt8]
        switch content {
        case .missing, .busy: return settling.rested(name)
        case .problem(let problem): return leave(name, problem)
        case .bytes(let found): bytes = found
        }
        let text: NoteText
        do throws(NoteProblem) { text = try NoteText(bytes) } catch { return leave(name, error) }
        guard let id = text.matter.id else {
            // Somebody has only begun it.
            if bytes.isEmpty || !takesEdits { return settling.rested(name) }
            guard notes.count < Limits.notes else { return leave(name, .tooMany) }
            return try await create(name, bytes, text)
        }
        if let known = notes[ExactText(id)], directory.exists(known.file) { return leave(name, .copy) }
        try await reconcile(id, at: name)
    }

    /// What a crash has left between two steps: a text of somebody's is not lost, and one of ours is of no use.
    func putBack() async throws(NoteTrouble) {
        for name in [NoteDirectory.exchanged, NoteDirectory.linked] {
            let content = directory.read(name)
            if case .missing = content { continue }
            do throws(NoteFolderProblem) {
                guard case .bytes(let bytes) = content else {
                    _ = try directory.keepAside(name, of: "Note" + NoteName.suffix)
                    continue
                }
                let hash = sha256(bytes)
                if let note = notes.values.first(where: { $0.fileHash == hash }) {
                    // It was on its way out; where nothing has come in, it stays.
                    if !directory.exists(note.file), directory.rename(name, to: note.file) { continue }
                    directory.delete(name)
                } else if await isOfLog(bytes) {
                    directory.delete(name)
                } else {
                    let title = (try? NoteText(bytes)).flatMap { $0.matter.title } ?? "Note"
                    let kept = try directory.keepAside(name, of: NoteName.stem(title) + NoteName.suffix)
                    node.logger.warning("a text was found and is kept", ["replayer": self.name, "file": kept])
                }
            } catch { throw .folder(error) }
        }
    }

    /// Whether a text is, letter for letter, what a record makes or an earlier version of it made.
    private func isOfLog(_ bytes: [UInt8]) async -> Bool {
        guard let text = try? NoteText(bytes), let id = text.matter.id, let base = try? text.base else { return false }
        let found = try? await store.read { (log) throws(StoreFailure) in
            if try NoteSide(of: id, in: log)?.note?.text == bytes { return true }
            return try NoteSide.isEarlier(bytes, of: id, base: base, in: log)
        }
        return found ?? false
    }

    // MARK: What is remembered

    func remember(_ note: NoteMemory) {
        let key = ExactText(note.subject)
        if let old = notes[key] { forgetName(old.file, of: key) }
        notes[key] = note
        files[ExactText(note.file)] = key
        folded[NoteName.folded(note.file), default: 0] += 1
        strays[key] = nil
        absence.found(key, at: now)
        unkept[key] = .some(note)
        rested(note.file)
    }

    func forget(_ subject: String) {
        let key = ExactText(subject)
        if let old = notes.removeValue(forKey: key) { forgetName(old.file, of: key) }
        absence.settled(key)
        unkept[key] = .some(nil)
    }

    private func forgetName(_ name: String, of subject: ExactText) {
        if files[ExactText(name)] == subject { files[ExactText(name)] = nil }
        let folded = NoteName.folded(name)
        let left = (self.folded[folded] ?? 1) - 1
        self.folded[folded] = left > 0 ? left : nil
        counts.settle(name)
    }

    func leave(_ name: String, _ problem: NoteProblem) {
        counts.leave(name, problem)
        settling.rested(name)
    }

    func rested(_ name: String) {
        counts.settle(name)
        settling.rested(name)
    }

    /// A name for a note that has none yet, or another title now.
    func freeName(_ note: NoteRecord, isPlain: Bool = false) -> String {
        let own = notes[ExactText(note.subject)]?.file
        if isPlain { return NoteName.plainFile(subject: note.subject, sha256) }
        return NoteName.file(title: note.title, subject: note.subject, sha256) { name in
            if let own, own.isExactly(name) { return false }
            let others = folded[NoteName.folded(name), default: 0]
            let isOwn = own.map { NoteName.folded($0) == NoteName.folded(name) } ?? false
            return others > (isOwn ? 1 : 0) || directory.exists(name) && !isOwn
        }
    }
}
