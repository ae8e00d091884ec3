import FederationCore
import Glibc
import Testing

/// Where a node's files are when nobody names them.
@Suite struct PlaceTests {
    private func run(_ arguments: String..., in scratch: ScratchDirectory, _ environment: [String: String]) async throws -> CommandResult {
        try await run(arguments, in: scratch, environment)
    }

    private func run(
        _ arguments: [String], in scratch: ScratchDirectory, _ environment: [String: String] = [:]
    ) async throws -> CommandResult {
        // In a directory without a configuration: the tests' own is any.
        try await Program.run(
            ["-c", "cd \"$0\" && exec \"$@\"", scratch.path, Program.path] + arguments, in: scratch, program: "/bin/sh",
            environment: environment)
    }

    @Test func aUsersNodeIsWhereXDGHasItAndIsFoundThere() async throws {
        let scratch = ScratchDirectory()
        let home = scratch.file("home")
        let environment = ["HOME": home, "XDG_CONFIG_HOME": "", "XDG_STATE_HOME": "relative/passed/over"]
        let missing = try await run("status", in: scratch, environment)
        #expect(missing.status == 3 && missing.err.contains("federation.yaml: no such file"), "\(missing)")
        let made = try await run("init", "--user", "--name", "alpha", in: scratch, environment)
        #expect(made.status == 0, "\(made)")
        #expect(TestFile.text(home + "/.config/federation/federation.yaml").contains("\ndata: \(home)/.local/state/federation\n"))
        #expect(TestFile.exists(home + "/.local/state/federation/federation.db"))
        let put = try await Program.run(
            ["-c", "cd \"$0\" && exec \"$@\"", scratch.path, Program.path, "put", "-"], input: "# Mine\n", in: scratch,
            program: "/bin/sh", environment: environment)
        #expect(put.status == 0, "\(put)")
        #expect(try await run("records", in: scratch, environment).out.contains("Mine"))
        // What stands in the working directory comes first.
        #expect(try await run("init", ".", "--name", "beta", in: scratch, environment).status == 0)
        #expect(try await !run("records", in: scratch, environment).out.contains("Mine"))
        let twice = try await run("init", "elsewhere", "--user", in: scratch, environment)
        #expect(twice.status == 2, "\(twice)")
    }

    @Test func theDirectoriesOfTheXDGVariablesAndOfSystemdCount() async throws {
        let scratch = ScratchDirectory()
        let environment = ["HOME": "/nonexistent", "XDG_CONFIG_HOME": scratch.file("c"), "XDG_STATE_HOME": scratch.file("s") + "/"]
        #expect(try await run("init", "--user", "--name", "alpha", in: scratch, environment).status == 0)
        #expect(TestFile.exists(scratch.file("s") + "/federation/federation.db"))
        let other = try await TestNode("gamma", in: scratch)
        let configured = environment.merging(["CONFIGURATION_DIRECTORY": other.directory]) { $1 }
        let shown = try await run("identity", "show", "--json", in: scratch, configured)
        #expect(try shown.json["name"]?.string == "gamma", "\(shown)")
    }

    /// Somebody else's node is not offered to be made once more.
    @Test func whatMayNotBeLookedAtIsNotTakenForMissing() async throws {
        let scratch = ScratchDirectory()
        let home = scratch.file("home")
        let environment = ["HOME": home, "XDG_CONFIG_HOME": "", "XDG_STATE_HOME": ""]
        #expect(try await run("init", "--user", "--name", "alpha", in: scratch, environment).status == 0)
        // An administrator may look anywhere, unless that is taken away.
        let program = geteuid() == 0 ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search", Program.path] : [Program.path]
        for (directory, words) in [("/.local/state/federation", "Permission denied"), ("/.config/federation", "may not be read")] {
            #expect(chmod(home + directory, 0) == 0)
            let result = try await Program.run(
                ["-c", "cd \"$0\" && exec \"$@\"", scratch.path] + program + ["status"], in: scratch, program: "/bin/sh",
                environment: environment)
            #expect(chmod(home + directory, 0o700) == 0)
            #expect(result.status == 3 && result.err.contains(words) && !result.err.contains("init"), "\(result)")
        }
        // `sudo -u` leaves it in somebody else's directory: that is no place where its node might be.
        let closed = scratch.file("closed")
        #expect(mkdir(closed, 0o700) == 0)
        let result = try await Program.run(
            ["-c", "cd \"$0\" && chmod 0 . && exec \"$@\"", closed] + program + ["status"], in: scratch, program: "/bin/sh",
            environment: environment)
        #expect(chmod(closed, 0o700) == 0)
        #expect(result.status == 0, "\(result)")
    }

    @Test func theDataMayBeElsewhere() async throws {
        let scratch = ScratchDirectory()
        let made = try await run("init", "n", "--data", "../d/e", in: scratch, [:])
        #expect(made.status == 0, "\(made)")
        #expect(TestFile.exists(scratch.file("d/e/federation.db")))
        #expect(try await run("status", "--config", "n/federation.yaml", in: scratch, [:]).status == 0)
    }

    /// As a program that manages configurations leaves it: a file, and no database.
    @Test func theNodeOfAConfigurationThatIsThereIsMadeWhereItSays() async throws {
        let scratch = ScratchDirectory()
        let text = "# Mine.\nname: alpha\ndata: elsewhere/data\n"
        let file = scratch.file("federation.yaml")
        TestFile.write(text, to: file)
        let words = "init --config federation.yaml"
        for arguments in [["init"], ["init", ".", "--name", "alpha"], ["check"]] {
            let result = try await run(arguments, in: scratch)
            #expect(result.status != 0 && (result.err + result.out).contains(words), "\(arguments): \(result)")
        }
        #expect(try await run("status", in: scratch, [:]).err.contains("init --config"))
        #expect(try await run("init", "--config", "none.yaml", in: scratch, [:]).status == 3)
        #expect(try await run("init", "--config", "federation.yaml", "--name", "beta", in: scratch, [:]).status == 2)
        let plan = try await run("init", "--config", "federation.yaml", "--dry-run", "--json", in: scratch, [:])
        #expect(try plan.json["data"]?.string == "elsewhere/data" && plan.json["dry_run"]?.bool == true, "\(plan)")
        #expect(!TestFile.exists(scratch.file("elsewhere")))
        let made = try await run("init", "--config", "federation.yaml", "--json", in: scratch, [:])
        #expect(try made.json["data"]?.string == "elsewhere/data", "\(made)")
        #expect(TestFile.text(file) == text)
        let shown = try await run("identity", "show", "--json", in: scratch, [:])
        #expect(try shown.json["id"]?.string == made.json["id"]?.string && shown.json["name"]?.string == "alpha")
        #expect(try await run("check", in: scratch, [:]).status == 0)
        let again = try await run("init", "--config", "federation.yaml", in: scratch, [:])
        #expect(again.status == 1 && again.err.contains("exists already"), "\(again)")
        TestFile.write("name: gamma\nintervall: 5s\n", to: scratch.file("wrong.yaml"))
        #expect(try await run("init", "--config", "wrong.yaml", in: scratch, [:]).status == 3)
        #expect(!TestFile.exists(scratch.file("data")))
    }
}
