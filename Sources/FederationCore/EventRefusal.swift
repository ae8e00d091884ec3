/// The fields of an event on the wire, for naming the one that is wrong.
public enum EventField: String, Hashable, Sendable {
    case id, action, timestamp, origin, data, vclock, signature, pubkey, stub
    case traceID = "trace_id"
    case cortexID = "cortex_id"
}

/// Why an event is not taken into the log: its shape, size, hash or origin is wrong, and always will be.
///
/// It depends on the event and on constants alone, so every node refuses the same events; but for what signatures prove,
/// which hangs on the keys that a node knows and on its `verify`. The bytes are kept as evidence.
public enum EventRefusal: Error, Hashable, Sendable {
    case notJSON(JSONProblem)
    case notAnObject
    case tooLarge(bytes: Int)
    case missing(EventField)
    case wrongType(EventField)
    case textTooLong(EventField, bytes: Int)
    /// The id is not a canonical ULID.
    case invalidID
    case duplicateKey
    /// `data` holds a raw byte below 0x20, which no writer makes and which would break the framing by lines.
    case rawControlByte
    case clockTooLarge(entries: Int)
    case counterTooLarge
    /// The snapshot of a create or update has a member of a type that Noema's has not.
    case malformedSnapshot(member: String)
    /// `content_hash` is not the hash of `body`.
    case contentHashMismatch
    /// It names this node as its origin and carries no signature of this node's.
    case forgedOwnOrigin
    /// Its signature is not its origin's over what it says.
    case badSignature
    /// It is signed by another key than the one known of its origin.
    case swappedKey
    /// It is signed by a key that its origin has given up, and is none of those that this key signed till then.
    case pastKey
    /// Its origin has named two successors of one key: nothing more is taken of it until a person chooses.
    case frozenOrigin
    /// It has no signature, and this node takes in signed events only.
    case unsigned
    /// It is signed, and neither it nor anybody else says by which key.
    case unknownKey
    /// Another event has this id and wins (`design: variants`); this one is kept beside it.
    case losingVariant

    public var reason: Reason {
        switch self {
        case .missing(.traceID), .wrongType(.traceID), .textTooLong(.traceID, _): .invalidTraceID
        case .malformedSnapshot: .invalidFrontmatter
        case .forgedOwnOrigin: .identityMismatch
        case .badSignature, .swappedKey, .pastKey, .frozenOrigin, .unsigned, .unknownKey: .signature
        case .notJSON, .notAnObject, .tooLarge, .missing, .wrongType, .textTooLong, .invalidID, .duplicateKey,
            .rawControlByte, .clockTooLarge, .counterTooLarge, .contentHashMismatch, .losingVariant:
            .other
        }
    }

    /// The codes of what another key, or another policy, may let in.
    static let signatureCodes = [
        EventRefusal.badSignature, .swappedKey, .pastKey, .frozenOrigin, .unsigned, .unknownKey,
    ].map(\.code)

    /// A word that names the case, for databases and machine-readable output.
    package var code: String {
        switch self {
        case .notJSON: "not_json"
        case .notAnObject: "not_an_object"
        case .tooLarge: "too_large"
        case .missing(let field): "missing_\(field.rawValue)"
        case .wrongType(let field): "wrong_type_\(field.rawValue)"
        case .textTooLong(let field, _): "too_long_\(field.rawValue)"
        case .invalidID: "invalid_id"
        case .duplicateKey: "duplicate_key"
        case .rawControlByte: "raw_control_byte"
        case .clockTooLarge: "clock_too_large"
        case .counterTooLarge: "counter_too_large"
        case .malformedSnapshot: "malformed_snapshot"
        case .contentHashMismatch: "content_hash_mismatch"
        case .forgedOwnOrigin: "forged_own_origin"
        case .badSignature: "bad_signature"
        case .swappedKey: "swapped_key"
        case .pastKey: "past_key"
        case .frozenOrigin: "frozen_origin"
        case .unsigned: "unsigned"
        case .unknownKey: "unknown_key"
        case .losingVariant: "losing_variant"
        }
    }
}
