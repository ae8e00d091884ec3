import FederationCore
import Testing

/// A peer that was down when a node began is polled once it shows itself, not at the end of the back-off.
@Suite(.serialized) struct ContactTests {
    /// - Parameter lines: what beta's entry for alpha says beside the endpoint.
    private func meet(_ host: String, _ lines: [String], knows: Bool) async throws {
        let scratch = ScratchDirectory()
        let alpha = try await TestNode("alpha", in: scratch, interval: "60s")
        let beta = try await TestNode("beta", in: scratch, interval: "60s")
        alpha.setPeer("beta", beta.endpoint)
        let id = knows ? ["id: \(try await alpha.identity())"] : []
        beta.setPeers([("alpha", ["endpoint: http://\(host):\(alpha.port)"] + lines + id)])
        try await beta.start()
        try await eventually("beta has found nobody") {
            try await beta.peerStatus("alpha")?["last_error"]?["reason"]?.string == "network_refused" ? true : nil
        }
        // From here it would wait for two minutes.
        let note = try await alpha.put("# Hello\n")
        let begin = ContinuousClock.now
        try await alpha.start()
        try await eventually("beta has \(note)") { try await beta.run("show", note).status == 0 ? true : nil }
        #expect(ContinuousClock.now - begin < .seconds(30))
        #expect(try await alpha.stop() == .exited(0))
        #expect(try await beta.stop() == .exited(0))
    }

    @Test func byItsIdentityWhateverItsAddress() async throws { try await meet("localhost", [], knows: true) }
    @Test func byWhereItsEndpointLeads() async throws { try await meet("127.0.0.1", [], knows: false) }
}
