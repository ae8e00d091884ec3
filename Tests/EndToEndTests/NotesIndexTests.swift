import FederationCore
import Glibc
import Testing

/// The example program `examples/notes-index`, as a host of the library: its own node `alpha` beside a daemon `beta`.
@Suite(.serialized) struct NotesIndexTests {
    private let scratch = ScratchDirectory()
    private static let program = Program.path.replacing(/federation$/, with: "notes-index")

    private func start(_ node: TestNode) throws -> ChildProcess {
        try ChildProcess(
            NotesIndexTests.program, [node.configPath, node.directory + "/notes"], output: node.logPath, error: node.logPath)
    }

    /// The counts that the program prints, while it runs or not.
    private func counts(_ node: TestNode) async throws -> [String: Int] {
        let out = scratch.file("counts")
        unlink(out)
        let process = try ChildProcess(NotesIndexTests.program, [node.configPath], output: out, error: node.logPath)
        guard try await process.end() == .exited(0) else { throw Unfulfilled("no counts; the log:\n\(node.log)") }
        let lines = TestFile.text(out).split(separator: "\n").map { $0.split(separator: " ") }
        return Dictionary(uniqueKeysWithValues: lines.map { (String($0[0]), Int($0[1]) ?? -1) })
    }

    private func makeNodes() async throws -> (alpha: TestNode, beta: TestNode) {
        let alpha = try await TestNode("alpha", in: scratch)
        let beta = try await TestNode("beta", in: scratch)
        alpha.setPeer("beta", beta.endpoint)
        try await beta.start()
        return (alpha, beta)
    }

    @Test func eachEventIsCountedOnceHoweverOftenTheProgramIsKilled() async throws {
        let (alpha, beta) = try await makeNodes()
        var random = SystemRandomNumberGenerator()
        var written = 0
        for round in 1...6 {
            let program = try start(alpha)
            // The moment of the kill is meant to be any: while it starts, catches up, commits or rests.
            for _ in 1...4 {
                written += 1
                try await beta.put("# Note \(written)\n\ntea and more tea, note\(written)\n")
            }
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...400, using: &random)))
            program.signal(SIGKILL)
            #expect(try await program.end() == .killed(signal: SIGKILL))
            // A plain command takes events in without the program's replayer.
            if round.isMultiple(of: 2) { #expect(try await alpha.run("sync").status == 0) }
        }
        let program = try start(alpha)
        let expected = written
        try await eventually("\(expected) notes are counted; the log:\n\(alpha.log)") {
            (try await counts(alpha)["note\(expected)"] == 1).orNil
        }
        let found = try await counts(alpha)
        #expect(found["tea"] == 2 * written && found["note"] == written)
        for number in 1...written { #expect(found["note\(number)"] == 1, "note \(number)") }
        try await eventually("the folder is in step") {
            (TestFile.names(in: alpha.directory + "/notes").count { $0.hasSuffix(".md") } == expected).orNil
        }
        try await eventually("commands reach the program") { try await alpha.status()["running"]?.bool?.orNil }
        program.signal(SIGTERM)
        #expect(try await program.end() == .exited(0), "the log:\n\(alpha.log)")
    }

    @Test func commandsReachTheProgramAndItsFolderShowsWhatRecordsSay() async throws {
        let (alpha, beta) = try await makeNodes()
        let program = try start(alpha)
        let theirs = try await beta.put("# Theirs\n\nfirst\n")
        let file = alpha.directory + "/notes/\(theirs).md"
        try await eventually("their note is a file") { TestFile.text(file).contains("first").orNil }
        try await eventually("commands reach the program") { try await alpha.status()["running"]?.bool?.orNil }
        // An own write, through the program that holds the node: a file, and not counted.
        let own = try await alpha.put("# Own\n\nsecond\n")
        try await eventually("our note is a file") {
            TestFile.text(alpha.directory + "/notes/\(own).md").contains("second").orNil
        }
        try await beta.put("# Theirs\n\nthird\n", "--id", theirs)
        try await eventually("the file is renewed") { TestFile.text(file).contains("third").orNil }
        let found = try await counts(alpha)
        #expect(found["first"] == 1 && found["third"] == 1 && found["second"] == nil)
        program.signal(SIGTERM)
        #expect(try await program.end() == .exited(0), "the log:\n\(alpha.log)")
    }
}
