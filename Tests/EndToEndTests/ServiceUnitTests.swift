import FederationCore
import Glibc
import Testing

@testable import FederationCLI

/// The units that `service print` prints, as systemd itself reads them.
@Suite struct ServiceUnitTests {
    private let scratch = ScratchDirectory()

    private func analyze(_ arguments: String...) async throws -> CommandResult {
        // A user's units are looked at by a manager that has a directory for what runs.
        try await Program.run(
            arguments, in: scratch, program: "/usr/bin/systemd-analyze", environment: ["XDG_RUNTIME_DIR": scratch.path])
    }

    private func write(_ text: String, as name: String) -> String {
        let path = scratch.file(name)
        TestFile.write(text, to: path)
        return path
    }

    @Test func systemdFindsNothingWrongWithTheUnitAndItsExposureIsLow() async throws {
        let node = try await TestNode("alpha", in: scratch)
        let printed = try await node.run("service", "print")
        #expect(printed.status == 0 && printed.err.isEmpty)
        for word in [
            "Type=notify", "ExecStart=\(Program.path) run --config \(node.configPath)", "WatchdogSec=3min",
            "ExecReload=\(Program.path) reload --config \(node.configPath)",
            "ReadWritePaths=\(node.directory)/data",
        ] { #expect(printed.out.contains("\n\(word)\n"), "\(word):\n\(printed.out)") }
        let unit = write(printed.out, as: "federation.service")
        let verified = try await analyze("verify", "--man=no", unit)
        #expect(verified.status == 0 && verified.err.isEmpty, "\(verified)")
        let security = try await analyze("security", "--offline=true", "--threshold=20", unit)
        #expect(security.status == 0, "\(security.out)")
    }

    @Test func theUnitOfThePackageHasItsDirectoriesFromSystemd() async throws {
        let unit = ServiceUnit(
            program: Program.path, config: "/etc/federation/federation.yaml", data: "/var/lib/federation",
            manager: .system(user: "daemon"))
        for line in ["User=daemon", "StateDirectory=federation", "StateDirectoryMode=0700", "ConfigurationDirectory=federation", "ProtectHome=yes", "ProtectSystem=strict"] {
            #expect(unit.service.contains("\n\(line)\n"))
        }
        #expect(!unit.service.contains("ReadWritePaths"))
        let path = write(unit.service, as: "federation.service")
        let verified = try await analyze("verify", "--man=no", path)
        #expect(verified.status == 0 && verified.err.isEmpty, "\(verified)")
        let security = try await analyze("security", "--offline=true", "--threshold=20", path)
        #expect(security.status == 0, "\(security.out)")
    }

    @Test func theUnitOfAUserIsUnderstoodToo() async throws {
        let printed = try await Program.run(["service", "print", "--user"], in: scratch).out
        #expect(printed.contains("\nExecStart=\(Program.path) run --config %E/federation/federation.yaml\n"))
        let unit = ServiceUnit(
            program: Program.path, config: nil, data: "/home/a/.local/state/federation", manager: .user)
        #expect(printed == unit.service + "\n")
        #expect(!unit.service.contains("User=") && unit.service.hasSuffix("WantedBy=default.target"))
        let verified = try await analyze("verify", "--user", "--man=no", write(unit.service, as: "federation.service"))
        #expect(verified.status == 0 && verified.err.isEmpty, "\(verified)")
    }

    @Test func theUnitsOfListenersFitTheService() async throws {
        let node = try await TestNode("alpha", in: scratch)
        node.set("monitor", "{listen: '127.0.0.1:9469'}")
        node.set("page", "{listen: '127.0.0.1:9470'}")
        _ = write(try await node.run("service", "print").out, as: "federation.service")
        var paths = [scratch.file("federation.service")]
        for name in ["peers", "monitor", "page"] {
            let printed = try await node.run("service", "print", "--socket", name)
            #expect(printed.out.contains("\nFileDescriptorName=\(name)\nService=federation.service\n"))
            paths.append(write(printed.out, as: "federation-\(name).socket"))
        }
        #expect(TestFile.text(paths[1]).contains("\nListenStream=127.0.0.1:\(node.port)\n"))
        let verified = try await Program.run(["verify", "--man=no"] + paths, in: scratch, program: "/usr/bin/systemd-analyze")
        #expect(verified.status == 0 && verified.err.isEmpty, "\(verified)")
        for (name, words) in [("tls", "does not listen for tls"), ("web", "no listener 'web'")] {
            let refused = try await node.run("service", "print", "--socket", name)
            #expect(refused.status == 2 && refused.err.contains(words), "\(refused)")
        }
    }

    /// `systemd-analyze` says what it made of a line by what it finds missing.
    @Test func pathsThatSystemdWouldReadOtherwiseAreWrittenSoThatItDoesNot() async throws {
        let program = scratch.file("a b%n$HOME")
        symlink("/bin/true", program)
        let directory = scratch.file("a b%n$HOME\"c\\d")
        var unit = ServiceUnit(
            program: program, config: directory + "/federation.yaml", data: directory + "/data", manager: .system(user: "daemon"))
        #expect(unit.canBeTold)
        let verified = try await analyze("verify", "--man=no", write(unit.service, as: "federation.service"))
        #expect(verified.status == 0 && verified.err.isEmpty, "\(verified)")
        for path in ["/a\nExecStartPre=/bin/false", "/a\"b", "/a'b", "/a\\b"] {
            unit.program = path
            #expect(!unit.canBeTold)
        }
        unit.program = program
        unit.data = "/a\u{7F}"
        #expect(!unit.canBeTold)
    }
}
