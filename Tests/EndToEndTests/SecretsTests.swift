import FederationCore
import FederationHTTP
import FederationTestKit
import Glibc
import Testing

/// A secret that a run uses, in every form in which it could come to light.
private struct KnownSecret {
    var name: String
    private let forms: [(name: String, bytes: [UInt8])]

    init(_ name: String, _ bytes: [UInt8]) {
        self.name = name
        let base64 = Base64.encode(bytes)
        // Amid a longer text base64 looks otherwise; without its ends it is the same at every third place.
        let shifted = (1...2).map { shift in
            Array(Base64.encode([UInt8](repeating: 0x20, count: shift) + bytes).dropFirst(4).dropLast(4))
        }
        func url(_ text: [UInt8]) -> [UInt8] { text.map { $0 == 0x2B ? 0x2D : $0 == 0x2F ? 0x5F : $0 } }
        let digits = hexadecimal(bytes)
        var forms = [("raw", bytes), ("hex", Array(digits.utf8)), ("HEX", Array(digits.uppercased().utf8))]
        forms.append(("percent-encoded", bytes.flatMap { Array("%\(hexadecimal([$0]).uppercased())".utf8) }))
        for text in [base64] + shifted {
            let whole = Array(text.filter { $0 != 0x3D })
            forms += [("base64", whole), ("base64url", url(whole))]
        }
        self.forms = forms.filter { $0.1.count >= 12 }
    }

    /// The form in which it stands in `text`.
    func form(in text: [UInt8]) -> String? {
        forms.first { text.firstRange(of: $0.bytes) != nil }?.name
    }
}

/// A run with everything secret in use, and a look for every secret in all that it leaves and says.
@Suite(.serialized) struct SecretsTests {
    private struct Scene {
        let scratch = ScratchDirectory()
        let authority = TestAuthority()
        var nodes: [TLSNode] = []
        var secrets: [KnownSecret] = []
        /// What was said, and by whom.
        var said: [(what: String, text: [UInt8])] = []

        mutating func know(_ name: String, _ text: String) { secrets.append(KnownSecret(name, Array(text.utf8))) }

        mutating func hear(_ what: String, _ result: CommandResult) {
            said.append(("\(what), output", Array(result.out.utf8)))
            said.append(("\(what), errors", Array(result.err.utf8)))
        }

        mutating func run(_ node: TLSNode, _ arguments: [String], environment: [String: String] = [:]) async throws {
            for more in [[], ["--json"]] {
                let result = try await Program.run(
                    arguments + more + ["--config", node.node.configPath], in: scratch, environment: environment)
                hear("\(arguments.joined(separator: " ")) on \(node.node.name)", result)
            }
        }
    }

    private static let ring = "the-key-of-the-whole-ring-0f9a"
    private static let own = ["the-key-of-alpha-and-beta-7c11", "the-next-of-alpha-and-beta-7c12"]
    private static let page = "the-key-of-the-page-of-alpha-3b2d"
    private static let wrong = "a-key-that-is-not-the-ring's-55"

    /// Three nodes over TLS that know the ring's key from its file, `FEDERATION_KEY` and `NOEMA_MCP_KEY`.
    private func scene() async throws -> Scene {
        var scene = Scene()
        for name in ["alpha", "beta", "gamma"] {
            let node = try await TLSNode(name, in: scene.scratch, by: scene.authority)
            node.node.set("log", "{level: debug}")
            node.node.set("access", "{shared_key_file: ring.key}")
            node.write(Array((SecretsTests.ring + "\n").utf8), to: "ring.key")
            node.write(Array((SecretsTests.own.joined(separator: "\n") + "\n").utf8), to: "own.key")
            scene.nodes.append(node)
        }
        for one in scene.nodes {
            one.node.setPeers(scene.nodes.filter { $0.node !== one.node }.map { other in
                let isPair = Set([one.node.name, other.node.name]) == ["alpha", "beta"]
                return isPair ? other.entry("key_file: own.key") : other.entry()
            })
        }
        scene.know("the ring's key", SecretsTests.ring)
        scene.know("a peer's key", SecretsTests.own[0])
        scene.know("a peer's next key", SecretsTests.own[1])
        scene.know("a wrong key", SecretsTests.wrong)
        for one in scene.nodes {
            let seed = TestFile.text(one.node.directory + "/data/signing.key").filter { !$0.isWhitespace }
            let bytes = try #require(Base64.decode(Array(seed.utf8)[...], count: 32))
            scene.secrets.append(KnownSecret("the signing key of \(one.node.name)", bytes))
            for file in ["server.key", "client.key"] {
                let lines = TestFile.text(one.node.directory + "/" + file).split(separator: "\n").filter { !$0.hasPrefix("-----") }
                #expect(!lines.isEmpty)
                for line in lines.prefix(2) { scene.know("\(file) of \(one.node.name)", String(line)) }
            }
        }
        return scene
    }

