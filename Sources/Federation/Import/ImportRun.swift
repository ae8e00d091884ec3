internal import FederationConfig
internal import FederationCore
internal import FederationStore

/// Brings what is in a directory into a node: a Noema cortex, or a tree of Markdown files.
///
/// The directory is read by this process, with its permissions, and handed over in batches: to the daemon where one
/// runs, else to the database. Whatever was taken in before is met again as what it is, so a run that was cut short is
/// begun anew and loses nothing.
package struct ImportRun: Sendable {
    package var directory: String
    package var configPath: String
    /// Counts what would happen, on a copy of the database.
    package var isDryRun = false
    /// Takes a cortex for a tree of files.
    package var asMarkdown = false
    /// Of a cortex takes the events alone.
    package var eventsOnly = false
    /// What the tree of files is called, in place of its path: under this name it is known again.
    package var tree: String?

    package init(directory: String, configPath: String) {
        self.directory = directory
        self.configPath = configPath
    }

    /// - Parameter progress: told how many files and events are done, and of how many.
    /// - Returns: the facts as JSON.
    package func run(
        progress: @Sendable (_ done: Int64, _ total: Int64) async -> Void
    ) async throws(CommandFailure) -> [UInt8] {
        let source = try ImportSource(directory, asMarkdown: asMarkdown)
        let configured = try loadConfig(configPath).config.peers
        let port = try await ImportPort(configPath: configPath, isDryRun: isDryRun)
        var report = ImportReport(isDryRun: isDryRun)
        do throws(CommandFailure) {
            switch source {
            case .markdown(let root): try await files(of: root, to: port, &report, progress)
            case .noema(let cortex):
                report.cortex = cortex.manifest
                report.configured = configured
                try await take(cortex, to: port, &report, progress)
            }
        } catch {
            await port.close()
            throw error
        }
        await port.close()
        return report.json
    }

    // MARK: A tree of files

    private func files(
        of root: String, to port: ImportPort, _ report: inout ImportReport,
        _ progress: @Sendable (Int64, Int64) async -> Void
    ) async throws(CommandFailure) {
        report.root = root
        let found = try ImportRun.walk(root, "")
        report.add(found)
        let tree = tree ?? root
        var queue = ImportQueue(.files, ["tree": tree])
        for (index, path) in found.files.enumerated() {
            switch found.text(of: path) {
            case .failure(let problem): report.problem(ImportLabel(path: path), problem.problem.rawValue)
            case .success(let text):
                let item = jsonObject {
                    $0.member("path", path)
                    $0.member("text", text)
                }
                try await queue.add(.init(label: ImportLabel(path: path), json: item), to: port, &report)
            }
            await progress(Int64(index + 1), Int64(found.files.count))
        }
        try await queue.flush(to: port, &report)
        let seen = Set(found.files.map(ExactText.init))
        let unread = Set(found.problems.map { ExactText($0.path) })
        report.removed = try await port.known(tree: tree).filter {
            !seen.contains(ExactText($0)) && !unread.contains(ExactText($0))
        }
    }

    // MARK: A cortex

    private func take(
        _ cortex: NoemaDirectory, to port: ImportPort, _ report: inout ImportReport,
        _ progress: @Sendable (Int64, Int64) async -> Void
    ) async throws(CommandFailure) {
        report.root = cortex.root
        var found: [(place: TraceFile.Place, tree: FileTree)] = []
        if !eventsOnly {
            for folder in NoemaDirectory.folders where cortex.has(folder.path) {
                let tree = try ImportRun.walk(cortex.root, folder.path)
                report.add(tree)
                found.append((folder.place, tree))
            }
        }
        var done: Int64 = 0
        var total = Int64(found.reduce(0) { $0 + $1.tree.files.count })
        if cortex.hasDatabase {
            let database: NoemaDatabase
            do {
                database = try NoemaDatabase(path: cortex.database)
                total += try await database.eventCount()
            } catch { throw ImportRun.unreadable(cortex.database, error) }
            done = try await events(of: database, cortex, to: port, &report) { await progress($0, total) }
        }
        var queue = ImportQueue(.traces, [:])
        for (place, tree) in found {
            for path in tree.files {
                let label = ImportLabel(path: path)
                switch tree.text(of: path) {
                case .failure(let problem): report.problem(label, problem.problem.rawValue)
                case .success(let text):
                    let item = jsonObject {
                        $0.member("place", place.rawValue)
                        $0.member("name", ImportRun.traceID(ofFile: path))
                        $0.member("text", text)
                    }
                    try await queue.add(.init(label: label, json: item), to: port, &report)
                }
                done += 1
                await progress(done, total)
            }
        }
        try await queue.flush(to: port, &report)
    }

    /// - Returns: how many rows there were.
    private func events(
        of database: NoemaDatabase, _ cortex: NoemaDirectory, to port: ImportPort, _ report: inout ImportReport,
        _ progress: (Int64) async -> Void
    ) async throws(CommandFailure) -> Int64 {
        var queue = ImportQueue(.events, ["source": cortex.manifest.name])
        var place = Int64.min
        var read: Int64 = 0
        while true {
            let rows: [NoemaRow]
            do {
                // Escaped as text of a batch they may take twice as much.
                rows = try await database.rows(
                    after: place, limit: Limits.importBatchItems, bytes: Limits.importBatchBytes / 2)
            } catch { throw ImportRun.unreadable(cortex.database, error) }
            guard let last = rows.last else { break }
            place = last.place
            for row in rows { try await add(row, to: &queue, port, &report) }
            read += Int64(rows.count)
            await progress(read)
        }
        try await queue.flush(to: port, &report)
        return read
    }

    private func add(
        _ row: NoemaRow, to queue: inout ImportQueue, _ port: ImportPort, _ report: inout ImportReport
    ) async throws(CommandFailure) {
        report.eventsRead += 1
        switch row.content {
        case .tooLarge: report.unreadable(ImportLabel(row: row.place), FileTree.Problem.tooLarge.rawValue)
        case .damaged: report.unreadable(ImportLabel(row: row.place), "damaged")
        case .columns(let columns):
            switch columns.item {
            case .unreadable(let refusal, _, let id, _):
                report.unreadable(ImportLabel(event: id, row: row.place), refusal.code)
            case .event(let event, let bytes):
                // As a text: the bytes arrive as they are, however deep they nest.
                var writer = JSONWriter()
                writer.string(String(decoding: bytes, as: UTF8.self))
                let label = ImportLabel(event: event.id.description, row: row.place)
                try await queue.add(.init(label: label, json: writer.bytes), to: port, &report)
            }
        }
    }

    private static func traceID(ofFile path: String) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
    }

    private static func walk(_ root: String, _ folder: String) throws(CommandFailure) -> FileTree {
        do throws(FileFailure) { return try FileTree(root: root, folder: folder) } catch {
            let path = folder.isEmpty ? root : "\(root)/\(folder)"
            throw CommandFailure(.file, ["file": path, "why": SystemText.of(error.code)])
        }
    }

    private static func unreadable(_ path: String, _ failure: StoreFailure) -> CommandFailure {
        let why =
            switch failure {
            case .notOurs: "it holds no event log of a cortex"
            case .busy: "it is locked"
            case .corrupt: "it is damaged"
            case .cannotOpen, .readOnly: "it cannot be opened for reading"
            case .full, .quota, .io, .interrupted, .olderSchema, .newerSchema, .other: "reading it failed"
            }
        return CommandFailure(.file, ["file": path, "why": why])
    }
}
