import Glibc
import Testing

@testable import Federation

@Suite struct AtomicFileTests {
    /// Also one of our own number: in a container each run has the same.
    @Test func whatAKilledProcessLeftIsNotInTheWay() throws {
        var template = Array("/tmp/federation-atomic-XXXXXX\0".utf8).map { CChar(bitPattern: $0) }
        try #require(mkdtemp(&template) != nil)
        let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { rmdir(directory) }
        let target = "\(directory)/federation.yaml"
        let leftovers = [getpid(), 2_147_483_646].map { "\(target).\($0).new" }
        let other = "\(target).1.new"
        for path in leftovers + [other] { close(open(path, O_WRONLY | O_CREAT, 0o600)) }
        try AtomicFile.write(Array("name: alpha\n".utf8), to: target, mode: 0o644)
        try AtomicFile.write(Array("name: beta\n".utf8), to: target, mode: 0o644)
        // Of a process that runs.
        #expect(DirectoryListing.names(in: directory).sorted() == ["federation.yaml", "federation.yaml.1.new"])
        for path in [target, other] { unlink(path) }
    }
}
