import FederationCore
import Glibc
import Testing

/// A node's process is killed at any moment: what a command acknowledged is on disk, and nothing is there twice.
@Suite(.serialized) struct CrashRingTests {
    @Test func whatWasAcknowledgedOutlivesEveryKill() async throws {
        let ring = try await Ring("alpha", "beta", "gamma")
        try await ring.start()
        var acknowledged: [String: String] = [:]
        var edits: [String: Int] = [:]
        for round in 0..<12 {
            let victim = ring.nodes[round % 3]
            // Writers on all nodes go on while the victim dies somewhere among them.
            let written = await withTaskGroup(of: [String: String].self) { group in
                for node in ring.nodes {
                    group.addTask {
                        var written: [String: String] = [:]
                        for number in 0..<3 {
                            let text = "Note \(round)-\(number) of \(node.name)"
                            if let id = try? await node.put("# \(text)\n") { written[text] = id }
                        }
                        return written
                    }
                }
                group.addTask {
                    try? await Task.sleep(for: .microseconds(Int.random(in: 0...150_000)))
                    _ = try? await victim.stop(SIGKILL)
                    return [:]
                }
                return await group.reduce(into: [:]) { $0.merge($1) { a, _ in a } }
            }
            acknowledged.merge(written) { a, _ in a }
            try await victim.start()
            if let (text, id) = acknowledged.randomElement() {
                let editor = ring.nodes[(round + 1) % 3]
                let edit = try await editor.run("put", "-", "--id", id, input: "# \(text)\n\nEdited.\n")
                if edit.status == 0 { edits[id, default: 0] += 1 }
            }
        }
        #expect(acknowledged.count > 50)
        let state = try JSON(Array(try await ring.agreement(events: acknowledged.count).utf8))
        var records: [String: [String]] = [:]
        for record in state["records"]?.array ?? [] {
            records[record["title"]?.string ?? "", default: []].append(record["id"]?.string ?? "")
        }
        for (text, id) in acknowledged { #expect(records[text] == [id], "\(text)") }
        #expect(records.values.allSatisfy { $0.count == 1 })

        let events = try await ring["alpha"].facts("events", "--limit", "100000")["events"]?.array ?? []
        let numbers = events.map { "\($0["origin"]?.string ?? "") \($0["number"]?.unsigned ?? 0)" }
        #expect(Set(numbers).count == numbers.count, "a number was given twice")
        for (id, count) in edits {
            #expect(events.count { $0["trace_id"]?.string == id && $0["action"]?.string == "update" } >= count)
        }
        for node in ring.nodes {
            try await eventually("\(node.name) is well again; log:\n\(node.log)") {
                (try await node.status()["state"]?.string == "ok").orNil
            }
        }
        for node in ring.nodes {
            #expect(try await node.stop() == .exited(0))
            let check = try await node.run("check", "--deep")
            #expect(check.status == 0, "\(check.err)")
        }
    }

    @Test func aCommandThatIsKilledLeavesNoHalfRecord() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        for round in 0..<15 {
            let input = node.scratch.file("input")
            TestFile.write("# Round \(round)\n\n" + String(repeating: "text ", count: 20_000), to: input)
            let output = node.scratch.file("output-\(round)")
            let put = try ChildProcess(
                Program.path, ["put", input, "--config", node.configPath], output: output, error: output)
            try? await Task.sleep(for: .microseconds(Int.random(in: 0...60_000)))
            put.signal(SIGKILL)
            _ = try await put.end()
            let printed = TestFile.text(output)
            let records = try await node.facts("records")["records"]?.array ?? []
            let found = records.filter { $0["title"]?.string == "Round \(round)" }
            #expect(found.count <= 1)
            if !printed.isEmpty { #expect(found.first?["id"]?.string.map { $0 + "\n" } == printed) }
        }
        #expect(try await node.run("check", "--deep").status == 0)
        try await node.put("# After\n")
    }
}
