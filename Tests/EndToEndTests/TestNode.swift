import FederationCore
import Glibc
import HostileKit
import Synchronization

/// What a command printed, and how it ended.
struct CommandResult: Sendable {
    var status: Int32
    var out: String
    var err: String

    /// The facts of a `--json` command; an empty text has none.
    var json: JSON { get throws { try JSON(Array(out.utf8)) } }

    /// Standard output without the newline at its end.
    var line: String { out.hasSuffix("\n") ? String(out.dropLast()) : out }
}

/// The program itself, which stands beside the tests.
enum Program {
    static let path: String = {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
        let own = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        return own.prefix(upTo: own.lastIndex(of: "/") ?? own.endIndex) + "/federation"
    }()

    private static let runs = Atomic(0)

    /// The program of the release before this one, where `.ci/previous-version` has made it.
    static let previous: String? = {
        let path = root + "/.build/previous/federation"
        return access(path, X_OK) == 0 ? path : nil
    }()

    /// The version of that release.
    static let previousVersion =
        TestFile.text(root + "/.ci/previous-commit").split { $0 == " " || $0 == "\n" }.last ?? ""

    private static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        .joined(separator: "/")

    /// Runs one command to its end.
    static func run(
        _ arguments: [String], input: String? = nil, in scratch: ScratchDirectory, program: String = Program.path,
        environment: [String: String] = [:]
    ) async throws -> CommandResult {
        let run = scratch.file("run-\(runs.add(1, ordering: .relaxed).newValue)")
        if let input { TestFile.write(input, to: run + ".in") }
        let process = try ChildProcess(
            program, arguments, input: input == nil ? "/dev/null" : run + ".in", output: run + ".out", error: run + ".err",
            environment: environment)
        let ending = try await process.end()
        defer { for end in [".in", ".out", ".err"] { unlink(run + end) } }
        guard case .exited(let status) = ending else { throw Unfulfilled("\(arguments) ended with \(ending)") }
        let result = CommandResult(status: status, out: TestFile.text(run + ".out"), err: TestFile.text(run + ".err"))
        if program == Program.path { SchemaCheck.hold(arguments, to: result.out) }
        return result
    }
}

/// One node in a directory of its own: its files, its daemon, and the commands that a person gives it.
final class TestNode: Sendable {
    let name: String
    let port: UInt16
    let scratch: ScratchDirectory
    /// What runs it.
    let program: String
    private let daemon = Mutex<ChildProcess?>(nil)

    var directory: String { scratch.file(name) }
    var configPath: String { directory + "/federation.yaml" }
    var logPath: String { directory + "/log" }
    var endpoint: String { "http://127.0.0.1:\(port)" }
    var log: String { TestFile.text(logPath) }

    /// A node that was made before.
    init(name: String, scratch: ScratchDirectory, port: UInt16, program: String) {
        self.name = name
        self.scratch = scratch
        self.port = port
        self.program = program
    }

    /// Makes the node with `init`. It polls ten times a second unless told otherwise.
    init(
        _ name: String, in scratch: ScratchDirectory, interval: String = "100ms", port: UInt16 = TestPort.free(),
        program: String = Program.path
    ) async throws {
        self.name = name
        self.program = program
        self.scratch = scratch
        self.port = port
        let made = try await Program.run(
            ["init", directory, "--name", name, "--listen", "127.0.0.1:\(port)", "--interval", interval], in: scratch,
            program: program)
        guard made.status == 0 else { throw Unfulfilled("init: \(made.err)") }
    }

    /// Writes the peers, each as the lines of its entry after `name:`.
    func setPeers(_ peers: [(name: String, lines: [String])]) {
        let text = TestFile.text(configPath)
        let head = text.prefix(upTo: text.firstRange(of: "\npeers:").map(\.lowerBound) ?? text.endIndex)
        var entries = peers.isEmpty ? "\npeers: []\n" : "\npeers:\n"
        for peer in peers {
            entries += "  - name: \(peer.name)\n" + peer.lines.map { "    \($0)\n" }.joined()
        }
        TestFile.write(head + entries, to: configPath)
    }

    /// Writes a key of the node itself.
    func set(_ key: String, _ value: String) {
        TestFile.write("\(key): \(value)\n" + TestFile.text(configPath), to: configPath)
    }

    func setPeer(_ name: String, _ endpoint: String, _ lines: String...) {
        setPeers([(name, ["endpoint: \(endpoint)"] + lines)])
    }

    // MARK: Commands

    func run(_ arguments: String..., input: String? = nil) async throws -> CommandResult {
        try await Program.run(arguments + ["--config", configPath], input: input, in: scratch, program: program)
    }

    /// The facts of a command that succeeds.
    func facts(_ arguments: String...) async throws -> JSON {
        let result = try await Program.run(arguments + ["--json", "--config", configPath], in: scratch, program: program)
        guard result.status == 0 else { throw Unfulfilled("\(arguments) on \(name): \(result.err)") }
        return try result.json
    }

    /// Puts a text and gives the record's id.
    @discardableResult
    func put(_ text: String, _ options: String...) async throws -> String {
        let result = try await Program.run(
            ["put", "-"] + options + ["--config", configPath], input: text, in: scratch, program: program)
        guard result.status == 0 else { throw Unfulfilled("put on \(name): \(result.err)") }
        return result.line
    }

    func status() async throws -> JSON { try await facts("status") }

    func peerStatus(_ peer: String) async throws -> JSON? {
        try await status()["peers"]?.array?.first { $0["name"]?.string == peer }
    }

    /// The records as `--json` prints them: equal texts are equal states.
    func records() async throws -> String { String(decoding: try await facts("records", "--all").raw, as: UTF8.self) }

    /// The log as a set: each event's id and digest, in order of id.
    func events() async throws -> [String] {
        let events = try await facts("events", "--limit", "100000")["events"]?.array ?? []
        return events.map { "\($0["id"]?.string ?? "") \($0["digest"]?.string ?? "")" }.sorted()
    }

    // MARK: The daemon

    /// Starts the daemon and waits until commands reach it.
    func start(_ arguments: String..., environment: [String: String] = [:]) async throws {
        let before = log.ranges(of: " running ").count
        let process = try ChildProcess(
            program, ["run", "--config", configPath] + arguments, output: logPath, error: logPath, environment: environment)
        daemon.withLock { $0 = process }
        try await eventually("\(name) runs; its log:\n\(log)") {
            if let ending = process.poll() { throw Unfulfilled("\(name) ended with \(ending); its log:\n\(log)") }
            return (log.ranges(of: " running ").count > before).orNil
        }
    }

    /// Sends a signal to the daemon and waits for its end.
    @discardableResult
    func stop(_ signal: Int32 = SIGTERM) async throws -> ChildProcess.Ending {
        guard let process = daemon.withLock({ $0.take() }) else { throw Unfulfilled("\(name) does not run") }
        process.signal(signal)
        return try await process.end()
    }

    var pid: pid_t? { daemon.withLock { $0?.pid } }

    var isRunning: Bool { daemon.withLock { $0?.poll() == nil && $0 != nil } }
}

extension JSON {
    /// A value inside: names of members and indices of arrays.
    func at(_ path: String...) -> JSON? {
        var value: JSON? = self
        for key in path {
            if let index = Int(key), let array = value?.array {
                value = array.indices.contains(index) ? array[index] : nil
            } else {
                value = value?[key]
            }
        }
        return value
    }
}
