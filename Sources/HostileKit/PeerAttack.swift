package import FederationCore
internal import FederationCrypto
internal import Synchronization

/// One way in which a peer can be hostile: a server that any node can be pointed at.
package struct PeerAttack: Sendable {
    package let name: String
    /// One sentence on what it does.
    package let summary: String
    /// What a node is expected to show.
    package let signs: [Sign]
    /// Lines of its entry in a configuration, beside its endpoint.
    package let lines: [String]
    /// Honest events among what it gives, which a node takes under `verify: enforce`.
    package let takes: Int
    let answer: @Sendable (HeardRequest, HostileScene) -> HostileAnswer

    init(
        _ name: String, _ summary: String, _ signs: [Sign], lines: [String] = [], takes: Int = 0,
        answer: @Sendable @escaping (HeardRequest, HostileScene) -> HostileAnswer
    ) {
        self.name = name
        self.summary = summary
        self.signs = signs
        self.lines = lines
        self.takes = takes
        self.answer = answer
    }

    /// Every one there is.
    package static let all = transport + identities + pages + forgeries + shapes + histories + comparisons + tools

    /// Begins to answer as this attack does.
    ///
    /// - Parameter other: the identity of another peer of the node that is attacked, for those that borrow one.
    package func serve(port: UInt16, other: ULID?) throws -> HostileServer {
        let scene = HostileScene(name, other: other)
        return try HostileServer(port: port) { [answer] in answer($0, scene) }
    }

    /// Whose events it gives: its own, and those of a node that it only relays.
    package var origins: [ULID] { [HostileNode(name).id, HostileNode(name + "-bystander").id] }
}

/// What an attack has at hand.
final class HostileScene: Sendable {
    let node: HostileNode
    /// An honest node whose events it relays; nobody meets it.
    let bystander: HostileNode
    /// Somebody whom the attacked node knows.
    let other: ULID
    private let counts = Mutex<[String: Int]>([:])

    init(_ name: String, other: ULID?) {
        node = HostileNode(name)
        bystander = HostileNode(name + "-bystander")
        self.other = other ?? HostileNode("other").id
    }

    /// How often this was called with that word, this time counted.
    func count(_ word: String) -> Int {
        counts.withLock {
            $0[word, default: 0] += 1
            return $0[word] ?? 0
        }
    }

    // MARK: An honest node of the native wire, as far as nothing else is said

    static let identityPath = "/federation/v1/identity"
    static let eventsPath = "/federation/v1/events"
    static let position = "01KNJX4991ASW6NNKS9BQHNCGE.7.01KNJX49920000000000000007"

    func fields(_ changes: [String: String] = [:], as node: HostileNode? = nil) -> HTTPFields {
        let node = node ?? self.node
        var fields: HTTPFields = [
            "Federation-Node": node.id.description, "Federation-Name": node.name, "Federation-Version": "0.2.0",
            "Federation-Mode": "sync", "Federation-Key": node.publicKey,
            "Federation-Features": "events ids zstd attestations", "Content-Type": "application/json",
        ]
        for (name, value) in changes { fields[name] = value.isEmpty ? nil : value }
        return fields
    }

    /// - Parameters:
    ///   - id, name: as JSON.
    ///   - more: further members, with the comma before.
    func identity(
        id: String? = nil, name: String? = nil, features: String = #""events","attestations""#, more: String = "",
        as node: HostileNode? = nil
    ) -> HostileAnswer {
        let node = node ?? self.node
        let body =
            #"{"id":\#(id ?? "\"\(node.id)\""),"name":\#(name ?? "\"\(node.name)\""),"version":"0.2.0","mode":"sync","#
            + #""pubkey":"\#(node.publicKey)","features":[\#(features)]\#(more)}"#
        return .response(HTTPResponse(status: 200, fields: fields(as: node), body: Array(body.utf8)))
    }

    /// A page that ends the log; a value of `fields` that is empty takes that field away.
    func page(
        _ lines: [String] = [], attestations: [Attestation?] = [], fields changes: [String: String] = [:],
        body: [UInt8]? = nil, as node: HostileNode? = nil
    ) -> HTTPResponse {
        var fields = fields(as: node)
        fields["Content-Type"] = "application/x-ndjson"
        fields["Federation-Count"] = String(lines.count)
        fields["Federation-More"] = "false"
        fields["Federation-Position"] = HostileScene.position
        let behind = attestations.compactMap { $0.map { String(decoding: $0.json, as: UTF8.self) } }
        if !behind.isEmpty { fields["Federation-Attestations"] = String(behind.count) }
        for (name, value) in changes { fields[name] = value.isEmpty ? nil : value }
        return HTTPResponse(
            status: 200, fields: fields, body: body ?? Array((lines + behind).map { $0 + "\n" }.joined().utf8))
    }
}

extension PeerAttack {
    /// An attack on the native wire that begins with an honest identity.
    static func native(
        _ name: String, _ summary: String, _ signs: [Sign], lines: [String] = [], takes: Int = 0,
        identity: (@Sendable (HostileScene) -> HostileAnswer)? = nil,
        page: @escaping @Sendable (HeardRequest, HostileScene) -> HostileAnswer
    ) -> PeerAttack {
        PeerAttack(name, summary, signs, lines: lines, takes: takes) { request, scene in
            switch request.path {
            case HostileScene.identityPath: identity.map { $0(scene) } ?? scene.identity()
            case HostileScene.eventsPath: page(request, scene)
            default: .response(HTTPResponse(status: 404, fields: ["Content-Type": "application/json"]))
            }
        }
    }

    /// One that gives these events, each the JSON that it is, as an honest node would.
    static func giving(
        _ name: String, _ summary: String, _ signs: [Sign], takes: Int = 0,
        _ lines: @escaping @Sendable (HostileScene, _ reader: ULID) -> [String]
    ) -> PeerAttack {
        native(name, summary, signs, takes: takes) { request, scene in
            let reader = request.fields["Federation-Node"].flatMap { ULID($0) } ?? scene.node.id
            return .response(scene.page(request.parameter("after") == nil ? lines(scene, reader) : []))
        }
    }
}
