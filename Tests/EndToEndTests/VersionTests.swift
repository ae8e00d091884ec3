import FederationCore
import Glibc
import Testing

@testable import FederationStore

/// Databases of other versions of the program.
struct VersionTests {
    private static let fixture: String = {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")
        return root + "/Vectors/federation-0.1.0/"
    }()

    private func json(_ name: String) throws -> JSON { try JSON(TestFile.bytes(VersionTests.fixture + name)) }

    /// SQLite keeps `user_version` at a fixed place of the file's header.
    private func schema(of path: String) -> Int { TestFile.bytes(path)[60..<64].reduce(0) { $0 << 8 | Int($1) } }

    /// A node in which the files of the released program's stand.
    private func released() async throws -> TestNode {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        for name in ["federation.db", "signing.key"] {
            let bytes = TestFile.bytes(VersionTests.fixture + name)
            try #require(!bytes.isEmpty)
            TestFile.write(bytes, to: "\(node.directory)/data/\(name)")
            chmod("\(node.directory)/data/\(name)", 0o600)
        }
        for end in ["-wal", "-shm"] { unlink("\(node.directory)/data/federation.db\(end)") }
        return node
    }

    private func summary(_ records: JSON) -> [String] {
        (records["records"]?.array ?? []).map { record in
            let heads = (record["heads"]?.array ?? []).compactMap(\.string).joined(separator: " ")
            return ["id", "title", "type", "lifecycle", "created", "updated", "origin"]
                .map { record[$0]?.string ?? "-" }.joined(separator: " ")
                + " \(record["diverged"]?.bool ?? false) \(heads)"
        }
    }

    private func log(_ events: JSON) -> [String] {
        (events["events"]?.array ?? []).map { event in
            "\(event["seq"]?.integer ?? 0) \(event["id"]?.string ?? "") \(event["digest"]?.string ?? "")"
        }
    }

    /// Whatever is run first after an upgrade, also a command that only reads.
    @Test(arguments: ["records", "put", "run"])
    func aDatabaseOfTheReleasedProgramIsMigrated(_ first: String) async throws {
        let node = try await released()
        let path = node.directory + "/data/federation.db"
        #expect(schema(of: path) == 1)
        // The file is a copy of the one it was made in, and to be read only until a person says whose it is.
        switch first {
        case "records": #expect(try await node.run("records").status == 0)
        case "put": #expect(try await node.run("put", "-", input: "# Not yet\n").status == 5)
        default: #expect(try await node.run("run").status == 5)
        }
        #expect(schema(of: path) == Schema.version)
        #expect(summary(try await node.facts("records", "--all")) == summary(try json("records.json")))
        #expect(log(try await node.facts("events", "--limit", "1000")) == log(try json("events.json")))
        #expect(log(try json("events.json")).count == 8)
        #expect(try await node.run("identity", "new", "--yes").status == 0)
        try await node.put("# Written by this version\n")
        #expect(try await node.facts("records", "--all")["records"]?.array?.count == 4)
        #expect(try await node.run("check").status == 0)
    }

    @Test func aNewerDatabaseIsRefusedAndNotChangedByAByte() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        try await node.put("# Of a time to come\n")
        let path = node.directory + "/data/federation.db"
        var bytes = TestFile.bytes(path)
        bytes.replaceSubrange(60..<64, with: [0, 0, 0x03, 0xE8])
        TestFile.write(bytes, to: path)
        let commands: [[String]] = [
            ["status"], ["records"], ["events"], ["put", "-"], ["sync"], ["run"], ["identity", "show"],
            ["identity", "new", "--yes"], ["quarantine", "list"],
        ]
        for command in commands {
            let result = try await Program.run(
                command + ["--config", node.configPath], input: "# No\n", in: node.scratch)
            #expect(result.status == 1, "\(command)")
            #expect(result.err.contains("the database was written by a newer federation (schema 1000)"), "\(command)")
            #expect(result.err.contains("upgrade federation"), "\(command)")
            #expect(TestFile.bytes(path) == bytes, "\(command)")
            #expect(TestFile.bytes(path + "-wal").isEmpty, "\(command)")
        }
    }
}
