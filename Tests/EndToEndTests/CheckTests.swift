import FederationCore
import Testing

/// What `check` says of a configuration: every problem with its place, in one run.
@Suite(.serialized) struct CheckTests {
    private static let cases: [(text: String, lines: [String])] = [
        ("name: c\n\tdata: data\n", [":2:1: tab; use spaces (only comments may hold tabs)"]),
        (
            "name: &a c\ndata: *a\n",
            [":1:7: name: anchors are not supported", ":2:7: data: aliases are not supported; write the value out"]
        ),
        (
            "name: c\nname: d\nintervall: 3s\n",
            [":2:1: duplicate key 'name', first at 1:1", ":3:1: unknown key 'intervall', did you mean 'interval'?"]
        ),
        ("name: c\ninterval: 0\n", [":2:11: interval: must be from 10ms to 24h"]),
        ("name: c\ninterval: -5s\n", [":2:11: interval: must be from 10ms to 24h"]),
        ("name: c\ninterval: 999999h\n", [":2:11: interval: must be from 10ms to 24h"]),
        (
            "name: c\npeers:\n  - name: c\n    endpoint: http://x:99999\n    mode: push\n    timeout: 1h\n",
            [
                ":3:11: peers[0].name: 'c' is this node's own name",
                ":4:15: peers[0].endpoint: 'http://x:99999': the port must be from 1 to 65535",
                ":5:11: peers[0].mode: expected sync, publish, subscribe or paused, not 'push'",
                ":6:14: peers[0].timeout: must be from 1s to 10m",
            ]
        ),
        (
            "name: \"\\e[31mred\\nfake\"\n",
            [
                #":1:7: name: '\u{1B}[31mred\nfake' is not a name: at most 64 letters, digits, '.', '_' and '-', "#
                    + "beginning with a letter or a digit"
            ]
        ),
    ]

    @Test(arguments: cases.indices)
    func everyProblemIsNamedWithItsPlace(index: Int) async throws {
        let (text, lines) = CheckTests.cases[index]
        let scratch = ScratchDirectory()
        let path = scratch.file("federation.yaml")
        TestFile.write(text, to: path)
        let result = try await Program.run(["check", "--config", path], in: scratch)
        #expect(result.status == 3)
        let expected = lines.map { path + $0 } + ["\(path): \(lines.count) problem\(lines.count == 1 ? "" : "s")"]
        #expect(result.err.split(separator: "\n").map(String.init) == expected)
        let json = try await Program.run(["check", "--json", "--config", path], in: scratch)
        #expect(json.status == 3)
        #expect(try json.json["problems"]?.array?.compactMap(\.string) == lines.map { path + $0 })
        // Every other command says the same and does nothing.
        let other = try await Program.run(["put", "-", "--config", path], input: "# No\n", in: scratch)
        #expect(other.status == 3)
        #expect(other.err.hasPrefix(lines.map { path + $0 + "\n" }.joined() + "federation: error: "))
    }

    @Test func aDirectoryAMissingFileAndAnEndlessOneAreNoConfigurations() async throws {
        let scratch = ScratchDirectory()
        func check(_ path: String) async throws -> String {
            let result = try await Program.run(["check", "--config", path], in: scratch)
            #expect(result.status == 3)
            return String(result.err.split(separator: "\n").first ?? "")
        }
        #expect(try await check(scratch.path).hasSuffix(": is a directory, not a configuration file"))
        #expect(try await check(scratch.file("none")).hasSuffix(": no such file; 'federation init' makes one"))
        #expect(try await check("/dev/zero").hasSuffix(": is not a regular file"))
        let long = scratch.file("long")
        TestFile.write("# " + String(repeating: "x", count: Limits.configBytes), to: long)
        #expect(try await check(long).hasSuffix(": longer than 1048576 bytes"))
    }

    @Test func whatIsWrongWithTheNodeItselfIsNamedToo() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        #expect(try await node.run("check").status == 0)
        let key = try #require(TestFile.names(in: node.directory + "/data").first { $0.hasSuffix(".key") })
        let path = node.directory + "/data/" + key
        let bytes = TestFile.bytes(path)
        let open = try ChildProcess("/bin/chmod", ["644", path], output: "/dev/null", error: "/dev/null")
        #expect(try await open.end() == .exited(0))
        let wide = try await node.run("check")
        #expect(wide.status == 5)
        #expect(wide.err.contains("\(path): others may use it (mode 644)"))
        #expect(try await node.run("run").status == 5)
        let shut = try ChildProcess("/bin/chmod", ["600", path], output: "/dev/null", error: "/dev/null")
        #expect(try await shut.end() == .exited(0))
        TestFile.write("not a key\n", to: path)
        #expect(try await node.run("check").status == 5)
        TestFile.write(bytes, to: path)
        #expect(try await node.run("check").status == 0)

        let database = node.directory + "/data/federation.db"
        var damaged = TestFile.bytes(database)
        for index in damaged.indices.dropFirst(4096 + 100).prefix(20_000) { damaged[index] ^= 0xFF }
        TestFile.write(damaged, to: database)
        let deep = try await node.run("check", "--deep")
        #expect(deep.status == 3, "\(deep.err)")
        TestFile.write("not a database at all, but long enough to be looked at", to: database)
        #expect(try await node.run("check").status == 3)
    }
}
