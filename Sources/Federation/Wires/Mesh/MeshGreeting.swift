internal import FederationConfig
internal import FederationCore

/// What a node says of itself on the mesh wire: in the fields of every answer, and as the answer of `/mesh` itself.
struct MeshGreeting {
    static let carriedField = "Federation-Carries"

    var node: NodeIdentity
    /// What the asking node is given.
    var carried: MeshCarry

    var fields: HTTPFields {
        var fields: HTTPFields = [:]
        fields[NativeField.node] = node.id.description
        fields[NativeField.name] = percentEncoded(node.name)
        fields[NativeField.version] = PeerHealth.safeVersion(node.version)
        fields[NativeField.mode] = node.mode.rawValue
        fields[NativeField.publicKey] = node.publicKey
        fields[MeshGreeting.carriedField] = carried.rawValue
        return fields
    }

    var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("id", node.id.description)
            writer.member("name", node.name)
            writer.member("version", node.version)
            writer.member("mode", node.mode.rawValue)
            if let key = node.publicKey { writer.member("pubkey", key) }
            writer.member("carries", carried.rawValue)
        }
        return writer.bytes
    }
}

/// Reading the same on the other side.
struct MeshPeer {
    var identity: PeerIdentity
    var carried: MeshCarry

    /// A peer that says nothing of what it carries has documents: the system that this wire is for has no others.
    init(body: [UInt8]) throws(ExchangeFailure) {
        identity = try NativePeer.identity(body: body)
        identity.wire = .mesh
        carried = (try? JSON(body))?["carries"]?.string.flatMap { MeshCarry(rawValue: $0) } ?? .documents
    }
}

extension MeshCarry {
    var families: Set<EventFamily> {
        switch self {
        case .documents: [.mesh]
        case .records: [.mesh, .noema]
        }
    }

    /// What both sides agree to.
    func and(_ other: MeshCarry) -> MeshCarry { self == other ? self : .documents }
}
