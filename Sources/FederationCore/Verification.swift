/// How the origin of an event was proved when it was taken in, or looked at again. The raw values stand in databases.
public enum Verification: Int, Hashable, Sendable, CaseIterable {
    /// Not looked at: `verify` was `off`, or an older program took it in.
    case none = 0
    /// Its signature is valid under a key that was learnt from a relayed event.
    case provisional = 1
    /// Its signature is valid under a key that its origin showed to us itself, or is our own.
    case pinned = 2
    /// Its origin's signed chain names it.
    case chained = 3
    /// Its signature is valid under the key that the configuration names.
    case hardPinned = 4
    /// It has no signature.
    case unsigned = 5
    /// Its signature is wrong, or is by another key than its origin's.
    case invalid = 6
    /// It is signed, and there is no key to check that by.
    case unknownKey = 7

    /// How strong a proof it is. Which of two pinned keys it was is of no weight: only one of them can be the origin's.
    package var rank: Int {
        switch self {
        case .none, .unsigned, .invalid, .unknownKey: 0
        case .provisional: 1
        case .pinned, .hardPinned: 2
        case .chained: 3
        }
    }

    /// It may be in its origin's chain: what is not signed, or not by its origin, is in none.
    package var isLinked: Bool { self != .unsigned && self != .invalid }

    /// It was proved by a key that does not rest on a relay's word.
    public var isProved: Bool { rank >= Verification.pinned.rank }

    /// The word for it in machine-readable output.
    public var code: String {
        switch self {
        case .none: "unchecked"
        case .provisional: "provisional_key"
        case .pinned: "pinned_key"
        case .chained: "chain"
        case .hardPinned: "hard_pin"
        case .unsigned: "unsigned"
        case .invalid: "invalid"
        case .unknownKey: "unknown_key"
        }
    }

    /// The stronger of two.
    package static func stronger(_ a: Verification, _ b: Verification) -> Verification { b.rank > a.rank ? b : a }
}
