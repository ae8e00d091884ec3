/// The identity of objects that come from another system: the same on every node that imports them.
package enum Imported {
    /// The origin of all objects of one instance of a system.
    package static func origin(of system: EventFamily, instance: String, _ sha256: SHA256) -> ULID {
        ulid(sha256(Array("federation-origin-v1\n\(system.rawValue)\n\(instance)".utf8)).bytes[...])
    }

    /// The id of one version of an object: its time, and what is left of a hash over its own key and version.
    package static func id(milliseconds: Int64, hash: Digest) -> ULID {
        let bits = ulid(hash.bytes[...])
        return ULID(milliseconds: milliseconds, random: (bits.high, bits.low))
    }

    private static func ulid(_ bytes: ArraySlice<UInt8>) -> ULID {
        func word(_ part: ArraySlice<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
        return ULID(high: word(bytes.prefix(8)), low: word(bytes.dropFirst(8).prefix(8)))
    }
}

/// The actions of family mesh: a version of a document, or the end of one.
package enum DocumentAction: String, Hashable, Sendable, CaseIterable {
    case put = "mesh:put"
    case delete = "mesh:delete"
}

extension Event {
    /// What the event says of a document, if it is of family mesh and known.
    package var documentAction: DocumentAction? { DocumentAction(rawValue: action) }
}
