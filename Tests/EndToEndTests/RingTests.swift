import FederationCore
import Testing

@Suite(.serialized) struct RingTests {
    @Test func threeNodesConvergeDivergeAndAreResolved() async throws {
        let ring = try await Ring("alpha", "beta", "gamma")
        try await ring.start()
        for node in ring.nodes {
            for number in 1...3 { try await node.put("# Note \(number) of \(node.name)\n\nText.\n") }
        }
        try await ring.agreement(events: 9, records: 9)

        let note = try await ring["alpha"].put("# Meeting\n\nTuesday, ten.\n", "--type", "decision")
        try await ring.agreement(events: 10)
        try await ring["gamma"].put("# Meeting\n\nTuesday, eleven.\n", "--id", note)
        try await ring.agreement(events: 11)
        #expect(try await ring["beta"].facts("show", note)["body"]?.string == "# Meeting\n\nTuesday, eleven.\n")

        // Beta is away, and both sides write.
        #expect(try await ring["beta"].stop() == .exited(0))
        try await ring["alpha"].put("# Meeting\n\nTuesday, noon.\n", "--id", note)
        try await ring["beta"].put("# Meeting\n\nWednesday, ten.\n", "--id", note)
        try await ring["beta"].start()
        let diverged = try await ring.agreement(events: 13)
        let record = try JSON(Array(diverged.utf8))["records"]?.array?.first { $0["id"]?.string == note }
        #expect(record?["diverged"]?.bool == true)
        #expect(record?["heads"]?.array?.count == 2)
        let views = try await ring.nodes.asyncMap { try await $0.run("divergences", "--json").out }
        #expect(Set(views).count == 1)
        #expect(views[0].contains("Tuesday, noon.") && views[0].contains("Wednesday, ten."))

        // A diverged record takes no plain edit; one command settles it for everybody.
        let refused = try await ring["gamma"].run("put", "-", "--id", note, input: "# Meeting\n\nNever.\n")
        #expect(refused.status == 1)
        #expect(refused.err.contains("has diverged into 2 versions"))
        let text = "# Meeting\n\nWednesday, noon.\n"
        let resolved = try await ring["gamma"].run("resolve", note, "--custom", "-", input: text)
        #expect(resolved.status == 0, "\(resolved.err)")
        let settled = try await ring.agreement(events: 14)
        #expect(!settled.contains("\"diverged\":true"))
        for node in ring.nodes {
            let shown = try await node.run("show", note)
            #expect(shown.out.contains("Wednesday, noon."))
            let status = try await node.run("status", "--check", "--json")
            #expect(status.status == 0, "\(status.out)")
            #expect(try status.json["state"]?.string == "ok")
        }
        try await ring.stop()
        for node in ring.nodes { #expect(try await node.run("check", "--deep").status == 0) }
    }

    @Test func acceptingOneVersionSettlesADivergenceOnEveryNode() async throws {
        let ring = try await Ring("alpha", "beta")
        let (alpha, beta) = (ring["alpha"], ring["beta"])
        try await ring.start()
        let note = try await alpha.put("# Place\n\nHere.\n")
        try await ring.agreement(events: 1)
        try await beta.stop()
        try await alpha.put("# Place\n\nThere.\n", "--id", note)
        try await beta.put("# Place\n\nElsewhere.\n", "--id", note)
        try await beta.start()
        try await ring.agreement(events: 3)
        let origin = try #require(try await beta.facts("identity", "show")["id"]?.string)
        let wrong = try await alpha.run("resolve", note, "--accept", "01KN33X5G0000G40R40M30E209")
        #expect(wrong.status == 1)
        #expect(try await alpha.run("resolve", note, "--accept", String(origin.prefix(25))).status == 0)
        try await ring.agreement(events: 4)
        #expect(try await beta.facts("show", note)["body"]?.string == "# Place\n\nElsewhere.\n")
        let again = try await beta.run("resolve", note, "--accept", origin)
        #expect(again.status == 1)
        #expect(again.err.contains("nothing to resolve"))
        try await ring.stop()
    }

    @Test func aLineOfNodesCarriesEventsToItsEnd() async throws {
        let ring = try await Ring("alpha", "beta", "gamma")
        let (alpha, beta, gamma) = (ring["alpha"], ring["beta"], ring["gamma"])
        alpha.setPeers([])
        beta.setPeer("alpha", alpha.endpoint)
        gamma.setPeer("beta", beta.endpoint)
        try await ring.start()
        let note = try await alpha.put("# Far away\n\nFrom alpha.\n")
        try await ring.agreement(events: 1)
        #expect(try await gamma.facts("show", note)["origin"]?.string == alpha.facts("identity", "show")["id"]?.string)
        try await ring.stop()
    }
}
