/// A text known by its bytes.
///
/// Swift's `==` takes canonically equivalent texts for one (`é` as one scalar or as two); the log, its signatures and
/// every peer do not. Whatever keeps subjects, origins or keys in a dictionary keeps them under this.
public struct ExactText: Hashable, Comparable, Sendable {
    public let text: String

    public init(_ text: String) { self.text = text }

    public static func == (a: ExactText, b: ExactText) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }
    public static func < (a: ExactText, b: ExactText) -> Bool { a.text.utf8.lexicographicallyPrecedes(b.text.utf8) }

    public func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
        hasher.combine(0xFF as UInt8)
    }
}

extension String {
    /// Whether both are the same bytes.
    public func isExactly(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
