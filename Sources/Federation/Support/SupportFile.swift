internal import FederationConfig
internal import FederationCore
internal import FederationStore
internal import Glibc

/// One file with all that somebody needs to help with a node, and nothing that is nobody else's.
///
/// Each part is gathered by itself: where the database is damaged, the daemon hangs or the configuration cannot be read,
/// the others are there, and the file says what could not be read and why.
package struct SupportFile: Sendable {
    /// JSON, indented.
    package private(set) var bytes: [UInt8] = []
    /// The parts that could not be read.
    package private(set) var unread: [SupportSection] = []
    /// What the node calls itself, as far as that is known.
    package private(set) var name = "node"

    private let configPath: String
    private let logFile: String?
    /// The daemon has not answered: it is asked nothing more.
    private var hangs = false
    /// What it has said of itself.
    private var own: Result<[UInt8], CommandFailure>?

    /// - Parameters:
    ///   - hidesNames: puts others in the place of the names of nodes, hosts and directories of people.
    ///   - logFile: where the log is, beside the lines that a running daemon remembers.
    package init(configPath: String, hidesNames: Bool, logFile: String?) async {
        self.configPath = configPath
        self.logFile = logFile
        let file: ConfigFile?
        let failure: ConfigFailure?
        do throws(ConfigFailure) {
            file = try ConfigFile.load(configPath)
            failure = nil
        } catch {
            file = nil
            failure = error
        }
        let directory = NodeDirectory(file?.dataDirectory ?? ConfigFile.likelyDataDirectory(configPath) ?? "data")
        var parts: [(SupportSection, [UInt8])] = []
        for section in SupportSection.allCases {
            do throws(CommandFailure) {
                parts.append((section, try await part(section, file, failure, directory)))
            } catch {
                unread.append(section)
                parts.append((section, jsonObject { writer in
                    writer.key("not_read")
                    writer.raw(error.json)
                }))
            }
        }
        if let file { name = hidesNames ? "node" : file.config.name }
        let status = parts.first { $0.0 == .status && !unread.contains(.status) }.flatMap { try? JSON($0.1) }
        if hidesNames, file == nil, status == nil { withholdWhatNames(&parts) }
        let redaction = Redaction(hiding: hidesNames ? SupportFile.substitutes(file?.config, status) : [:])
        bytes = document(parts, redaction)
    }

    /// Where nobody can say which names there are, what may hold them is left out.
    private mutating func withholdWhatNames(_ parts: inout [(SupportSection, [UInt8])]) {
        for place in parts.indices where [.why, .quarantine, .metrics, .log].contains(parts[place].0) {
            if !unread.contains(parts[place].0) { unread.append(parts[place].0) }
            parts[place].1 = jsonObject { writer in
                writer.key("not_read")
                writer.raw(CommandFailure(.configProblems, list: ["the names in it are not known, and could not be hidden"]).json)
            }
        }
    }

    private func document(_ parts: [(SupportSection, [UInt8])], _ redaction: Redaction) -> [UInt8] {
        let whole = jsonObject { writer in
            writer.member("federation_support", 1)
            writer.member("made_at", SystemClock.now().rfc3339)
            writer.key("contents")
            writer.object { for section in SupportSection.allCases { $0.member(section.rawValue, section.holds) } }
            for (section, part) in parts {
                writer.key(section.rawValue)
                // What cannot be understood cannot be searched for what is to go.
                writer.raw((try? JSON(part)).map { redaction.json($0, quotes: section == .log) } ?? Array("null".utf8))
            }
        }
        return ((try? JSON(whole))?.indented ?? whole) + [0x0A]
    }

    private mutating func part(
        _ section: SupportSection, _ file: ConfigFile?, _ failure: ConfigFailure?, _ directory: NodeDirectory
    ) async throws(CommandFailure) -> [UInt8] {
        var writer = JSONWriter()
        switch section {
        case .program: SupportSystem.program(&writer)
        case .environment: SupportSystem.environment(&writer)
        case .configuration:
            writer.object { writer in
                writer.member("file", configPath)
                if let failure { writer.member("problems", failure.lines(in: "")) }
                if let file { file.config.write(to: &writer) }
            }
        case .check: return await NodeCheck.run(configPath: configPath, deep: false).json
        case .status: return try await ask(.status)
        case .why: return try SupportFile.member("why", of: try await askOfItself())
        case .quarantine: return try SupportFile.reasons(try await ask(.quarantineList))
        case .database: return try await database(directory)
        case .files: SupportSystem.files(in: directory.path, &writer)
        case .metrics: return try SupportFile.member("metrics", of: try await askOfItself())
        case .log: return try await log()
        }
        return writer.bytes
    }

    // MARK: What the node says

    private mutating func ask(_ name: CommandName) async throws(CommandFailure) -> [UInt8] {
        if hangs { throw CommandFailure(.unreachableDaemon) }
        do throws(CommandFailure) {
            return try await CommandClient(configPath: configPath, patience: Limits.supportPatience)
                .perform(name, Array("{}".utf8))
        } catch {
            if error.code == .unreachableDaemon { hangs = true }
            throw error
        }
    }

    /// Asked once, for peers, metrics and log.
    private mutating func askOfItself() async throws(CommandFailure) -> [UInt8] {
        if let own { return try own.get() }
        do throws(CommandFailure) {
            let answer = try await ask(.support)
            own = .success(answer)
            return answer
        } catch {
            own = .failure(error)
            throw error
        }
    }

    private static func member(_ key: String, of answer: [UInt8]) throws(CommandFailure) -> [UInt8] {
        guard let value = try? JSON(answer)[key] else { throw CommandFailure(.badRequest) }
        return Array(value.raw)
    }

    /// Of each kind, reason and peer how many, and since when; nothing of the events.
    private static func reasons(_ answer: [UInt8]) throws(CommandFailure) -> [UInt8] {
        guard let entries = try? JSON(answer)["entries"]?.array else { throw CommandFailure(.badRequest) }
        var found: [[String]: (count: Int64, first: String)] = [:]
        for entry in entries {
            let key = ["kind", "reason", "code", "peer"].map { entry[$0]?.string ?? "" }
            let first = entry["first_seen"]?.string ?? ""
            let before = found[key] ?? (0, first)
            found[key] = (before.count + 1, min(before.first, first))
        }
        return jsonObject { writer in
            writer.key("reasons")
            writer.array { list in
                for (key, value) in found.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
                    list.object {
                        for (name, text) in zip(["kind", "reason", "code", "peer"], key) { $0.member(name, text) }
                        $0.member("events", value.count)
                        $0.member("first_seen", value.first)
                    }
                }
            }
        }
    }

    /// A running daemon's own memory of it comes first, then the end of the file that was named.
    private mutating func log() async throws(CommandFailure) -> [UInt8] {
        var remembered: [UInt8]?
        var why: CommandFailure?
        do throws(CommandFailure) { remembered = try SupportFile.member("log", of: try await askOfItself()) } catch { why = error }
        var lines: [String]?
        if let logFile {
            lines = SupportSystem.lastLines(of: logFile, limit: Limits.logRemembered)
            if lines == nil { why = CommandFailure(.file, ["file": logFile, "why": SystemText.of(errno)]) }
        }
        if remembered == nil, lines == nil, let why { throw why }
        return jsonObject { writer in
            if let remembered {
                writer.key("daemon")
                writer.raw(remembered)
            }
            if let lines { writer.member("file", lines) }
        }
    }

    // MARK: The database itself

    /// Read past the daemon, as what is asked may be why it does not run.
    private func database(_ directory: NodeDirectory) async throws(CommandFailure) -> [UInt8] {
        guard directory.hasDatabase else { throw CommandFailure(missingDatabase: directory) }
        // Before SQLite opens it: to close a file drops the locks that this process holds on it.
        let header = DatabaseHeader(path: directory.database)
        var facts: DatabaseFacts?
        var failure: CommandFailure?
        var room: DiskFacts?
        do throws(StoreFailure) {
            let store = try SQLiteStore(path: directory.database, access: .readOnly)
            do throws(StoreFailure) {
                room = try await store.disk()
                facts = try await store.facts(within: Limits.supportCheck)
            } catch { failure = CommandFailure(error) }
            await store.close()
        } catch { failure = CommandFailure(error) }
        return jsonObject { writer in
            writer.key("header")
            writer.object { header?.write(to: &$0) }
            if let failure {
                writer.key("not_read")
                writer.raw(failure.json)
            }
            if let room {
                writer.member("size", room.database)
                writer.member("write_ahead_log", room.writeAheadLog)
                if let free = room.free { writer.member("free", free) }
            }
            if let facts { facts.write(to: &writer) }
        }
    }

    // MARK: Names

    /// What stands for each name, the same wherever it is met.
    ///
    /// - Parameter status: what the daemon says; it may run by another text than the file's, and knows names that are
    ///   wrong there.
    private static func substitutes(_ config: Config?, _ status: JSON?) -> [String: String] {
        var names: [String: String] = [:]
        if let home = getenv("HOME").map({ String(cString: $0) }), home.count > 1 { names[home] = "(home)" }
        var hosts = config?.hosts ?? []
        var peers = config?.peers.map { (name: $0.name, host: $0.endpoint?.host.text) } ?? []
        for peer in status?["peers"]?.array ?? [] {
            guard let name = peer["name"]?.string else { continue }
            peers.append((name, peer["endpoint"]?.string.flatMap { try? Endpoint($0) }?.host.text))
        }
        var known = 0
        for peer in peers {
            if names[peer.name] == nil {
                known += 1
                names[peer.name] = "peer-\(known)"
            }
            if let host = peer.host { hosts.append(host) }
        }
        for name in [config?.name, status?["node"]?["name"]?.string].compactMap({ $0 }) { names[name] = "this-node" }
        if let config {
            hosts += [config.listen, config.tls.listen, config.monitor.listen, config.page.listen].compactMap { $0?.address }
        }
        for listen in [status?["node"]?["listen"]?.string, status?["tls"]?["listen"]?.string].compactMap({ $0 }) {
            if let address = try? ListenAddress(listen) { hosts.append(address.address) }
        }
        let own: Set = ["127.0.0.1", "::1", "localhost", "0.0.0.0", "::"]
        for host in hosts where !own.contains(host) && names[host] == nil { names[host] = "host-\(names.count)" }
        return names
    }
}

