internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore

/// Takes batches of an import into a log, each in one transaction: a kill between two of them costs a second run.
///
/// Events go through the same `Intake` as a pulled page, files through the same `EventWriter` as `put`.
struct ImportDesk: Sendable {
    let store: SQLiteStore
    let intake: Intake
    let writer: EventWriter

    /// The namespace of what is remembered of trees of files.
    static let namespace = "import"

    /// What became of one batch, by word.
    struct Tally: Sendable {
        var counts: [String: Int] = [:]
        var problems: [(item: Int, problem: ImportProblem)] = []
        /// Files of which events of ours were written.
        var written: [(item: Int, subject: String, words: [String])] = []
        /// An event of our own origin came, signed by us, that this log lacks.
        var foundOwnFuture = false

        mutating func count(_ word: String, _ number: Int = 1) { if number > 0 { counts[word, default: 0] += number } }
    }

    // MARK: Events

    /// - Parameter source: by which name the log says who gave them; no peer can be called so.
    func events(_ items: [PulledItem], from source: String) async throws(StoreFailure) -> Tally {
        let intake = intake
        let now = SystemClock.now()
        return try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
            let outcome = try intake.take(PulledPage(items: items, cursor: .none), from: source, now: now, into: &log)
            var tally = Tally()
            tally.count("applied", outcome.applied)
            tally.count("held", outcome.held)
            tally.count("duplicates", outcome.duplicates)
            tally.count("refused", outcome.refused)
            tally.count("deferred", outcome.deferred)
            tally.foundOwnFuture = outcome.foundOwnFuture
            if let stop = outcome.stoppedBy { throw StoreFailure.stopped(by: stop) }
            guard outcome.held + outcome.refused + outcome.deferred > 0 else { return tally }
            for (index, item) in items.enumerated() {
                if let code = try ImportDesk.problem(of: item, in: log) { tally.problems.append((index, .event(code: code))) }
            }
            return tally
        }
    }

    /// Why an item that was taken in is not applied.
    static func problem(of item: PulledItem, in log: SQLiteLog) throws(StoreFailure) -> String? {
        switch item {
        case .event(let event, let bytes):
            if let entry = try log.quarantineEntry(hash: sha256(bytes)) {
                return entry.kind == .deferred ? QuarantineEntry.Kind.deferred.rawValue : entry.code
            }
            return try log.event(event.id)?.hold?.code
        case .unreadable(let refusal, _, _, _): return refusal.code
        }
    }

    // MARK: Files

    /// The trace files of a cortex, each with the place it lies in and its text.
    func traces(
        _ items: [(place: TraceFile.Place, name: String, text: String)]
    ) async throws(StoreFailure) -> Tally {
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
            var tally = Tally()
            for (index, item) in items.enumerated() {
                let file: TraceFile
                switch traceFile(item.place, item.name, item.text) {
                case .success(let read): file = read
                case .failure(let failure):
                    tally.problems.append((index, failure.problem))
                    continue
                }
                let events = try log.events(of: file.subject)
                let decision = file.decision(record: try log.record(file.subject), events: events, sha256)
                _ = try carryOut(decision, item: index, &tally, in: &log)
            }
            return tally
        }
    }

    private struct Unusable: Error { var problem: ImportProblem }

    private func traceFile(
        _ place: TraceFile.Place, _ name: String, _ text: String
    ) -> Result<TraceFile, Unusable> {
        guard let read = NoemaTraceText(text) else { return .failure(Unusable(problem: .unreadable(code: "front_matter"))) }
        var snapshot = Snapshot()
        snapshot.title = read.title ?? ""
        snapshot.type = read.type ?? TraceType.note.rawValue
        snapshot.author = read.author ?? ""
        snapshot.tags = read.tags
        snapshot.derivedFrom = read.derivedFrom
        snapshot.origin = read.origin ?? ""
        snapshot.tier = read.tier ?? ""
        snapshot.body = read.body
        snapshot.contentHash = Snapshot.contentHash(of: read.body, sha256)
        snapshot.sourceHash = read.sourceHash ?? ""
        snapshot.sourceLocked = read.isSourceLocked
        return .success(
            TraceFile(
                subject: read.id ?? name, place: place, snapshot: snapshot,
                updated: read.updated.flatMap { WallTime(rfc3339: $0) }))
    }

    /// Files of a tree, each with its path and its text.
    func files(_ items: [(path: String, text: String)], tree: String) async throws(StoreFailure) -> Tally {
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
            var tally = Tally()
            for (index, item) in items.enumerated() {
                try take(item.path, item.text, tree: tree, item: index, &tally, in: &log)
            }
            return tally
        }
    }

    private func take(
        _ path: String, _ text: String, tree: String, item: Int, _ tally: inout Tally, in log: inout SQLiteLog
    ) throws(StoreFailure) {
        let key = sha256(Array(path.utf8)).hex
        let memory = try log.wireValue(ImportDesk.namespace, peer: tree, key: key).flatMap(TreeFileMemory.init(stored:))
        let (matter, body, prose) = FrontMatter.splitLeniently(text)
        let base = (matter.base ?? "").split(whereSeparator: { $0 == " " || $0 == "," }).compactMap { ULID($0) }
        let file = TreeFile(hash: sha256(Array(text.utf8)), id: matter.id, base: base)
        var record: Record?
        var before: Snapshot?
        if let subject = file.subject(memory) {
            record = try log.record(subject)
            if let record, let shown = record.shown, let data = try log.event(shown)?.event.data {
                before = try? Snapshot(editing: record, data: data)
            }
        }
        var random = SystemRandom()
        let now = SystemClock.now()
        let decision = file.decision(memory: memory, record: record, before: before) {
            matter.snapshot(editing: $0, body: body, title: TraceIDMinting.title(ofMarkdown: prose) ?? fileTitle(path))
        } mint: { TraceIDMinting.traceID(title: $0, at: now, using: &random) }
        guard let subject = try carryOut(decision, item: item, &tally, in: &log) ?? file.subject(memory) else { return }
        if case .leave = decision { return }
        guard tally.problems.last?.item != item, let standing = try log.record(subject) else { return }
        let after = TreeFileMemory(path: path, subject: subject, hash: file.hash, heads: standing.heads)
        // A file that has not changed keeps what it was compared with.
        guard memory?.hash != after.hash || memory?.subject != after.subject else { return }
        try log.setWireValue(ImportDesk.namespace, peer: tree, key: key, after.stored)
    }

    private func fileTitle(_ path: String) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
    }

    /// The paths that are remembered of a tree.
    func known(tree: String) async throws(StoreFailure) -> [String] {
        try await store.read { (log) throws(StoreFailure) in
            try log.wireValues(ImportDesk.namespace, peer: tree).compactMap { TreeFileMemory(stored: $0.value)?.path }
        }
    }

    // MARK: Writing

    /// Does what was decided for one file, or none of it.
    ///
    /// - Returns: the subject written.
    private func carryOut(
        _ decision: ImportDecision, item: Int, _ tally: inout Tally, in log: inout SQLiteLog
    ) throws(StoreFailure) -> String? {
        switch decision {
        case .agrees:
            tally.count("unchanged")
            return nil
        case .leave(let problem):
            tally.problems.append((item, problem))
            return nil
        case .write(let requests):
            do throws(WriteFailure) {
                try log.part { (log: inout SQLiteLog) throws(WriteFailure) in
                    for request in requests {
                        var random = SystemRandom()
                        _ = try writer.write(request, now: SystemClock.now(), random: &random, into: &log)
                    }
                }
                guard let subject = requests.first?.subject else { return nil }
                let words = requests.map(\.importWord)
                for word in words { tally.count(word) }
                tally.written.append((item, subject, words))
                return subject
            } catch {
                switch error {
                case .store(let failure): throw failure
                case .refused(let refusal): tally.problems.append((item, .refused(refusal)))
                }
                return nil
            }
        }
    }
}

