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

    @Test func noPortIsGivenTwice() {
        let ports = (0..<250).map { _ in TestPort.free() }
        #expect(Set(ports).count == ports.count)
    }
}