    @Test func theLookFindsASecretInEachForm() {
        let secret = KnownSecret("x", Array("a-key-of-some-length-1".utf8))
        let text = "a-key-of-some-length-1"
        let forms = [
            text, "Bearer \(text)\n", String(decoding: Base64.encode(Array(text.utf8)), as: UTF8.self),
            String(decoding: Base64.encode(Array("x:\(text) y".utf8)), as: UTF8.self), hexadecimal(Array(text.utf8)),
            text.utf8.map { "%" + hexadecimal([$0]).uppercased() }.joined(),
        ]
        for form in forms { #expect(secret.form(in: Array(("before" + form + "after").utf8)) != nil, "\(form)") }
        #expect(secret.form(in: Array("a-key-of-another-length".utf8)) == nil)
    }

    @Test func noSecretOfAFullRunIsSeenAnywhere() async throws {
        var scene = try await scene()
        let monitor = TestPort.free()
        scene.nodes[0].node.set("monitor", "{listen: '127.0.0.1:\(monitor)'}")
        let page = TestPort.free()
        scene.nodes[0].node.set("page", "{listen: '127.0.0.1:\(page)', key_file: page.key}")
        scene.nodes[0].write(Array((SecretsTests.page + "\n").utf8), to: "page.key")
        scene.know("the page's key", SecretsTests.page)
        let (alpha, beta, gamma) = (scene.nodes[0], scene.nodes[1], scene.nodes[2])
        try await alpha.node.start()
        try await beta.node.start(environment: ["FEDERATION_KEY": SecretsTests.ring])
        try await gamma.node.start(environment: ["NOEMA_MCP_KEY": SecretsTests.ring])
        for one in scene.nodes { try await one.node.put("# Note of \(one.node.name)\n") }
        for one in scene.nodes {
            try await eventually("three on \(one.node.name); log:\n\(one.node.log)") { (try await one.node.events().count == 3).orNil }
        }
        processes(&scene)
        try await commands(&scene)
        try await answers(&scene, monitor: monitor)
        try await answersOfThePage(&scene, page)
        try await failures(&scene)
        for one in scene.nodes {
            scene.said.append(("the log of \(one.node.name)", TestFile.bytes(one.node.logPath)))
            #expect(one.node.log.contains(" debug ") || !one.node.log.isEmpty)
        }
        for one in scene.nodes { try await one.node.stop() }
        files(&scene)
        #expect(scene.said.count > 200 && scene.said.map(\.text.count).reduce(0, +) > 100_000)
        for (what, text) in scene.said {
            for secret in scene.secrets {
                if let form = secret.form(in: text) { Issue.record("\(secret.name) is seen (\(form)) in \(what)") }
            }
        }
    }

    /// What anybody on the machine sees of the daemons. A key in an environment is in the environment: that is what the
    /// two variables are.
    private func processes(_ scene: inout Scene) {
        for one in scene.nodes {
            guard let pid = one.node.pid else { continue }
            scene.said.append(("the command line of \(one.node.name)", TestFile.bytes("/proc/\(pid)/cmdline")))
            guard one.node.name == "alpha" else { continue }
            scene.said.append(("the environment of alpha", TestFile.bytes("/proc/\(pid)/environ")))
        }
    }

    private func commands(_ scene: inout Scene) async throws {
        let (alpha, beta) = (scene.nodes[0], scene.nodes[1])
        let names = [
            ["status"], ["status", "--brief"], ["status", "--check"], ["check"], ["check", "--deep"], ["peers"], ["records"], ["events"],
            ["divergences"], ["quarantine", "list"], ["identity", "show"], ["key", "fingerprint"], ["verify"], ["verify", "--self"],
            ["sync"], ["reload"], ["preview", beta.endpoint], ["pair", "beta"], ["reset-peer", "beta", "--dry-run"],
            ["pause-peer", "gamma"], ["resume-peer", "gamma"], ["set-mode", "gamma", "sync"], ["show", "none"], ["purge", "none"],
            ["keygen"], ["key", "new", alpha.node.directory + "/ring.key"], ["add-peer", "other", "http://127.0.0.1:1"], ["remove-peer", "other"],
            ["quarantine", "show", "1"], ["trust-key", "x"], ["support", "--dry-run"], ["run"], ["init", alpha.node.directory], ["nonsense"], ["--help"], ["--version"],
        ]
        for arguments in names {
            try await scene.run(alpha, arguments)
        }
        let file = scene.scratch.file("support.json")
        let made = try await Program.run(
            ["support", "--output", file, "--log", alpha.node.logPath, "--config", alpha.node.configPath], in: scene.scratch,
            environment: ["FEDERATION_KEY": SecretsTests.wrong])
        scene.hear("support", made)
        let support = TestFile.bytes(file)
        #expect(made.status == 0 && support.count > 10_000)
        scene.said.append(("the file for whoever helps", support))
        for arguments in [["status"], ["check"], ["key", "fingerprint"]] {
            try await scene.run(beta, arguments, environment: ["FEDERATION_KEY": SecretsTests.ring])
        }
    }

    /// What each route says to whoever has the key, and to whoever has not.
    private func answers(_ scene: inout Scene, monitor: UInt16) async throws {
        let alpha = scene.nodes[0]
        let client = CurlClient()
        defer { client.close() }
        for path in ["/metrics", "/healthz", "/readyz"] {
            let answer = try await client.perform(HTTPRequest(.get, path), endpoint: "http://127.0.0.1:\(monitor)").response
            #expect(answer.status == 200, "\(path)")
            scene.said.append((path, answer.body))
        }
        for target in ["/federation/v1/identity", "/federation/v1/events", "/federation/v1/digest?before=1", "/mcp", "/nothing"] {
            for key in [SecretsTests.ring, SecretsTests.wrong, nil] {
                var request = HTTPRequest(target == "/mcp" ? .post : .get, target, fields: ["Content-Type": "application/json"])
                request.body = target == "/mcp" ? Array(#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"federation_status"}}"#.utf8) : []
                request.fields["Authorization"] = key.map { "Bearer \($0)" }
                let answer = try await client.perform(request, endpoint: alpha.node.endpoint).response
                let text = answer.fields.fields.map { "\($0.name): \($0.value)\n" }.joined()
                scene.said.append(("\(target) with \(key == nil ? "no key" : "a key")", Array(text.utf8) + answer.body))
            }
        }
    }

    /// What the page says to whoever has its key, to whoever has the ring's, and to whoever has none.
    private func answersOfThePage(_ scene: inout Scene, _ page: UInt16) async throws {
        let client = CurlClient()
        defer { client.close() }
        let questions = ["status", "history", "divergences", "quarantine", "events", "page"].map { "/api/\($0)" }
        for target in questions + ["/", "/page.js", "/page.key", "/api/resolve", "/api/nothing"] {
            for key in [SecretsTests.page, SecretsTests.ring, SecretsTests.wrong, nil] {
                let isCommand = target == "/api/resolve"
                var request = HTTPRequest(isCommand ? .post : .get, target, body: isCommand ? Array(#"{"id":"x","accept":"y"}"#.utf8) : [])
                request.fields["Content-Type"] = "application/json"
                request.fields["Federation-Page"] = "1"
                request.fields["Authorization"] = key.map { "Bearer \($0)" }
                let answer = try await client.perform(request, endpoint: "http://127.0.0.1:\(page)").response
                let text = answer.fields.fields.map { "\($0.name): \($0.value)\n" }.joined()
                scene.said.append(("\(target) of the page with \(key == nil ? "no key" : "a key")", Array(text.utf8) + answer.body))
            }
        }
    }

    /// A wrong key, a wrong authority, files that others could read, files that are no keys, a configuration that is none.
    private func failures(_ scene: inout Scene) async throws {
        let delta = try await TLSNode("delta", in: scene.scratch, by: scene.authority)
        let alpha = scene.nodes[0]
        delta.node.set("log", "{level: debug}")
        delta.node.set("access", "{shared_key_file: ring.key}")
        delta.write(Array((SecretsTests.wrong + "\n").utf8), to: "ring.key")
        delta.node.setPeers([alpha.entry()])
        try await scene.run(delta, ["sync"])
        try await scene.run(delta, ["status"])
        delta.write(TestAuthority(name: "another").pem, to: "ca.pem")
        try await scene.run(delta, ["sync"])
        for (text, mode) in [(SecretsTests.ring, 0o644), ("two words \(SecretsTests.ring)", 0o600), ("", 0o600)] as [(String, mode_t)] {
            delta.write(Array(text.utf8), to: "ring.key")
            chmod(delta.node.directory + "/ring.key", mode)
            for arguments in [["run"], ["check"], ["sync"]] { try await scene.run(delta, arguments) }
        }
        delta.write(Array((SecretsTests.wrong + "\n").utf8), to: "ring.key")
        for file in ["server.key", "client.key"] {
            delta.write(TestFile.bytes(alpha.node.directory + "/" + file).dropLast(20) + Array("x\n".utf8), to: file)
            for arguments in [["run"], ["check"], ["sync"]] { try await scene.run(delta, arguments) }
        }
        scene.said.append(("the log of delta", TestFile.bytes(delta.node.logPath)))
        // While it runs: what is read again and cannot be used.
        alpha.write(Array("two words \(SecretsTests.ring)\n".utf8), to: "ring.key")
        try await scene.run(alpha, ["reload"])
        try await eventually("the log says so:\n\(alpha.node.log)") {
            alpha.node.log.contains("what was read before stays").orNil
        }
        alpha.write(Array((SecretsTests.ring + "\n").utf8), to: "ring.key")
    }

    /// Every file of the nodes but those that are there to hold a secret, and the configuration's own text.
    private func files(_ scene: inout Scene) {
        let keys: Set<String> = ["ring.key", "own.key", "page.key", "server.key", "client.key", "signing.key"]
        for one in scene.nodes {
            for directory in [one.node.directory, one.node.directory + "/data"] {
                for name in TestFile.names(in: directory) where !keys.contains(name) && name != "data" && name != "log" {
                    scene.said.append(("\(name) of \(one.node.name)", TestFile.bytes(directory + "/" + name)))
                }
            }
        }
        #expect(scene.said.contains { $0.what == "federation.db of alpha" && $0.text.count > 10_000 })
    }
}
