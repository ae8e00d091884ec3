import FederationCore
import FederationTestKit
import Testing

@Suite(.serialized) struct NoemaRingTests {
    /// A Noema node, a node of ours that polls it, another that polls that, and a Noema node that polls the last.
    @Test(arguments: NoemaRules.allCases)
    func whatANoemaNodeWritesPassesThroughUsByteForByte(rules: NoemaRules) async throws {
        let noema = try NoemaNode(rules, id: "01KNJX4991ASW6NNKS9BQHNCGB")
        let trace = try noema.change { node, now in
            let draft = NoemaStandIn.Draft("Quotes", body: "Line <one>\n\"Two\"\t€ \u{1F600}", tags: ["a", "b"])
            let trace = try node.create(draft, now: now)
            try node.update(trace, body: "Changed & <again>", now: now)
            try node.vote(trace, up: true, now: now)
            try node.change(trace, .archive, now: now)
            try node.setTags(trace, ["c"], now: now)
            return trace
        }

        let scratch = ScratchDirectory()
        let alpha = try await TestNode("alpha", in: scratch)
        let beta = try await TestNode("beta", in: scratch)
        alpha.setPeer("noema", noema.endpoint)
        beta.setPeer("alpha", alpha.endpoint)
        try await alpha.start()
        try await beta.start()
        let arrived = try await eventually("five events on beta; alpha's log:\n\(alpha.log)\nbeta's:\n\(beta.log)") {
            let events = try await beta.facts("events")["events"]?.array ?? []
            return events.count == 5 ? events : nil
        }
        for (event, sent) in zip(arrived, noema.events) {
            #expect(event["id"]?.string == sent.id)
            #expect(event["origin"]?.string == noema.id)
            let data = String(decoding: event["data"]?.raw ?? [], as: UTF8.self)
            #expect(data == noema.served(sent.data), "\(sent.action)")
        }
        let record = try await beta.facts("show", trace)
        #expect(record["body"]?.string == "Changed & <again>")
        #expect(record["tags"]?.array?.compactMap(\.string) == ["c"])
        #expect(record["votes"]?.integer == 1)
        #expect(record["lifecycle"]?.string == "archived")

        let peer = try #require(try await alpha.peerStatus("noema"))
        #expect(peer["wire"]?.string == "noema")
        #expect(peer["version"]?.string == (rules == .go ? "v0.18.0" : "0.22.0"))
        #expect(peer["consecutive_failures"]?.integer == 0)
        #expect(try await beta.peerStatus("alpha")?["wire"]?.string == "native")

        for puller in NoemaRules.allCases {
            let reader = try NoemaNode(puller, id: "01KNJX4991ASW6NNKS9BQHNCGD", peers: ["beta"])
            #expect(await reader.poll("beta", at: beta.endpoint) == .done)
            #expect(reader.events.map(\.id) == noema.events.map(\.id))
            for (event, sent) in zip(reader.events, noema.events) {
                #expect(reader.served(event.data) == reader.served(rules.relayed(sent.data)), "\(sent.action)")
            }
            #expect(reader.change { node, _ in node.body(of: trace) } == "Changed & <again>")
        }
        #expect(try await alpha.stop() == .exited(0))
        #expect(try await beta.stop() == .exited(0))
    }

    /// Both lines and a node of ours, all polling each other: what is put anywhere is read everywhere.
    @Test func aMixedRingConverges() async throws {
        let go = try NoemaNode(.go, id: "01KNJX4991ASW6NNKS9BQHNCGB", peers: ["rust", "alpha"])
        let rust = try NoemaNode(.rust, id: "01KNJX4991ASW6NNKS9BQHNCGC", peers: ["go", "alpha"])
        let alpha = try await TestNode("alpha", in: ScratchDirectory())
        alpha.setPeers([("go", ["endpoint: \(go.endpoint)"]), ("rust", ["endpoint: \(rust.endpoint)"])])
        try await alpha.start()

        let ours = try await alpha.put("# From alpha\n\nOurs.\n")
        let theirs = try go.change { node, now in try node.create(.init("From go", body: "Theirs."), now: now) }
        _ = try rust.change { node, now in try node.create(.init("From rust", body: "Also theirs."), now: now) }
        func pollAll() async {
            #expect(await go.poll("rust", at: rust.endpoint) == .done)
            #expect(await go.poll("alpha", at: alpha.endpoint) == .done)
            #expect(await rust.poll("go", at: go.endpoint) == .done)
            #expect(await rust.poll("alpha", at: alpha.endpoint) == .done)
        }
        func converged(_ count: Int) async throws {
            try await eventually("\(count) events everywhere; log:\n\(alpha.log)") {
                await pollAll()
                let local = try await alpha.facts("events")["events"]?.array?.compactMap { $0["id"]?.string }.sorted()
                return (local?.count == count && local == go.events.map(\.id) && local == rust.events.map(\.id)).orNil
            }
        }
        try await converged(3)
        _ = try rust.change { node, now in try node.update(ours, body: "Ours, mended.", now: now) }
        try await alpha.put("# From go\n\nTheirs, mended.\n", "--id", theirs)
        try await converged(5)
        #expect(try await alpha.facts("show", ours)["body"]?.string == "Ours, mended.")
        #expect(go.change { node, _ in node.body(of: ours) } == "Ours, mended.")
        #expect(rust.change { node, _ in node.body(of: theirs) } == "# From go\n\nTheirs, mended.\n")
        #expect(try await alpha.facts("divergences")["divergences"]?.array?.count == 0)
        #expect(try await alpha.run("status", "--check").status == 0)
        #expect(try await alpha.stop() == .exited(0))
    }
}
