import FederationCore

/// Peers that are not who they are.
extension PeerAttack {
    /// The identity's JSON in place of an honest one.
    private static func identity(
        _ name: String, _ summary: String, _ signs: [Sign],
        _ identity: @escaping @Sendable (HostileScene) -> HostileAnswer
    ) -> PeerAttack {
        native(name, summary, signs, identity: identity) { _, scene in .response(scene.page()) }
    }

    /// Honest until a page was given, then this.
    private static func turning(
        _ name: String, _ summary: String, _ signs: [Sign], takes: Int = 1,
        _ later: @escaping @Sendable (HeardRequest, HostileScene) -> HostileAnswer
    ) -> PeerAttack {
        PeerAttack(name, summary, signs, takes: takes) { request, scene in
            let isPage = request.path == HostileScene.eventsPath
            guard scene.count("page") > 2 else {
                return isPage ? .response(scene.page([scene.node.line(1)])) : scene.identity()
            }
            return later(request, scene)
        }
    }

    private static func answering(_ request: HeardRequest, _ scene: HostileScene, as node: HostileNode) -> HostileAnswer {
        request.path == HostileScene.eventsPath ? .response(scene.page(as: node)) : scene.identity(as: node)
    }

    static let identities = unreadable + [
        PeerAttack("our-identity", "Says that it is the node that asks.", [.fails(.identityMismatch)]) { request, scene in
            scene.identity(id: "\"\(request.fields["Federation-Node"] ?? "")\"")
        },
        identity("borrowed-identity", "Says that it is another peer, by a key of its own.", [.fails(.identityMismatch)]) {
            $0.identity(id: "\"\($0.other)\"")
        },
        PeerAttack("changing-identity", "Is another node at each request.", [.fails(.identityMismatch)]) { request, scene in
            answering(request, scene, as: HostileNode("changing \(scene.count("request"))"))
        },
        native("page-of-another", "Is another node in the page than in the identity.", [.fails(.identityMismatch)]) {
            .response($1.page([$1.node.line(1)], as: $0.method == "GET" ? $1.bystander : $1.node))
        },
        turning("changed-identity", "Becomes another node after its first page.", [.fails(.identityMismatch)]) {
            answering($0, $1, as: HostileNode("changed-identity later"))
        },
        turning("changed-key", "Shows another key after its first page.", [.fails(.identityMismatch)]) {
            answering($0, $1, as: HostileNode($1.node.name, key: "second"))
        },
        turning("forged-succession", "Shows another key, and a succession that the old key did not sign.",
            [.fails(.identityMismatch)]
        ) { request, scene in
            let next = HostileNode(scene.node.name, key: "second")
            let tip = scene.node.chain([scene.node.event(1)])
            guard let forged = scene.node.succession(to: next, at: tip, signer: next) else { return .bytes([]) }
            let successions = #","successions":[\#(String(decoding: forged.json, as: UTF8.self))]"#
            return request.path == HostileScene.eventsPath
                ? .response(scene.page(attestations: [forged], as: next)) : scene.identity(more: successions, as: next)
        },
        turning("no-longer-signed", "Signs at first, and later shows no key and no signature.", [.refuses("unsigned")]) { request, scene in
            guard request.path == HostileScene.eventsPath else { return scene.identity() }
            var event = scene.node.event(2)
            (event.signature, event.publicKey) = (nil, nil)
            return .response(scene.page([event.text], fields: [
                "Federation-Key": "", "Federation-Position": "01KNJX4991ASW6NNKS9BQHNCGE.8.01KNJX49920000000000000008"
            ]))
        },
        turning("downgraded-wire", "Speaks native at first, and later only the wire that loses what arrives late.",
            [.fails(.other)]
        ) { request, scene in
            request.path == "/mcp" ? MCPCall(request)?.honest(scene) ?? .bytes([])
                : .response(HTTPResponse(status: 404))
        },
        turning("page-instead-of-nothing", "Answers 409 whatever position is asked for.", [.fails(.other)]) { request, scene in
            request.path == HostileScene.identityPath
                ? scene.identity() : .response(HTTPResponse(status: 409, fields: scene.fields()))
        },
    ]

    private static let unreadable = [
        identity("no-identity", "Says everything but who it is.", [.fails(.identityMissing)]) { $0.identity(id: "null") },
        identity("lower-case-identity", "Says its id in lower case.", [.fails(.identityMissing)]) {
            $0.identity(id: "\"\($0.node.id.description.lowercased())\"")
        },
        identity("identity-of-letters", "Says an id with the letters I, L, O and U.", [.fails(.identityMissing)]) {
            $0.identity(id: #""01KNJX4991ILOU6NNKS9BQHNCG""#)
        },
        identity("identity-past-the-end", "Says an id of 129 bits.", [.fails(.identityMissing)]) {
            $0.identity(id: #""8ZZZZZZZZZZZZZZZZZZZZZZZZZ""#)
        },
        identity("oversized-identity", "Says a name of 2 MiB.", [.fails(.other)]) {
            $0.identity(name: "\"" + String(repeating: "n", count: 2 << 20) + "\"")
        },
        identity("deep-identity", "Says an identity that is nested 100,000 deep.", [.fails(.other)]) {
            $0.identity(name: String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000))
        },
        identity("identity-that-is-a-page", "Says who it is in HTML.", [.fails(.other)]) { _ in
            .response(
                HTTPResponse(
                    status: 200, fields: ["Content-Type": "text/html"],
                    body: Array("<html>\u{1B}[2J<script>alert(1)</script></html>".utf8)))
        },
        identity("identity-not-a-number", "Says an identity with NaN in it.", [.fails(.other)]) { $0.identity(name: "NaN") },
    ]
}
