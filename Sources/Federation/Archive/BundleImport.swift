internal import FederationConfig
internal import FederationCore
internal import Glibc

/// `federation import` of a bundle: reads it part by part, and hands each to whoever holds the database.
///
/// Each page is one transaction. What came before something wrong stays, as of a pull that breaks off; the same bundle
/// again changes nothing.
package struct BundleImport: Sendable {
    /// A file, or `-` for standard input.
    package var file: String
    package var configPath: String
    /// Counts what would happen, on a copy of the database.
    package var isDryRun = false
    /// Refuses one that does not hold the whole log of its node.
    private var isWhole = false

    package init(file: String, configPath: String) {
        self.file = file
        self.configPath = configPath
    }

    /// Whether a path is that of a file or of standard input, and not of a directory.
    package static func isFile(_ path: String) -> Bool {
        var facts = stat()
        return path == "-" || stat(path, &facts) == 0 && facts.st_mode & S_IFMT != S_IFDIR
    }

    private static let piece = 256 << 10

    /// - Parameter progress: told how many bytes are read, and of how many; nothing for a pipe.
    /// - Returns: the facts as JSON.
    package func run(
        progress: @Sendable (_ done: Int64, _ total: Int64) async -> Void
    ) async throws(CommandFailure) -> [UInt8] {
        let port = try await ImportPort(configPath: configPath, isDryRun: isDryRun)
        do throws(CommandFailure) {
            let report = try await report(to: port, progress)
            await port.close()
            return report.json
        } catch {
            await port.close()
            throw error
        }
    }

    /// Takes in a bundle that begins at the beginning of its node's log.
    ///
    /// - Returns: how many events were new.
    static func takeWhole(_ file: String, into desk: BundleDesk) async throws(CommandFailure) -> Int {
        var bundle = BundleImport(file: file, configPath: "")
        bundle.isWhole = true
        let report = try await bundle.report(to: .desk(desk)) { _, _ in }
        return Int(report.counts["applied"] ?? 0)
    }

    private func report(
        to port: ImportPort, _ progress: @Sendable (Int64, Int64) async -> Void
    ) async throws(CommandFailure) -> Report {
        let input = file == "-" ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw unreadable(errno) }
        defer { if input != STDIN_FILENO { close(input) } }
        var facts = stat()
        let total = fstat(input, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG ? Int64(facts.st_size) : nil
        var report = Report(file: file, isDryRun: isDryRun)
        do throws(CommandFailure) {
            try await read(input, of: total, to: port, &report, progress)
        } catch {
            guard error.code == .bundle else { throw error }
            var failure = error
            failure.facts["file"] = file
            failure.facts["pages"] = String(report.pages)
            throw failure
        }
        return report
    }

    private func read(
        _ input: Int32, of total: Int64?, to port: ImportPort, _ report: inout Report,
        _ progress: @Sendable (Int64, Int64) async -> Void
    ) async throws(CommandFailure) {
        var reader = BundleReader()
        var bytes = [UInt8](repeating: 0, count: BundleImport.piece)
        var done: Int64 = 0
        while true {
            let count = bytes.withUnsafeMutableBytes { Glibc.read(input, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable(errno) }
            guard count > 0 else { break }
            reader.give(bytes[..<count])
            while let part = try BundleImport.checked({ () throws(Bundle.Problem) in try reader.next() }) {
                try await hand(part, to: port, &report)
            }
            done += Int64(count)
            if let total { await progress(done, total) }
        }
        try BundleImport.checked { () throws(Bundle.Problem) in try reader.finish() }
    }

    private static func checked<Value>(_ body: () throws(Bundle.Problem) -> Value) throws(CommandFailure) -> Value {
        do throws(Bundle.Problem) { return try body() } catch { throw BundleDesk.failure(error) }
    }

    private func unreadable(_ code: Int32) -> CommandFailure {
        CommandFailure(.file, ["file": file, "why": SystemText.of(code)])
    }

    private func hand(_ part: BundleReader.Part, to port: ImportPort, _ report: inout Report) async throws(CommandFailure) {
        switch part {
        case .header(let header, let line):
            if isWhole, header.from != Bundle.beginning { throw CommandFailure(.bundle, ["case": "partial"]) }
            report.header = header
            report.line = String(decoding: line, as: UTF8.self)
            // Asked at once: whoever is not known need not be read to the end.
            let answer = try await port.bundle(jsonObject { $0.member("header", report.line) })
            report.peer = answer["peer"]?.string ?? ""
        case .page(let page, let line, let from, let body):
            let answer = try await port.bundle(
                jsonObject {
                    $0.member("header", report.line)
                    $0.member("page", String(decoding: line, as: UTF8.self))
                    $0.member("after", from)
                    $0.member("body", String(decoding: Base64.encode(body), as: UTF8.self))
                })
            report.add(page, answer)
        case .end(_, let line, let position):
            let answer = try await port.bundle(
                jsonObject {
                    $0.member("header", report.line)
                    $0.member("end", String(decoding: line, as: UTF8.self))
                    $0.member("after", position)
                })
            report.isEqual = answer["equal"]?.bool ?? false
            report.missingBefore = answer["missing_before"]?.string
        }
    }

    /// What came of it.
    private struct Report {
        var file: String
        var isDryRun: Bool
        var header: Bundle.Header?
        var line = ""
        var peer = ""
        var pages = 0
        var read = 0
        var counts: [String: Int64] = [:]
        var isEqual = false
        /// The beginning of the bundle, where it does not go on from what was read before.
        var missingBefore: String?
        var foundOwnFuture = false

        static let words = ["applied", "duplicates", "held", "refused", "deferred"]

        mutating func add(_ page: Bundle.PageLine, _ answer: JSON) {
            pages += 1
            read += page.events
            for word in Report.words { counts[word, default: 0] += answer[word]?.integer ?? 0 }
            if answer["found_own_future"]?.bool == true { foundOwnFuture = true }
        }

        var json: [UInt8] {
            jsonObject { writer in
                writer.member("kind", "bundle")
                writer.member("file", file)
                writer.member("dry_run", isDryRun)
                if foundOwnFuture { writer.member("stops_node", true) }
                writer.key("bundle")
                writer.object {
                    $0.member("id", header?.id.description ?? "")
                    $0.member("name", header?.name ?? "")
                    $0.member("made_at", header?.madeAt ?? "")
                    $0.member("pages", pages)
                }
                writer.member("peer", peer)
                writer.key("events")
                writer.object { events in
                    events.member("read", read)
                    for word in Report.words { events.member(word, counts[word] ?? 0) }
                }
                writer.member("equal", isEqual)
                if let missingBefore { writer.member("missing_before", missingBefore) }
            }
        }
    }
}

extension ImportPort {
    /// Hands over a part of a bundle.
    fileprivate func bundle(_ arguments: [UInt8]) async throws(CommandFailure) -> JSON {
        let answer: [UInt8]
        switch self {
        case .node(let channel): answer = try await channel.perform(.importBundle, arguments)
        case .rehearsal(let rehearsal):
            let json: JSON
            do { json = try JSON(arguments) } catch { throw CommandFailure(.badRequest) }
            answer = try await rehearsal.bundles.take(json).json
        case .desk(let desk):
            let json: JSON
            do { json = try JSON(arguments) } catch { throw CommandFailure(.badRequest) }
            answer = try await desk.take(json).json
        }
        do { return try JSON(answer) } catch { throw CommandFailure(.badRequest) }
    }
}
