import Dispatch
import FederationCore
import FederationHTTP
import FederationTestKit
import Glibc
import HostileKit
import Testing

/// The page's listener, as programs meet it: who is answered, with what, and what is never done. `PageBrowserTests` looks
/// at it with a browser.
@Suite(.serialized) struct PageTests {
    private static let key = "a-key-of-the-page-alone"
    private static let root = String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined())

    /// A node that shows its page, with a key unless it is said otherwise.
    private struct Shown {
        let node: TestNode
        let port = TestPort.free()
        let client = CurlClient()
        var endpoint: String { "http://127.0.0.1:\(port)" }

        init(_ name: String = "alpha", key: Bool = true, in scratch: ScratchDirectory = ScratchDirectory()) async throws {
            node = try await TestNode(name, in: scratch)
            writeKey(PageTests.key)
            node.set("page", "{listen: '127.0.0.1:\(port)'\(key ? ", key_file: page.key" : "")}")
        }

        func writeKey(_ text: String) {
            TestFile.write(Array((text + "\n").utf8), to: node.directory + "/page.key")
            chmod(node.directory + "/page.key", 0o600)
        }

        func ask(_ target: String, key: String? = PageTests.key, _ fields: HTTPFields = [:]) async throws -> HTTPResponse {
            var request = HTTPRequest(.get, target, fields: fields)
            request.fields["Authorization"] = key.map { "Bearer \($0)" }
            return try await client.perform(request, endpoint: endpoint).response
        }

        func tell(
            _ target: String, _ body: String, key: String? = PageTests.key, type: String = "application/json",
            _ fields: HTTPFields = ["Federation-Page": "1"]
        ) async throws -> HTTPResponse {
            var request = HTTPRequest(.post, target, fields: fields, body: Array(body.utf8))
            request.fields["Content-Type"] = type
            request.fields["Authorization"] = key.map { "Bearer \($0)" }
            return try await client.perform(request, endpoint: endpoint).response
        }

        func stop() async throws {
            client.close()
            #expect(try await node.stop() == .exited(0))
        }
    }

    private static let questions = [
        "status", "history", "history/day", "divergences", "record?id=x", "quarantine", "events", "quarantine/entry?row=1",
    ]
    private static let commands = ["resolve", "sync", "quarantine/retry"]

    @Test func everyAnswerHasThePolicyAndNoneOpensItToOthers() async throws {
        let shown = try await Shown()
        try await shown.node.start()
        let files = ["/", "/page.css", "/page.js", "/icon.svg", "/reasons.md", "/ring.js"]
        for target in files + ["/nothing", "/api/page", "/api/status", "/api/nothing", "/../page.key", "/federation.yaml"] {
            for key in [PageTests.key, nil] {
                let answer = try await shown.ask(target, key: key)
                let policy = answer.fields["Content-Security-Policy"] ?? ""
                for rule in [
                    "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'",
                    "form-action 'none'", "frame-ancestors 'none'", "trusted-types 'none'",
                ] { #expect(policy.contains(rule + ";") || policy.hasSuffix(rule), "\(target): \(rule)") }
                #expect(!policy.contains("unsafe") && !policy.contains("*") && !policy.contains("data:"))
                for (name, value) in [
                    ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"), ("X-Frame-Options", "DENY"),
                    ("Cross-Origin-Opener-Policy", "same-origin"), ("Cross-Origin-Resource-Policy", "same-origin"),
                ] { #expect(answer.fields[name] == value, "\(target): \(name)") }
                #expect(!answer.fields.fields.contains { $0.name.lowercased().hasPrefix("access-control-") || $0.name == "Set-Cookie" })
                if target.hasPrefix("/api/") { #expect(answer.fields["Cache-Control"] == "no-store") }
                #expect(answer.status == (files.contains(target) || target == "/api/page" ? 200 : target == "/api/status" ? (key == nil ? 401 : 200) : 404), "\(target)")
            }
        }
        try await shown.stop()
    }

    @Test func filesAreThoseOfTheProgramAndAreAskedForOnce() async throws {
        let shown = try await Shown()
        try await shown.node.start()
        let reasons = try await shown.ask("/reasons.md", key: nil)
        #expect(reasons.body == TestFile.bytes(PageTests.root + "/docs/reasons.md"), "one source")
        let tag = try #require(reasons.fields["ETag"])
        let again = try await shown.ask("/reasons.md", key: nil, ["If-None-Match": tag])
        #expect(again.status == 304 && again.body.isEmpty && again.fields["ETag"] == tag)
        // Whatever the page names is there, and nothing that it names is elsewhere.
        let page = String(decoding: try await shown.ask("/", key: nil).body, as: UTF8.self)
        let named = page.matches(of: /(?:href|src)="([^"]+)"/).map { String($0.1) }.filter { !$0.hasPrefix("#") }
        #expect(named.count >= 4)
        var seen: Set<String> = []
        var next = named
        while let path = next.popLast() {
            guard seen.insert(path).inserted else { continue }
            #expect(path.hasPrefix("/") && !path.hasPrefix("//"), "\(path)")
            let file = try await shown.ask(path, key: nil)
            #expect(file.status == 200, "\(path)")
            guard path.hasSuffix(".js") else { continue }
            let text = String(decoding: file.body, as: UTF8.self)
            next += text.matches(of: /from "\.(\/[a-z]+\.js)"/).map { String($0.1) }
            for banned in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http://", "https://"] {
                let found = text.replacing("http://www.w3.org/2000/svg", with: "").contains(banned)
                #expect(!found, "\(path): \(banned)")
            }
        }
        #expect(seen.filter { $0.hasSuffix(".js") }.count >= 10)
        try await shown.stop()
    }

    @Test func withoutTheKeyNothingIsToldOrDone() async throws {
        let shown = try await Shown()
        shown.node.set("access", "{shared_key_file: ring.key}")
        TestFile.write(Array("the-key-of-the-ring\n".utf8), to: shown.node.directory + "/ring.key")
        chmod(shown.node.directory + "/ring.key", 0o600)
        try await shown.node.start()
        // The ring's key opens no page, and the page's no log.
        for key in [nil, "", "the-key-of-the-ring", PageTests.key + "x", "a"] as [String?] {
            for target in PageTests.questions {
                let answer = try await shown.ask("/api/" + target, key: key)
                #expect(answer.status == 401 && answer.body == Array(#"{"error":{"code":"key"}}"#.utf8), "\(target)")
            }
            for target in PageTests.commands { #expect(try await shown.tell("/api/" + target, "{}", key: key).status == 401) }
        }
        let log = HTTPRequest(.get, "/federation/v1/events", fields: ["Authorization": "Bearer \(PageTests.key)"])
        #expect(try await shown.client.perform(log, endpoint: shown.node.endpoint).response.status == 401)
        #expect(try await shown.ask("/api/status").status == 200)
        #expect(try await shown.node.status().at("refused_requests", "key")?.integer ?? 0 >= 40)
        try await shown.stop()
    }

    /// What a page of another origin can have a browser send, with the key or, where none is asked for, without.
    @Test(arguments: [true, false]) func anotherPageReadsAndDoesNothing(keyed: Bool) async throws {
        let shown = try await Shown(key: keyed)
        try await shown.node.start()
        let own = "http://127.0.0.1:\(shown.port)"
        for (fields, status) in [
            (["Origin": "https://evil.example"], 403), (["Origin": "null"], 403), (["Origin": "http://127.0.0.1:1"], 403),
            (["Origin": "https://127.0.0.1:\(shown.port)"], 403), (["Host": "evil.example"], 403), (["Host": "rebound.example:\(shown.port)"], 403),
            (["Sec-Fetch-Site": "cross-site"], 403), (["Sec-Fetch-Site": "same-site"], 403), (["Host": "127.0.0.1:x"], 400),
            (["Origin": own, "Sec-Fetch-Site": "same-origin"], 200), (["Host": "localhost:\(shown.port)"], 200),
        ] as [([String: String], Int)] {
            var all = HTTPFields()
            for (name, value) in fields { all[name] = value }
            #expect(try await shown.ask("/api/status", all).status == status, "\(fields)")
            all["Federation-Page"] = "1"
            let told = try await shown.tell("/api/sync", "{}", all).status
            #expect(told == (status == 200 && !keyed ? 403 : status), "\(fields)")
        }
        for type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
            #expect(try await shown.tell("/api/sync", "{}", type: type).status == 415)
        }
        #expect(try await shown.tell("/api/sync", "{}", [:]).status == 403)
        for method in [HTTPRequest.Method.get, .put, .delete] {
            var request = HTTPRequest(method, "/api/sync", fields: ["Federation-Page": "1", "Content-Type": "application/json"])
            request.fields["Authorization"] = "Bearer \(PageTests.key)"
            #expect(try await shown.client.perform(request, endpoint: shown.endpoint).response.status == 405)
        }
        try await shown.stop()
    }

    @Test func withoutAKeyItOnlyShows() async throws {
        let shown = try await Shown(key: false)
        try await shown.node.start()
        for target in PageTests.questions {
            let status = try await shown.ask("/api/" + target, key: nil).status
            #expect(status == 200 || status == 409, "\(target)")
        }
        for target in PageTests.commands {
            let answer = try await shown.tell("/api/" + target, "{}", key: nil)
            #expect(answer.status == 403 && answer.body == Array(#"{"error":{"code":"page_only_shows"}}"#.utf8))
        }
        try await shown.stop()
    }

    @Test func answersAreThoseOfTheCommands() async throws {
        let scratch = ScratchDirectory()
        let shown = try await Shown(in: scratch)
        let beta = try await TestNode("beta", in: scratch)
        shown.node.setPeer("beta", beta.endpoint)
        try await beta.start()
        try await shown.node.start()
        let note = try await beta.put("# Of beta\n")
        try await eventually("alpha has it") { try await shown.node.events().count == 1 ? true : nil }
        func json(_ target: String) async throws -> JSON { try JSON(try await shown.ask("/api/" + target).body) }
        #expect(try await json("record?id=\(note)").raw.elementsEqual(try await shown.node.facts("show", note).raw))
        #expect(try await json("status").at("node", "id")?.string == shown.node.status().at("node", "id")?.string)
        let history = try await eventually("a poll is in the history") { () -> JSON? in
            let history = try await json("history?peer=beta")
            return history.at("peers", "0", "history", "0", "events")?.integer == 1 ? history : nil
        }
        #expect(history.at("peers", "0", "history", "0", "succeeded")?.integer ?? 0 > 0)
        let day = try await json("history/day")
        #expect(day.at("peers", "0", "name")?.string == "beta" && day.at("peers", "0", "history")?.array != nil)
        for target in ["history", "history/day?from=7", "history/day?from=-100", "history/day?from=100"] {
            #expect(try await json(target).at("error", "code")?.string == "bad_request", "\(target)")
        }
        #expect(try await json("history?peer=nobody").at("error", "code")?.string == "unknown_peer")
        #expect(try await json("record?id=nothing").at("error", "code")?.string == "unknown_record")
        #expect(try await json("divergences")["records"]?.array?.isEmpty == true)
        #expect(try JSON(try await shown.tell("/api/sync", #"{"peers":["beta"]}"#).body).at("peers", "0", "ok")?.bool == true)
        #expect(try await shown.tell("/api/sync", "not JSON").status == 409)
        let cli = try await shown.node.run("history")
        #expect(cli.status == 0 && cli.out.contains("SLOWEST") && cli.out.split(separator: "\n").count >= 2, "\(cli.out)")

        // News comes when there is some, with the record's title and without its text.
        let before = try await json("events")
        #expect(before["events"]?.array?.count == 1 && before.at("titles", note)?.string == "Of beta")
        #expect(before.at("events", "0", "data") == nil)
        let through = try #require(before["through"]?.integer)
        async let held = shown.ask("/api/events?after=\(through)&wait=1")
        let second = try await beta.put("# More of beta\n")
        let news = try JSON(try await held.body)
        #expect(news.at("events", "0", "trace_id")?.string == second && news["held"]?.bool == true)
        // A place beyond the head is one of another log.
        #expect(try await json("events?after=999999")["events"]?.array?.count == 2)
        #expect(try await beta.stop() == .exited(0))
        try await shown.stop()
    }

    /// A text that begins as front matter does is one all the same, and nothing is decided on that was not seen.
    @Test func aVersionIsResolvedWithTheTextAsItIs() async throws {
        let scratch = ScratchDirectory()
        let shown = try await Shown(in: scratch)
        let beta = try await TestNode("beta", in: scratch)
        shown.node.setPeer("beta", beta.endpoint)
        try await beta.start()
        try await shown.node.start()
        let note = try await beta.put("# Both\n")
        try await eventually("alpha has it") { try await shown.node.events().count == 1 ? true : nil }
        #expect(try await beta.stop() == .exited(0))
        for node in [shown.node, beta] { _ = try await node.put("# Of \(node.name)\n", "--id", note) }
        try await beta.start()
        let record = try await eventually("it has diverged") { () -> JSON? in
            let record = try JSON(try await shown.ask("/api/record?id=\(note)").body)
            return record["heads"]?.array?.count == 2 ? record : nil
        }
        let heads = record["heads"]?.array?.compactMap(\.string) ?? []
        let text = "---\nauthor_of_another_program: [x\n---\n# Both\n"
        func resolve(_ heads: String?) async throws -> JSON {
            let body = jsonText {
                $0.member("id", note)
                $0.member("body", text)
                $0.member("request", "page-of-the-test")
            }
            let whole = heads.map { body.dropLast() + ",\"heads\":\($0)}" } ?? body
            return try JSON(try await shown.tell("/api/resolve", whole).body)
        }
        for wrong in [nil, "\"\(heads[0])\"", "[]", "[1,\"\(heads[0])\"]", "[\"x\"]", "null"] as [String?] {
            #expect(try await resolve(wrong).at("error", "code")?.string == "bad_request", "\(wrong ?? "none")")
        }
        let list = "[" + heads.map { "\"\($0)\"" }.joined(separator: ",") + "]"
        let event = try await resolve(list).at("events", "0")?.string
        #expect(event != nil)
        // Sent twice, done once.
        #expect(try await resolve(list).at("events", "0")?.string == event)
        #expect(try await shown.node.facts("show", note)["body"]?.string == text)
        #expect(try await beta.stop() == .exited(0))
        try await shown.stop()
    }

    private func jsonText(_ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        writer.object(body)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// Whoever has the ring's key would else write in this node's name.
    @Test func theRingsKeyIsNotThePages() async throws {
        let shown = try await Shown()
        shown.node.set("access", "{shared_key_file: ring.key}")
        TestFile.write(Array((PageTests.key + "\n").utf8), to: shown.node.directory + "/ring.key")
        chmod(shown.node.directory + "/ring.key", 0o600)
        let refused = try await shown.node.run("run")
        #expect(refused.status != 0 && refused.err.contains("page.key") && refused.err.contains("the ring's"), "\(refused.err)")
        shown.client.close()
    }

    @Test func whoWaitsIsBoundedAndAKeyThatIsExchangedEndsIt() async throws {
        let shown = try await Shown()
        try await shown.node.start()
        let endpoint = shown.endpoint
        let waiting = 12
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<waiting {
                group.addTask {
                    let client = CurlClient()
                    defer { client.close() }
                    let request = HTTPRequest(
                        .get, "/api/events?after=0&wait=1", fields: ["Authorization": "Bearer \(PageTests.key)"])
                    let answer = try await client.perform(request, endpoint: endpoint).response
                    return try JSON(answer.body)["held"]?.bool == true
                }
            }
            // Those for whom there is no room are answered at once.
            for _ in 0..<(waiting - Limits.pageHeldPerAddress) {
                let isHeld = try await group.next()
                #expect(isHeld == false)
            }
            try await shown.node.put("# News\n")
            for try await isHeld in group { #expect(isHeld) }
        }
        shown.writeKey("another-key-of-the-page")
        #expect(try await shown.node.run("reload").status == 0)
        try await eventually("the old key opens nothing") { try await shown.ask("/api/status").status == 401 ? true : nil }
        #expect(try await shown.ask("/api/status", key: "another-key-of-the-page").status == 200)
        try await shown.stop()
    }

    @Test func itIsServedOverTLS() async throws {
        let shown = try await Shown()
        let authority = TestAuthority()
        let issued = authority.issue()
        for (name, bytes) in [("ca.pem", authority.pem), ("server.pem", issued.certificate), ("server.key", issued.key)] {
            TestFile.write(bytes, to: shown.node.directory + "/" + name)
            chmod(shown.node.directory + "/" + name, 0o600)
        }
        let text = TestFile.text(shown.node.configPath).replacing("key_file: page.key", with: "key_file: page.key, tls: true")
        TestFile.write(text, to: shown.node.configPath)
        shown.node.set("tls", "{certificate: server.pem, key: server.key}")
        try await shown.node.start()
        var credentials = ChannelCredentials()
        credentials.authority = shown.node.directory + "/ca.pem"
        for (origin, status) in [("https://127.0.0.1:\(shown.port)", 200), ("http://127.0.0.1:\(shown.port)", 403)] {
            let request = HTTPRequest(
                .get, "/api/status", fields: ["Authorization": "Bearer \(PageTests.key)", "Origin": origin])
            let answer = try await shown.client.perform(
                request, endpoint: "https://127.0.0.1:\(shown.port)", credentials: credentials).response
            #expect(answer.status == status)
        }
        #expect(shown.node.log.contains("https://127.0.0.1:\(shown.port)/"))
        await #expect(throws: (any Error).self) { try await shown.ask("/") }
        try await shown.stop()
    }

    /// What abuses any listener abuses this one no more; the node goes on.
    @Test func hostileClientsAreTurnedAway() async throws {
        let shown = try await Shown()
        try await shown.node.start()
        let attacks = ClientAttack.all.filter { attack in
            !attack.isSlow && attack.door == .open && PageTests.attacks.contains(attack.name)
        }
        #expect(attacks.count == PageTests.attacks.count)
        let (port, scene) = (shown.port, attacks)
        let seen = await withCheckedContinuation { continuation in
            DispatchQueue(label: "hostile client").async {
                continuation.resume(
                    returning: scene.enumerated().map { index, attack in
                        attack.run(ClientScene(host: "127.0.0.1", port: port, source: "127.3.0.\(index + 1)"))
                    })
            }
        }
        for (attack, sights) in zip(attacks, seen) { #expect(attack.isAsExpected(sights), "\(attack.name): \(Set(sights))") }
        #expect(try await shown.ask("/api/status").status == 200)
        try await shown.stop()
    }

    /// Those that are about HTTP itself, hosts and paths, and not about what a wire answers.
    private static let attacks: Set<String> = [
        "connection-flood", "half-a-request", "short-body", "closes-amid-answers", "length-and-chunks",
        "chunks-and-length", "two-lengths", "list-of-lengths", "length-with-a-sign", "length-below-zero",
        "hexadecimal-length", "two-codings", "chunked-twice", "unknown-coding", "two-hosts", "folded-field",
        "space-before-colon", "no-protocol", "other-protocol", "no-http", "chunk-of-no-size", "chunk-past-64-bits",
        "field-flood", "huge-field", "huge-target", "promised-terabyte", "promised-2-to-the-64", "endless-body",
        "many-bodies", "up-the-tree", "encoded-path", "doubled-slashes", "nul-in-a-path", "path-in-capitals",
        "back-slashes", "other-peoples-files", "absolute-form", "matrix-parameters", "rebound-name",
        "host-that-is-none", "foreign-page",
    ]
}