extension WriteRequest {
    /// What an import counts it as.
    fileprivate var importWord: String {
        switch self {
        case .create: "created"
        case .change(_, .archive): "archived"
        case .change(_, .trash): "trashed"
        case .update, .resolve, .change, .move, .purge: "updated"
        }
    }
}

extension StoreFailure {
    /// A replayer stopped a page; this program has none that does.
    fileprivate static func stopped(by problem: ReplayProblem) -> StoreFailure { .interrupted }
}

extension FrontMatter {
    /// What a file says of a record, on top of what the record said before.
    ///
    /// - Parameter found: the title of a record that has none and is given none here.
    func snapshot(editing before: Snapshot, body: String, title found: String) -> Snapshot {
        var snapshot = before
        snapshot.body = body
        snapshot.contentHash = Snapshot.contentHash(of: body, sha256)
        snapshot.title = title ?? (before.title.isEmpty ? found : before.title)
        // A word that is no type or tier of ours was meant for another program.
        if let type, TraceType(rawValue: type) != nil { snapshot.type = type }
        if let tier, Tier(rawValue: tier) != nil { snapshot.tier = tier }
        if let author { snapshot.author = author }
        if let tags { snapshot.tags = tags }
        if let derivedFrom { snapshot.derivedFrom = derivedFrom }
        return snapshot
    }
}
