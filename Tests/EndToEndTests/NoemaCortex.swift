import FederationCore
import FederationCrypto
import FederationTestKit
import Glibc

/// A Noema cortex on disk as its specification lays it out (section 1): `cortex.md`, traces in three directories, and
/// the event log in `db/noema.db`, made by Python's SQLite so that nothing of ours has a hand in it.
struct NoemaCortex {
    let root: String
    let scratch: ScratchDirectory
    let id: String
    let name: String

    /// One row of the table `events`, each column a text or NULL.
    struct Row {
        var id: String
        var action: String
        var subject: String
        var origin: String
        var originName: String
        var timestamp: String
        var data: String
        var clock: String
        var signature: String?
        var publicKey: String?

        /// The row that a stand-in's event has in its own database.
        init(_ event: NoemaEvent) {
            id = event.id
            action = event.action
            subject = event.traceID
            origin = event.cortexID
            originName = event.origin
            timestamp = event.timestamp
            data = String(decoding: event.data, as: UTF8.self)
            clock = event.clock.isEmpty ? "{}" : String(decoding: event.clock.json, as: UTF8.self)
            signature = event.signature.isEmpty ? nil : event.signature
            publicKey = event.publicKey.isEmpty ? nil : event.publicKey
        }

        init(id: String, action: String, subject: String, origin: String, data: String) {
            self.id = id
            self.action = action
            self.subject = subject
            self.origin = origin
            originName = "alpha"
            timestamp = "2026-04-05T12:00:00Z"
            self.data = data
            clock = "{}"
        }

        var json: [UInt8] {
            var writer = JSONWriter()
            writer.array { writer in
                for text in [id, action, subject, origin, originName, timestamp, data, clock] { writer.string(text) }
                for text in [signature, publicKey] { if let text { writer.string(text) } else { writer.null() } }
            }
            return writer.bytes
        }
    }

    /// Which process holds the database, and how it was left.
    enum Use: String {
        /// Closed as it should be.
        case closed
        /// Its write-ahead log was not folded in: the process that used it was killed.
        case crashed
        /// A database from before events were signed, without a write-ahead log.
        case unsigned
    }

    init(
        in scratch: ScratchDirectory, name: String = "alpha", id: String, rows: [Row], use: Use = .closed,
        peers: [(name: String, endpoint: String)] = []
    ) async throws {
        root = scratch.file("cortex-\(name)")
        self.scratch = scratch
        self.id = id
        self.name = name
        for folder in ["", "/db", "/traces", "/archive", "/archive/traces", "/trash", "/trash/traces"] {
            mkdir(root + folder, 0o700)
        }
        var manifest = "---\nid: \(id)\nname: \(name)\nversion: 2\npurpose: tests\nowner: nobody\nfederation:\n  mode: sync\n"
        manifest += "  interval: 30s\n  peers:\n"
        for peer in peers { manifest += "    - name: \(peer.name)\n      endpoint: \(peer.endpoint)\n      ca: /etc/noema/ca.pem\n" }
        TestFile.write(manifest + "---\n\n# \(name)\n", to: root + "/cortex.md")
        try await write(rows, use)
    }

    /// Adds rows as the cortex itself would.
    func write(_ rows: [Row], _ use: Use = .closed) async throws {
        let input = scratch.file("rows.json")
        var writer = JSONWriter()
        writer.array { for row in rows { $0.raw(row.json) } }
        TestFile.write(String(decoding: writer.bytes, as: UTF8.self), to: input)
        let script = scratch.file("cortex.py")
        TestFile.write(NoemaCortex.script, to: script)
        let log = scratch.file("cortex.log")
        let process = try ChildProcess(
            "/usr/bin/python3", [script, root + "/db/noema.db", use.rawValue], input: input, output: log, error: log)
        guard try await process.end() == .exited(0) else { throw Unfulfilled("the cortex: \(TestFile.text(log))") }
    }

    private static let script = """
        import json, os, sqlite3, sys
        path, use = sys.argv[1:]
        db = sqlite3.connect(path)
        signed = use != "unsigned"
        db.execute("PRAGMA journal_mode=" + ("WAL" if signed else "DELETE"))
        more = ", signature TEXT, pubkey TEXT" if signed else ""
        db.executescript('''
            CREATE TABLE IF NOT EXISTS events(id TEXT PRIMARY KEY, action TEXT, trace_id TEXT, cortex_id TEXT,
                origin TEXT, timestamp TEXT, data TEXT DEFAULT '{}', vclock TEXT DEFAULT '{}' %s);
            CREATE INDEX IF NOT EXISTS events_trace ON events(trace_id);
            CREATE INDEX IF NOT EXISTS events_time ON events(timestamp);
            CREATE TABLE IF NOT EXISTS federation_state(key TEXT PRIMARY KEY, value TEXT);
        ''' % more)
        rows = json.load(sys.stdin)
        marks = ",".join("?" * (10 if signed else 8))
        db.executemany("INSERT INTO events VALUES(" + marks + ")", [r[:10 if signed else 8] for r in rows])
        db.commit()
        if use == "crashed": os._exit(0)
        db.close()
        """

    /// Writes a trace file, as Noema does.
    func trace(
        _ id: String, in folder: String = "traces", title: String, body: String, updated: String = "2026-04-05T12:00:00Z",
        more: String = ""
    ) {
        TestFile.write(
            """
            ---
            id: \(id)
            title: \(title)
            type: note
            origin: \(name)
            created: 2026-04-05T12:00:00Z
            updated: \(updated)
            \(more)---

            \(body)
            """, to: "\(root)/\(folder)/\(id).md")
    }

    /// All files with their bytes, to see that none has changed.
    func files() -> [String: String] {
        var files: [String: String] = [:]
        for folder in ["", "db", "traces", "archive/traces", "trash/traces"] {
            for name in TestFile.names(in: "\(root)/\(folder)") {
                files["\(folder)/\(name)"] = sha256(TestFile.bytes("\(root)/\(folder)/\(name)")).hex
            }
        }
        return files
    }
}
