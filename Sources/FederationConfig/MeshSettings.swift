package import FederationCore

/// What is exchanged with a peer of the mesh wire.
package enum MeshCarry: String, Hashable, Sendable, CaseIterable {
    /// The documents of the mesh, and nothing of ours.
    case documents
    /// These, and our own records.
    case records
}

/// The mesh wire's own keys of a peer's entry.
package struct MeshSettings: WireSettings {
    package static let wire = WireName.mesh

    /// Our records leave their family only where the entry asks for it.
    package var carry = MeshCarry.documents

    package init() {}

    package init(reading entry: inout MappingReader) {
        carry = entry.read("carry", default: carry, .oneOf)
    }
}
