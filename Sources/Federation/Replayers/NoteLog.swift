internal import FederationCore
internal import FederationStore

// The log, as a directory of notes follows it.
extension NoteFolder {
    /// Takes the log on from where it was left.
    func takeLog() async throws(NoteTrouble) {
        if let until = fullUntil {
            guard until <= now || notes.count < Limits.notes else { return }
            fullUntil = nil
        }
        isAtHead = false
        while !mustStop {
            let cursor = memory.cursor
            let page: LogPage
            do throws(StoreFailure) {
                page = try await store.read { (log) throws(StoreFailure) in
                    try log.page(after: cursor, limit: Limits.noteBatch)
                }
            } catch { throw .store(error) }
            var seen: Set<ExactText> = []
            do throws(NoteTrouble) {
                for event in page.events where seen.insert(ExactText(event.event.subject)).inserted {
                    try await reconcile(event.event.subject)
                }
            } catch {
                guard error == .folder(.tooMany) else { throw error }
                fullUntil = now.advanced(by: Limits.replayerLongestWait)
                return
            }
            settled += page.events.count
            try await flush(to: page.next)
            if !page.hasMore {
                isAtHead = true
                return
            }
        }
    }

    /// Puts on disk what is remembered, and how far the log was taken.
    func flush(to cursor: LogCursor? = nil) async throws(NoteTrouble) {
        var next = memory
        if let cursor { next.cursor = cursor }
        guard next != memory || !unkept.isEmpty else { return }
        if !unkept.isEmpty { directory.flush() }
        let (after, before, name, unkept) = (next, memory, name, unkept)
        try await store.attempt(evenIfFull: true) { (log: inout SQLiteLog) throws(NoteTrouble) in
            do throws(StoreFailure) {
                for (subject, note) in unkept {
                    if let note { try note.keep(name, in: &log) } else {
                        try NoteMemory.forget(subject.text, of: name, in: &log)
                    }
                }
                try after.keep(name, before: before, in: &log)
            } catch { throw .store(error) }
        }
        memory = next
        self.unkept = [:]
        tell()
    }
}
