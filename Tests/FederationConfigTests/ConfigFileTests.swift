import FederationCore
import Foundation
import Testing

@testable import FederationConfig

@Suite struct ConfigFileTests {
    private let directory = FileManager.default.temporaryDirectory.appending(path: "config-\(UUID().uuidString)")

    private func load(_ path: String) -> ConfigFailure? {
        do throws(ConfigFailure) {
            _ = try ConfigFile.load(path)
            return nil
        } catch {
            return error
        }
    }

    private func inDirectory(_ body: (URL) throws -> Void) throws {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try body(directory)
    }

    @Test func aFileIsReadAndItsDataDirectoryStandsBesideIt() throws {
        try inDirectory { directory in
            let path = directory.appending(path: "federation.yaml").path
            try Data("name: alpha\n".utf8).write(to: URL(filePath: path))
            let file = try ConfigFile.load(path)
            #expect(file.config.name == "alpha")
            #expect(file.bytes == Array("name: alpha\n".utf8))
            #expect(file.dataDirectory == directory.path + "/data")
        }
    }

    @Test func theDataDirectoryOfAnAbsolutePathIsThatPath() throws {
        let decoded = try decoded("name: a\ndata: /var/lib/x\n")
        #expect(ConfigFile(path: "etc/federation.yaml", bytes: [], decoded: decoded).dataDirectory == "/var/lib/x")
        let relative = try FederationConfigTests.decoded("name: a\ndata: ../x\n")
        #expect(ConfigFile(path: "etc/federation.yaml", bytes: [], decoded: relative).dataDirectory == "etc/../x")
        #expect(ConfigFile(path: "federation.yaml", bytes: [], decoded: relative).dataDirectory == "../x")
        #expect(ConfigFile(path: "/federation.yaml", bytes: [], decoded: relative).dataDirectory == "/../x")
    }

    @Test func whatIsNoFileSaysSo() throws {
        try inDirectory { directory in
            #expect(load(directory.path) == .isDirectory)
            #expect(load(directory.path + "/") == .isDirectory)
            #expect(load(directory.path + "/none.yaml") == .notFound)
            #expect(load("") == .notFound)
            #expect(load(directory.path + "/\0") == .notFound)
            #expect(load("/dev/null") == .notAFile)
            #expect(load("/dev/zero") == .notAFile)
            let pipe = directory.path + "/pipe"
            #expect(mkfifo(pipe, 0o600) == 0)
            #expect(load(pipe) == .notAFile)
            let loop = directory.path + "/loop"
            #expect(symlink(loop, loop) == 0)
            #expect(load(loop) == .unreadable(ELOOP))
        }
    }

    @Test func aFileIsReadNoFurtherThanItsLimit() throws {
        try inDirectory { directory in
            let path = directory.appending(path: "f.yaml").path
            var bytes = Array("name: alpha\n#".utf8)
            bytes += [UInt8](repeating: 0x78, count: Limits.configBytes - bytes.count)
            try Data(bytes).write(to: URL(filePath: path))
            #expect(load(path) == nil)
            try Data(bytes + [0x78]).write(to: URL(filePath: path))
            #expect(load(path) == .tooLong(limit: Limits.configBytes))
        }
    }

    @Test func aFileThatMayNotBeReadSaysSo() throws {
        // Nothing is forbidden to root.
        guard getuid() != 0 else { return }
        try inDirectory { directory in
            let path = directory.appending(path: "f.yaml").path
            try Data("name: a\n".utf8).write(to: URL(filePath: path))
            #expect(chmod(path, 0) == 0)
            #expect(load(path) == .notPermitted)
        }
    }

    @Test func theLinesOfAFailureBeginWithTheEscapedNameOfTheFile() throws {
        #expect(ConfigFailure.isDirectory.lines(in: "a\nb") == ["a\\nb: is a directory, not a configuration file"])
        let problems = ConfigProblems(problems: problems("name: a\nx: 1\nmode: \n"))
        let lines = ConfigFailure.problems(problems).lines(in: "f.yaml")
        #expect(lines.map { $0.prefix(11) } == ["f.yaml:2:1:", "f.yaml:3:6:"])
    }
}
