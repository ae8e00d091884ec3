import FederationCore
import FederationCrypto
import FederationTestKit

@testable import Federation
@testable import FederationHTTP

/// One request as it stands on a line, and the node that answers it from memory: what a server makes of it, without the
/// server.
struct ServedText {
    var request: ServedRequest

    init(_ bytes: [UInt8]) {
        let head = ServedText.end(of: bytes)
        var rest = bytes[..<head][...]
        let first = ScriptedPeer.line(&rest).split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
        let target = RequestTarget(first.count > 1 ? first[1] : [])
        var fields: HTTPFields = [:]
        for field in ScriptedPeer.fields(&rest).fields {
            fields.append(field.name, field.value.hasSuffix("\r") ? String(field.value.dropLast()) : field.value)
        }
        // A proxy and a certificate come with names of their own: no client can send what stands for them.
        var channel = RequestChannel.plain
        if let known = fields["X-Client"] {
            channel = .tls(client: ClientCertificate(key: sha256(Array(known.utf8)), isVouchedFor: known == "v"))
        }
        request = ServedRequest(
            method: String(decoding: first[0], as: UTF8.self), path: target.path, query: target.query, fields: fields,
            body: Array(bytes[head...]), remoteAddress: "127.0.0.1", channel: channel, target: target.text)
        ServedText.hold(target)
    }

    /// Where the body begins.
    private static func end(of bytes: [UInt8]) -> Int {
        for index in bytes.indices.dropFirst() where bytes[index] == 0x0A {
            let isEmpty = bytes[index - 1] == 0x0D && index > 1 && bytes[index - 2] == 0x0A
            if isEmpty || bytes[index - 1] == 0x0A { return index + 1 }
        }
        return bytes.count
    }

    private static func hold(_ target: RequestTarget) {
        require(!target.path.contains("?"), "a path with a query")
        require(target.query.count <= target.text.utf8.count, "more parameters than bytes")
        // What we write of a text is read back as it was.
        for (_, value) in target.query {
            let again = RequestTarget(Array("/?v=\(percentEncoded(value))".utf8))
            require(again.query.first?.value ?? "" == value, "a parameter that is not read as it was written")
        }
    }
}

/// The node that requests are put to, in memory.
struct ServingNode: Sendable {
    static let shared = ServingNode()

    let wires: [any Wire] = [MeshWire(carrying: .records), NativeWire(), NoemaWire()]
    let requestGuard = RequestGuard(addresses: ["127.0.0.1", "::1"], names: ["alpha.example"], port: 4001)
    let policy: AccessPolicy
    let proxies = ProxyPolicy(["127.0.0.1", "10.0.0.1"])
    let pair: SigningKey
    let hub: LoopedNode

    private init() {
        guard let pair = try? SigningKey(seed: [UInt8](repeating: 1, count: SigningKey.seedLength)),
            var hub = try? LoopedNode(NativeWire(), 2, holding: WireContract.sample(8))
        else { fail("no node") }
        hub.pusher = PushingPeer(name: "leaf", id: Sample.node(9))
        self.pair = pair
        self.hub = hub
        var policy = AccessPolicy()
        policy.keys = [
            AccessPolicy.Key(field: sha256(Array("Bearer ring".utf8))),
            AccessPolicy.Key(field: sha256(Array("Bearer leaf".utf8)), peer: "leaf"),
        ]
        policy.pins = [sha256(Array("p".utf8)): "leaf"]
        policy.asksForCertificate = true
        self.policy = policy
    }

    /// Every rule of a server, and then the answer whatever they said: what stands behind a door is to hold without it.
    func answer(_ request: ServedRequest) -> HTTPResponse {
        if requestGuard.check(request.fields) == .allowed {
            require(request.fields.count(of: "Host") == 1, "an allowed request without one host")
        }
        let origin = proxies.origin(of: request.remoteAddress, request.fields)
        require(origin.utf8.count <= 45, "an address past its bound")
        _ = try? policy.caller(request.fields, over: request.channel, sha256: sha256)
        var context = hub.context
        let asker = request.fields[NativeField.node].flatMap { ULID($0) }
        if let asker, let proof = request.fields[NodeProof.field].flatMap({ NodeProof($0) }) {
            let key = pair.publicKey
            let holds = proof.holds(
                for: request, from: asker, to: hub.node.id, at: MemoryLog.now, sha256: sha256
            ) { preimage, signature in Signature(signature).map { key.verify($0, of: preimage) } ?? false }
            if holds { context.peerName = "leaf" }
        }
        context.isSigned = { _, signature, _ in signature.hasPrefix("good") }
        let path = request.path
        guard let wire = wires.first(where: { $0.routes.contains { path.hasPrefix($0) } }) else {
            return HTTPResponse(status: 404)
        }
        guard let reply = try? wire.respond(to: request, context: context, view: hub.log) else { fail("no answer") }
        var outcome: PageOutcome?
        if let commit = reply.commit?.whole {
            var log = hub.log
            outcome = try? commit.write(to: &log, intake: MemoryLog.intake, now: MemoryLog.now)
            require(outcome != nil, "memory that takes no page")
        }
        let response = NativePageCoding.coded(reply.response(outcome), for: request)
        hold(response)
        return response
    }

    private func hold(_ response: HTTPResponse) {
        require((200...599).contains(response.status), "a status that is none")
        for field in response.fields.fields {
            let isPlain = (field.name + field.value).utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
            require(isPlain, "a field that splits an answer")
        }
        require(response.body.count <= Limits.pageBytes + Limits.eventBytes, "an answer past its bound")
        guard response.fields.mediaType == "application/json" else { return }
        require((try? JSON(response.body)) != nil, "an answer that is not the JSON it says")
    }
}