extension DatabaseFacts {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.member("sqlite", sqliteVersion)
        writer.member("schema", schema)
        writer.member("journal_mode", journalMode)
        writer.member("page_size", pageSize)
        writer.member("pages", pages)
        writer.member("unused_pages", unusedPages)
        let stopped = quickCheckStopped.map { "not finished in \($0.components.seconds) s" }
        writer.member("quick_check", stopped ?? quickCheck)
        writer.key("rows")
        writer.object { for (table, count) in rows.sorted(by: { $0.key < $1.key }) { $0.member(table, count) } }
    }
}

/// The first bytes of a database file, which can be read also where SQLite refuses the file.
private struct DatabaseHeader {
    private var bytes = [UInt8](repeating: 0, count: 100)

    init?(path: String) {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        guard pread(file, &bytes, bytes.count, 0) == bytes.count else { return nil }
    }

    private func number(at place: Int) -> UInt32 { bytes[place..<place + 4].reduce(0) { $0 << 8 | UInt32($1) } }

    func write(to writer: inout JSONWriter) {
        writer.member("is_sqlite", bytes.starts(with: Array("SQLite format 3\0".utf8)))
        writer.member("pages", number(at: 28))
        writer.member("schema", number(at: 60))
        writer.member("application", String(number(at: 68), radix: 16))
        writer.member("written_by", number(at: 96))
    }
}
