import FederationCore
import Testing

/// `store.max_size`: what is refused at the quota, what goes on, and how it resumes.
@Suite(.serialized) struct DiskTests {
    private static let text = "# Large\n\n" + String(repeating: "x", count: 150_000) + "\n"

    private func node(_ name: String = "alpha") async throws -> TestNode {
        let node = try await TestNode(name, in: ScratchDirectory())
        node.set("store", "{max_size: 1MB}")
        return node
    }

    /// The same with another quota.
    private func set(_ size: String, of node: TestNode) {
        let text = TestFile.text(node.configPath)
        TestFile.write(text.replacing(/max_size: [0-9A-Za-z]+/, with: "max_size: \(size)"), to: node.configPath)
    }

    /// Puts until the quota is reached, and gives the ids.
    private func fill(_ node: TestNode) async throws -> [String] {
        var ids: [String] = []
        while ids.count < 20 {
            let result = try await Program.run(
                ["put", "-", "--json", "--config", node.configPath], input: DiskTests.text, in: node.scratch)
            guard result.status == 0 else {
                #expect(result.status == 1)
                #expect(try result.json.at("error", "code")?.string == "store")
                #expect(try result.json.at("error", "store")?.string == "quota")
                #expect(try result.json.at("error", "limit")?.string == "1000000")
                #expect(result.err.contains("the database has reached its quota of 1 MB (store.max_size)"), "\(result.err)")
                #expect(result.err.contains("federation: hint: raise store.max_size"), "\(result.err)")
                return ids
            }
            ids.append(try #require(try result.json["id"]?.string))
        }
        throw Unfulfilled("no quota after \(ids.count) records")
    }

    @Test(arguments: [false, true])
    func ownWritesAreRefusedAtTheQuotaAndDeletionMakesRoom(withDaemon: Bool) async throws {
        let node = try await node()
        if withDaemon { try await node.start() }
        let ids = try await fill(node)
        #expect((2...6).contains(ids.count), "\(ids.count)")
        // Reading goes on, and so does the daemon.
        #expect(try await node.facts("show", ids[0])["body"]?.string?.utf8.count == DiskTests.text.utf8.count)
        #expect(try await node.facts("records", "--search", "large")["records"]?.array?.count == ids.count)
        let dry = try await Program.run(
            ["put", "-", "--dry-run", "--config", node.configPath], input: DiskTests.text, in: node.scratch)
        #expect(dry.status == 1 && dry.err.contains("quota"))
        let status = try await node.status()
        #expect(status.at("disk", "quota")?.integer == 1_000_000)
        #expect(status.at("disk", "database")?.integer ?? 0 > 400_000 && status.at("disk", "free")?.integer ?? 0 > 0)
        #expect(try await node.run("status").out.contains("quota 1 MB"))

        let purged = try await node.run("purge", ids[0], ids[1], "--yes")
        #expect(purged.status == 0, "\(purged.err)")
        #expect(try await node.status().at("disk", "reusable")?.integer ?? 0 > 100_000)
        let again = try await Program.run(["put", "-", "--config", node.configPath], input: DiskTests.text, in: node.scratch)
        #expect(again.status == 0, "\(again.err)")
        if withDaemon { #expect(try await node.stop() == .exited(0)) }
    }

    @Test func whatPeersHaveWaitsThereUntilThereIsRoom() async throws {
        let node = try await node()
        let events = (1...4).map { FakeEvent.create($0, body: String(repeating: "y", count: 300_000)) }
        let peer = try FakeNoema(events: events)
        node.setPeer("fake", peer.endpoint)
        try await node.start()
        let full = try await eventually("the reason; log:\n\(node.log)") {
            let peer = try await node.peerStatus("fake")
            return peer?.at("last_error", "reason")?.string == "store_full" ? peer : nil
        }
        #expect(full["last_event"] == nil, "no cursor moves")
        #expect(full["id"]?.string == FakeNoema.id, "who it is was learnt all the same")
        #expect(try await node.events().isEmpty)
        // It goes on trying, and commands go on working.
        let failures = full["consecutive_failures"]?.integer ?? 0
        try await eventually("another try") {
            (try await node.peerStatus("fake")?["consecutive_failures"]?.integer ?? 0 > failures).orNil
        }
        let small = try await node.put("# Small\n")
        // The daemon takes the change in.
        set("100MB", of: node)
        try await eventually("all of it; log:\n\(node.log)") { (try await node.events().count == 5).orNil }
        let healthy = try await eventually("health") {
            let peer = try await node.peerStatus("fake")
            return peer?["last_error"] == nil ? peer : nil
        }
        #expect(healthy["consecutive_failures"]?.integer == 0 && healthy["last_event"]?.string == FakeEvent.id(4))
        #expect(try await node.facts("show", small)["title"]?.string == "Small")
        #expect(try await node.stop() == .exited(0))
        withExtendedLifetime(peer) {}
    }

    @Test func aQuotaBelowWhatIsUsedIsAWarningAndRefusesTheSmallestWrite() async throws {
        let node = try await node()
        set("100MB", of: node)
        var ids: [String] = []
        for _ in 0..<4 { ids.append(try await node.put(DiskTests.text + DiskTests.text)) }
        #expect(try await node.status()["state"]?.string == "ok")
        set("1MB", of: node)
        let status = try await node.run("status", "--check")
        #expect(status.status == 6)
        #expect(status.out.contains("⚠ the database has reached its quota (store.max_size)"), "\(status.out)")
        #expect(try await node.status().at("warnings", "0", "code")?.string == "store_quota")
        let archived = try await node.run("archive", ids[0])
        #expect(archived.status == 1 && archived.err.contains("quota of 1 MB"), "\(archived.err)")
        try await expectOK(node.run("purge", ids[0], ids[1], "--yes"))
        #expect(try await node.status()["state"]?.string == "ok")
        try await expectOK(node.run("archive", ids[2]))
    }
}
