import FederationCore
import Glibc
import Testing

/// Nodes that never share a network, and a directory that is carried to and fro.
@Suite struct BundleTests {
    private let scratch = ScratchDirectory()

    private func id(_ node: TestNode) async throws -> String {
        try #require(try await node.facts("identity", "show")["id"]?.string)
    }

    /// Two nodes that know each other by their identities alone.
    private func pair() async throws -> (alpha: TestNode, beta: TestNode) {
        let alpha = try await TestNode("alpha", in: scratch)
        let beta = try await TestNode("beta", in: scratch)
        alpha.setPeers([("beta", ["id: \(try await id(beta))"])])
        beta.setPeers([("alpha", ["id: \(try await id(alpha))"])])
        mkdir(scratch.file("usb"), 0o755)
        return (alpha, beta)
    }

    private func carry(from: TestNode, to: TestNode) async throws -> (written: JSON, taken: JSON) {
        let file = scratch.file("usb/\(from.name).bundle")
        let written = try await from.facts("export", "--for", to.name, "--to", file, "--force")
        return (written, try await to.facts("import", file))
    }

    @Test func twoNodesConvergeThroughADirectoryAndCarryOnlyWhatIsNew() async throws {
        let (alpha, beta) = try await pair()
        let note = try await alpha.put("# Note\n\nOne.\n")
        for number in 0..<5 { try await alpha.put("# Alpha \(number)\n") }
        try await beta.put("# Of beta\n")
        // One of them is a daemon.
        try await beta.start()

        let first = try await carry(from: alpha, to: beta)
        #expect(first.written["events"]?.integer == 6 && first.taken.at("events", "applied")?.integer == 6)
        let back = try await carry(from: beta, to: alpha)
        // Beta gives all of its log: alpha's own events among them, which alpha knows.
        #expect(back.taken.at("events", "applied")?.integer == 1 && back.taken["equal"]?.bool == true)
        #expect(try await alpha.events() == beta.events())

        // From here on only what is new.
        try await alpha.put("# Note\n\nTwo.\n", "--id", note)
        let second = try await carry(from: alpha, to: beta)
        #expect(second.written["events"]?.integer == 2, "\(second.written.raw)")
        #expect(second.taken.at("events", "applied")?.integer == 1 && second.taken["equal"]?.bool == true)
        #expect(try await beta.facts("show", note)["body"]?.string == "# Note\n\nTwo.\n")
        // A bundle that is taken in twice, and one that is lost, change nothing.
        let again = try await beta.facts("import", scratch.file("usb/alpha.bundle"))
        #expect(again.at("events", "applied")?.integer == 0 && again.at("events", "duplicates")?.integer == 2)
        try await beta.put("# Note\n\nThree.\n", "--id", note)
        _ = try await beta.facts("export", "--for", "alpha", "--to", scratch.file("usb/lost.bundle"))
        try await beta.put("# More\n")
        let third = try await carry(from: beta, to: alpha)
        #expect(third.taken.at("events", "applied")?.integer == 2 && third.taken["equal"]?.bool == true)
        let fourth = try await carry(from: alpha, to: beta)
        #expect(fourth.taken.at("events", "applied")?.integer == 0 && fourth.taken["equal"]?.bool == true)
        let none = try await carry(from: beta, to: alpha)
        #expect(none.written["events"]?.integer == 0 && none.written["pages"]?.integer == 0)
        #expect(try await alpha.records() == beta.records())
        for node in [alpha, beta] { #expect(try await node.facts("verify", "--self")["ok"]?.bool == true) }
        try await beta.stop()
    }

    /// A node that nobody can reach is put back to its backup, and gets what it wrote since by a bundle.
    @Test func aRestoredNodeRecoversByABundle() async throws {
        let (alpha, beta) = try await pair()
        let note = try await alpha.put("# Note\n\nOne.\n")
        let backup = scratch.file("alpha.db")
        _ = try await alpha.facts("backup", backup, "--with-key")
        _ = try await carry(from: alpha, to: beta)
        try await alpha.put("# Note\n\nTwo.\n", "--id", note)
        _ = try await carry(from: alpha, to: beta)
        _ = try await carry(from: beta, to: alpha)
        ScratchDirectory.remove(alpha.directory + "/data")
        _ = try await alpha.facts("restore", backup, "--keep-identity")
        #expect(try await alpha.run("identity", "recover").status == 4)
        let file = scratch.file("usb/whole")
        _ = try await beta.facts("export", "--to", file)
        #expect(try await alpha.run("import", file).status == 5)
        // What was written after the bundle is not in it: a person has to say that there is nothing.
        #expect(try await alpha.run("identity", "recover", "--bundle", file).status == 4)
        #expect(try await alpha.facts("identity", "show")["stopped"]?.string == "behind")
        let planned = try await alpha.facts("identity", "recover", "--bundle", file, "--partial", "--dry-run")
        #expect(planned["number"]?.integer == 2, "\(planned.raw)")
        let recovered = try await alpha.facts("identity", "recover", "--bundle", file, "--partial")
        #expect( recovered["number"]?.integer == 2, "\(recovered.raw)")
        try await alpha.put("# Note\n\nThree.\n", "--id", note)
        let last = try await carry(from: alpha, to: beta)
        #expect(last.taken["equal"]?.bool == true)
        #expect(try await beta.facts("show", note)["body"]?.string == "# Note\n\nThree.\n")
        #expect(try await beta.facts("divergences")["divergences"]?.array?.isEmpty == true)
        // It gave all of its log once, as it did not know any more how far beta was; now it knows.
        _ = try await carry(from: beta, to: alpha)
        try await alpha.put("# More\n")
        let next = try await carry(from: alpha, to: beta)
        #expect(next.written["events"]?.integer == 1 && next.taken["equal"]?.bool == true, "\(next.written.raw)")
    }

    /// What lies between two bundles is missed, and comes after a bundle back.
    @Test func aBundleThatDoesNotGoOnIsTold() async throws {
        let (alpha, beta) = try await pair()
        try await alpha.put("# One\n")
        let file = scratch.file("usb/alpha.bundle")
        let lost = try #require(try await alpha.facts("export", "--to", file)["to"]?.string)
        try await alpha.put("# Two\n")
        _ = try await alpha.facts("export", "--since", lost, "--to", file, "--force")
        let taken = try await beta.run("import", file, "--json")
        #expect(taken.status == 6)
        #expect(try taken.json["missing_before"]?.string == lost && taken.json.at("events", "applied")?.integer == 1)
        // As long as it is so.
        let again = try await beta.run("import", file)
        #expect(again.status == 6 && again.err.contains("may be missing"), "\(again.err)")
        #expect(again.err.contains("'federation export --for alpha'"))
        _ = try await carry(from: beta, to: alpha)
        let whole = try await carry(from: alpha, to: beta)
        #expect(whole.taken.at("events", "applied")?.integer == 1 && whole.taken["equal"]?.bool == true)
        #expect(whole.taken["missing_before"] == nil)
    }

    @Test func aDryRunAPipeAndATimeToBeginAt() async throws {
        let (alpha, beta) = try await pair()
        try await alpha.put("# One\n")
        let planned = try await alpha.facts("export", "--dry-run")
        #expect(planned["events"]?.integer == 1 && planned["dry_run"]?.bool == true)
        #expect(try await alpha.run("export", "--to", "-", "--json").status == 2)
        #expect(try await alpha.run("export").status == 2)
        #expect(try await alpha.run("export", "--to", "-", "--since", "yesterday").status == 2)
        let piped = try await alpha.run("export", "--to", "-")
        #expect(piped.status == 0 && piped.err.contains("1 event"))
        TestFile.write(Array(piped.out.utf8), to: scratch.file("usb/piped"))
        let rehearsed = try await beta.facts("import", scratch.file("usb/piped"), "--dry-run")
        #expect(rehearsed.at("events", "applied")?.integer == 1)
        #expect(try await beta.events().isEmpty)
        let taken = try await beta.run("import", "-", "--json", input: piped.out)
        #expect(try taken.json.at("events", "applied")?.integer == 1, "\(taken.err)")
        #expect(try await alpha.facts("export", "--since", "1h", "--dry-run")["events"]?.integer == 1)
        #expect(try await alpha.facts("export", "--since", "2999-01-01", "--dry-run")["events"]?.integer == 0)
        // The place of its event, as the list shows it, and its id.
        let one = try #require(try await alpha.facts("events").at("events", "0"))
        let place = try #require(one["seq"]?.integer)
        for (since, events) in [("0", 1), ("\(place)", 0), (one["id"]?.string ?? "?", 0)] as [(String, Int64)] {
            #expect(try await alpha.facts("export", "--since", since, "--dry-run")["events"]?.integer == events, "\(since)")
        }
        let behind = try await alpha.facts("export", "--since", "\(place)", "--dry-run")["behind"]
        #expect(behind?["seq"]?.integer == place && behind?["event_id"]?.string == one["id"]?.string)
        let came = try #require(behind?["received_at"]?.string)
        #expect(came == one["received_at"]?.string && planned["behind"] == nil)
        #expect(try await alpha.run("export", "--since", "\(place)", "--dry-run").out.contains(", behind place \(place), which came \(came)"))
        let year = try await alpha.run("export", "--since", "2026", "--dry-run")
        #expect(year.status == 2 && year.err.contains("write 2026-01-01 for") && year.err.contains("or 2,026 for"), "\(year.err)")
        #expect(try await alpha.run("export", "--since", "\(place + 1)", "--dry-run").err.contains("is no place in this log"))
        let position = try #require(planned["to"]?.string)
        let after = try await alpha.run("export", "--since", position + "X", "--to", scratch.file("usb/x"))
        #expect(after.status == 2 || after.err.contains("no place"), "\(after.err)")
        #expect(try await alpha.run("export", "--for", "gamma", "--to", scratch.file("usb/x")).err.contains("no peer"))
        let file = scratch.file("usb/alpha")
        _ = try await alpha.facts("export", "--to", file)
        #expect(try await alpha.run("export", "--to", file).status == 1)
        // Whatever is no bundle, and no backup, is not replaced.
        for name in ["/data/federation.db", "/data/signing.key", "/federation.yaml"] {
            let before = TestFile.bytes(alpha.directory + name)
            for command in [["export", "--to"], ["backup"]] {
                let refused = try await Program.run(
                    command + [alpha.directory + name, "--force", "--config", alpha.configPath], in: scratch)
                #expect(refused.status == 1, "\(command) \(name): \(refused.err)")
            }
            #expect(TestFile.bytes(alpha.directory + name) == before, "\(name)")
        }
        #expect(try await alpha.run("export", "--to", file, "--force").status == 0)
    }

    /// A bundle is judged as its node would be if it answered.
    @Test func whoseItIsDecides() async throws {
        let (alpha, beta) = try await pair()
        let gamma = try await TestNode("gamma", in: scratch)
        try await alpha.put("# One\n")
        let file = scratch.file("usb/alpha.bundle")
        _ = try await alpha.facts("export", "--to", file)
        func refused(_ code: String, _ status: Int32 = 5, by node: TestNode, _ file: String) async throws {
            let result = try await node.run("import", file, "--json")
            #expect(try result.json.at("error", "code")?.string == code && result.status == status, "\(result.out)")
            #expect(try await node.events().isEmpty, "\(code)")
        }
        // Nobody's peer; one's own; one that is not asked.
        try await refused("unknown_exporter", by: gamma, file)
        let text = try await gamma.run("import", file).err
        #expect(text.contains("add-peer NAME --id \(try await id(alpha))"), "\(text)")
        gamma.setPeers([("alpha", ["id: \(try await id(alpha))", "mode: publish"])])
        try await refused("not_fetched", 1, by: gamma, file)
        // A person is asked first.
        gamma.setPeers([("alpha", ["id: \(try await id(alpha))", "first_contact: ask"])])
        try await refused("unconfirmed", by: gamma, file)
        // Another key than the configuration insists on.
        let key = try #require(try await beta.facts("identity", "show")["public_key"]?.string)
        gamma.setPeers([("alpha", ["id: \(try await id(alpha))", "pubkey: \(key)"])])
        try await refused("other_identity", by: gamma, file)
        // Under `enforce` what an origin has signed counts.
        beta.set("verify", "enforce")
        #expect(try await beta.facts("import", file).at("events", "applied")?.integer == 1)
    }

    /// Whatever is done to a bundle on its way, nothing of it counts that its node has not signed.
    @Test func aBundleThatWasTamperedWithIsRefused() async throws {
        let (alpha, beta) = try await pair()
        for number in 0..<6 { try await alpha.put("# \(number)\n\n\(String(repeating: "\(number)", count: 900_000))\n") }
        let file = scratch.file("usb/alpha.bundle")
        let written = try await alpha.facts("export", "--to", file)
        #expect(written["pages"]?.integer ?? 0 >= 2)
        let whole = TestFile.bytes(file)
        var lines: [Range<Int>] = []
        for start in whole.ranges(of: Array(#"{"page":"#.utf8)) { lines.append(start) }
        let (first, second) = (lines[0].lowerBound, lines[1].lowerBound)
        let end = try #require(whole.ranges(of: Array(#"{"pages":"#.utf8)).last).lowerBound
        func result(of bytes: [UInt8]) async throws -> (code: String, pages: String) {
            TestFile.write(bytes, to: scratch.file("usb/bad"))
            let result = try await beta.run("import", scratch.file("usb/bad"), "--json")
            #expect(result.status == 1, "\(result.out)")
            let json = try result.json
            return (json.at("error", "case")?.string ?? "", json.at("error", "pages")?.string ?? "")
        }
        var swapped = whole
        swapped[second - 10] ^= 1
        #expect(try await result(of: swapped) == ("signature", "0"))
        #expect(try await result(of: Array(whole[..<first] + whole[second...])) == ("order", "0"))
        #expect(try await result(of: Array(whole[..<first]) + "{\"page\":1}\n".utf8) == ("malformed", "0"))
        #expect(try await result(of: Array("hello\n".utf8)).code == "not_a_bundle")
        #expect(try await beta.events().isEmpty)
        // A page of another bundle of the same node does not fit this one.
        _ = try await alpha.facts("export", "--to", file, "--force")
        let other = TestFile.bytes(file)
        let start = try #require(other.firstRange(of: Array(#"{"page":"#.utf8))).lowerBound
        #expect(try await result(of: Array(whole[..<first] + other[start...])) == ("signature", "0"))
        #expect(try await beta.events().isEmpty)
        // Cut off: what came before stays, and the whole one again brings the rest.
        #expect(try await result(of: Array(whole[..<(end - 3)])).code == "truncated")
        let kept = try await beta.events().count
        #expect(kept > 0 && kept < 6)
        let again = try await beta.facts("import", file)
        #expect(again.at("events", "applied")?.integer == Int64(6 - kept) && again["equal"]?.bool == true)
    }
}
