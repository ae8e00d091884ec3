internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore

/// What somebody does in a directory of notes, as events.
extension NoteFolder {
    func create(_ name: String, _ bytes: [UInt8], _ text: NoteText) async throws(NoteTrouble) {
        var empty = Snapshot()
        empty.type = TraceType.note.rawValue
        let title = text.matter.title ?? NoteName.title(of: name) ?? name
        let content = text.applied(to: empty, title: title, sha256)
        var random = SystemRandom()
        let subject = TraceIDMinting.traceID(title: title, at: SystemClock.now(), using: &random)
        let seen = Seen(name: name, bytes: bytes, text: text, base: [], title: title)
        try await edit([.create(subject: subject, content)], on: nil, seen, rewrites: true)
    }

    /// Writes events, and in their transaction what is remembered of the file.
    ///
    /// - Parameters:
    ///   - before: the record that the edit was made on; where it has changed since, nothing is written.
    ///   - rewrites: the file is to say what the record says, its front matter too.
    func edit(
        _ requests: [WriteRequest], on before: NoteRecord?, _ seen: Seen, rewrites: Bool
    ) async throws(NoteTrouble) {
        let (writer, name, subject) = (node.opened.writer, name, requests[0].subject)
        let memory = { @Sendable (note: NoteRecord) in
            NoteMemory(
                note, file: seen.name, hash: sha256(seen.bytes), base: seen.base,
                said: seen.text == nil ? before?.title : seen.said, isDue: rewrites)
        }
        let note: NoteRecord?
        do throws(WriteFailure) {
            note = try await store.attempt { (log: inout SQLiteLog) throws(WriteFailure) in
                do throws(StoreFailure) {
                    if let before, try NoteSide(of: subject, in: log)?.note?.hash != before.hash { return nil }
                } catch { throw .store(error) }
                var random = SystemRandom()
                for request in requests {
                    _ = try writer.write(request, now: SystemClock.now(), random: &random, into: &log)
                }
                do throws(StoreFailure) {
                    guard let note = try NoteSide(of: subject, in: log)?.note else { throw .corrupt }
                    try memory(note).keep(name, in: &log)
                    return note
                } catch { throw .store(error) }
            }
        } catch {
            switch error {
            case .store(let failure): throw .store(failure)
            case .refused(.headsChanged), .refused(.diverged), .refused(.notDiverged):
                return settling.again(seen.name, at: now)
            case .refused(let refusal):
                node.logger.warning("an edit of a note was refused", ["replayer": name, "file": seen.name])
                return leave(seen.name, .refused(refusal))
            }
        }
        // The record has changed since it was looked at.
        guard let note else { return settling.again(seen.name, at: now) }
        counts.edits += 1
        remember(memory(note))
        unkept[ExactText(subject)] = nil
        // Soon, and not as long as somebody goes on writing.
        if rewrites { settling.noted(seen.name, .done, at: now) }
    }

    func trash(_ subject: String, _ side: NoteSide, _ memory: NoteMemory?) async throws(NoteTrouble) {
        let (writer, name, before) = (node.opened.writer, name, side.note?.hash)
        // Directly before: a disk may have gone since the file was looked for.
        do throws(NoteFolderProblem) { try directory.check() } catch { throw .folder(error) }
        let isDone: Bool
        do throws(WriteFailure) {
            isDone = try await store.attempt { (log: inout SQLiteLog) throws(WriteFailure) in
                do throws(StoreFailure) {
                    if try NoteSide(of: subject, in: log)?.note?.hash != before { return false }
                } catch { throw .store(error) }
                var random = SystemRandom()
                _ = try writer.write(
                    .change(subject: subject, .trash), now: SystemClock.now(), random: &random, into: &log)
                do throws(StoreFailure) { try NoteMemory.forget(subject, of: name, in: &log) } catch {
                    throw .store(error)
                }
                return true
            }
        } catch {
            if case .store(let failure) = error { throw .store(failure) }
            // It may not go: it comes back.
            if let memory { forget(memory.subject) }
            return try await reconcile(subject)
        }
        // The record has changed since it was looked at: what it says now comes back.
        guard isDone else { return try await reconcile(subject) }
        counts.edits += 1
        forget(subject)
        unkept[ExactText(subject)] = nil
    }
}

extension NoteFolder {
    /// The record comes back with its file, which is then looked at as any.
    func recover(_ subject: String, _ seen: Seen) async throws(NoteTrouble) {
        let writer = node.opened.writer
        do throws(WriteFailure) {
            try await store.attempt { (log: inout SQLiteLog) throws(WriteFailure) in
                var random = SystemRandom()
                _ = try writer.write(
                    .change(subject: subject, .recover), now: SystemClock.now(), random: &random, into: &log)
            }
        } catch {
            switch error {
            case .store(let failure): throw .store(failure)
            case .refused(let refusal): return leave(seen.name, .refused(refusal))
            }
        }
        counts.edits += 1
        try await reconcile(subject, at: seen.name)
    }
}

/// What the log says of a note.
struct NoteSide: Sendable {
    /// `nil` where there is to be no file: the record is archived, trashed, purged, or not here.
    var note: NoteRecord?
    var content: Snapshot?
    /// It is in the bin, with a text to come back with.
    var isTrashed = false
    /// `false` where nothing of it is here, or so little that nobody can have decided anything about it.
    var isKnown = false

    /// `nil` where nothing can be said: the record's text has not arrived.
    init?(of subject: String, in log: some LogReading) throws(StoreFailure) {
        guard let record = try log.record(subject) else { return }
        isKnown = record.purge != nil || record.shown != nil
        guard record.purge == nil, record.type != TraceType.divergence.rawValue, let shown = record.shown else { return }
        isTrashed = record.lifecycle == .trashed
        guard record.lifecycle == .active else { return }
        guard !record.isIncomplete, let data = try log.event(shown)?.event.data,
            let content = try? Snapshot(editing: record, data: data)
        else { return nil }
        let text = NoteText.bytes(subject, heads: record.heads, content)
        self.content = content
        note = NoteRecord(subject: subject, heads: record.heads, title: content.title, text: text, hash: sha256(text))
    }

    /// Whether a file is, letter for letter, what the version made that it names.
    static func isEarlier(
        _ bytes: [UInt8], of subject: String, base: [ULID], in log: some LogReading
    ) throws(StoreFailure) -> Bool {
        guard base.count == 1, let event = try log.event(base[0])?.event, event.subject.isExactly(subject),
            let data = event.data, let content = try? Snapshot(data: data)
        else { return false }
        return NoteText.bytes(subject, heads: base, content) == bytes
    }
}
