import Glibc
import HostileKit
import Testing

/// What tests put in the place of peers disturbs no other test.
@Suite struct StandInTests {
    /// A descriptor's number is another's as soon as it is closed.
    @Test func oneThatWasStoppedAndGoesStopsNobodyElse() async throws {
        for _ in 0..<5 {
            var first: ScriptedServer? = ScriptedServer { _ in }
            let port = try #require(first?.port)
            first?.stop()
            try await eventually("nobody listens there any more") { ((try? RawSocket(connectingTo: port)) == nil).orNil }
            let others = (0..<20).map { _ in ScriptedServer { _ in } }
            first = nil
            for other in others { #expect((try? RawSocket(connectingTo: other.port)) != nil) }
        }
    }

    /// Nor what is open at the moment and not marked yet: it would hold another test's connection open.
    @Test func aProgramHasNothingOfWhatIsOpenHere() async throws {
        let scratch = ScratchDirectory()
        let open = fcntl(STDIN_FILENO, F_DUPFD, 150)
        defer { close(open) }
        #expect(open >= 150)
        func descriptors(_ inherits: [Int32]) async throws -> String {
            let output = scratch.file("descriptors-\(inherits.count)")
            let child = try ChildProcess(
                "/bin/sh", ["-c", "for each in 0 1 2 3 4 5 6 7 8 9 \(open); do [ ! -e /proc/$$/fd/$each ] || echo $each; done"],
                output: output, error: output, inherits: inherits)
            #expect(try await child.end() == .exited(0))
            return TestFile.text(output)
        }
        #expect(try await descriptors([]) == "0\n1\n2\n")
        #expect(try await descriptors([open]) == "0\n1\n2\n3\n")
    }

    @Test func noPortIsGivenTwice() {
        let ports = (0..<250).map { _ in TestPort.free() }
        #expect(Set(ports).count == ports.count)
    }
}
