internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore

/// Writing records: what a person's text and options come to, and what refuses it.
extension CommandService {
    func put(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let file = try arguments.required("file")
        let text = try arguments.required("text")
        // What was to write it has failed, most likely, and its version would take the place of the one before.
        guard text.utf8.contains(where: { $0 > 0x20 }) else { throw CommandFailure(.file, ["file": file, "why": "it is empty"]) }
        let matter: FrontMatter
        let body: String
        switch FrontMatter.split(text) {
        case .failure(let problems):
            throw CommandFailure(.frontMatter, ["file": file], list: problems.problems.map { $0.line(in: file) })
        case .success(let parts): (matter, body) = parts
        }
        let id = arguments["id"]?.string ?? matter.id
        let isDryRun = arguments["dry_run"]?.bool ?? false
        let request: WriteRequest
        let title: String
        if let id {
            let base = try base(arguments["base"]?.string ?? matter.base)
            let before = try await snapshot(of: id)
            let snapshot = edited(before, matter, body, arguments)
            title = snapshot.title
            request = .update(subject: id, snapshot, base: base)
        } else {
            var empty = Snapshot()
            empty.type = TraceType.note.rawValue
            empty.origin = node.identity.name
            let snapshot = edited(empty, matter, body, arguments)
            var random = SystemRandom()
            let subject = TraceIDMinting.traceID(title: snapshot.title, at: SystemClock.now(), using: &random)
            title = snapshot.title
            request = .create(subject: subject, snapshot)
        }
        let written = try await node.write([request], requestID: arguments["request"]?.string, isDryRun: isDryRun)[0]
        return jsonObject {
            $0.member("file", file)
            // A new record's id is made when it is written.
            if !isDryRun || id != nil { $0.member("id", written.subject) }
            $0.member("created", id == nil)
            if isDryRun {
                $0.member("dry_run", true)
                $0.member("title", title)
            }
            $0.written(written, isDryRun: isDryRun)
        }
    }

    func resolve(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let id = try arguments.required("id")
        let resolution: WriteRequest.Resolution
        if let version = arguments["accept"]?.string {
            resolution = .accept(version)
        } else if let body = arguments["body"]?.string {
            // As it is, whatever it begins with.
            resolution = .custom(body: body)
        } else {
            let text = try arguments.required("text")
            guard case .success(let parts) = FrontMatter.split(text) else { throw CommandFailure(.badRequest) }
            resolution = .custom(body: parts.body)
        }
        let isDryRun = arguments["dry_run"]?.bool ?? false
        // A version that came after whoever decides had looked is not decided on.
        let base = try heads(arguments["heads"])
        let written: Written
        do throws(CommandFailure) {
            written = try await node.write(
                [.resolve(subject: id, resolution, base: base)], requestID: arguments["request"]?.string, isDryRun: isDryRun)[0]
        } catch {
            guard case .accept(let version) = resolution, [.unknownVersion, .ambiguousVersion].contains(error.code) else { throw error }
            var failure = error
            failure.facts["version"] = version
            throw failure
        }
        return jsonObject {
            $0.member("id", written.subject)
            if isDryRun { $0.member("dry_run", true) }
            $0.written(written, isDryRun: isDryRun)
        }
    }

    /// What the caller saw: a list of ids, or nothing was said. Anything else is no reason to decide on what is there now.
    private func heads(_ value: JSON?) throws(CommandFailure) -> WriteRequest.Base {
        guard let value else { return .current }
        guard let list = value.array, !list.isEmpty else { throw CommandFailure(.badRequest) }
        var heads: [ULID] = []
        for each in list {
            guard let head = each.string.flatMap({ ULID($0) }) else { throw CommandFailure(.badRequest) }
            heads.append(head)
        }
        return .heads(heads)
    }

    private func base(_ text: String?) throws(CommandFailure) -> WriteRequest.Base {
        guard let text else { return .current }
        let heads = text.split(whereSeparator: { $0 == " " || $0 == "," }).map { ULID($0) }
        guard !heads.isEmpty, heads.allSatisfy({ $0 != nil }) else { throw CommandFailure(.unknownEvent, ["id": text]) }
        return .heads(heads.compactMap { $0 })
    }

    /// What the record says now, which an edit keeps where it says nothing else. One that says nothing is not edited: it may
    /// arrive before the write does, and would lose its type, tags and title to it.
    private func snapshot(of id: String) async throws(CommandFailure) -> Snapshot {
        let found = try await read { (log) throws(StoreFailure) -> Result<Snapshot, WriteRefusal> in
            guard let record = try log.record(id), let shown = record.shown else { return .failure(.unknownSubject) }
            if record.purge != nil { return .failure(.purged) }
            guard let data = try log.event(shown)?.event.data else { return .failure(.incomplete(head: shown)) }
            return .success((try? Snapshot(editing: record, data: data)) ?? Snapshot())
        }
        switch found {
        case .success(let snapshot): return snapshot
        case .failure(let refusal): throw CommandFailure(refusal, subject: id)
        }
    }

    private func edited(_ before: Snapshot, _ matter: FrontMatter, _ body: String, _ options: JSON) -> Snapshot {
        var snapshot = before
        snapshot.body = body
        snapshot.contentHash = Snapshot.contentHash(of: body, sha256)
        snapshot.title = options["title"]?.string ?? matter.title ?? before.title
        if snapshot.title.isEmpty { snapshot.title = TraceIDMinting.title(ofMarkdown: body) ?? "Untitled" }
        if let type = options["type"]?.string ?? matter.type { snapshot.type = type }
        if let tier = options["tier"]?.string ?? matter.tier { snapshot.tier = tier }
        if let author = matter.author { snapshot.author = author }
        if let tags = matter.tags { snapshot.tags = tags }
        if let derivedFrom = matter.derivedFrom { snapshot.derivedFrom = derivedFrom }
        return snapshot
    }
}

extension JSONWriter {
    /// What a write came to. The ids of a dry run's events are made anew when it is done, so only their count is given.
    mutating func written(_ written: Written, isDryRun: Bool) {
        if isDryRun {
            member("count", written.events.count)
        } else {
            member("events", written.events.map(\.description))
        }
    }
}

extension Node {
    /// Writes events of ours, durably: what all requests come to, or nothing. See `GroupCommit`.
    ///
    /// - Parameter isDryRun: goes through the same in a transaction that is undone.
    func write(
        _ requests: [WriteRequest], requestID: String?, isDryRun: Bool = false
    ) async throws(CommandFailure) -> [Written] {
        if let stopped { throw stopped.failure }
        do throws(UnmadeWrite) {
            if isDryRun { return try await writes.rehearse(requests, requestID: requestID) }
            return try await writes.write(requests, requestID: requestID)
        } catch {
            throw CommandFailure(error)
        }
    }

    /// Writes an event of ours, durably, or nothing; with its failures as they are.
    func attempt(_ request: WriteRequest, requestID: String?) async throws(WriteFailure) -> Written {
        // That the database is behind stands in it, and the writer reads it there.
        if stopped == .copied { throw .refused(.stopped(.moved)) }
        do throws(UnmadeWrite) { return try await writes.write([request], requestID: requestID)[0] } catch {
            throw error.failure
        }
    }
}

extension CommandFailure {
    fileprivate init(_ unmade: UnmadeWrite) {
        switch unmade.failure {
        case .store(let failure): self.init(failure)
        case .refused(let refusal): self.init(refusal, subject: unmade.subject)
        }
    }
}
