/// A text known by its bytes.
///
/// Swift's `==` takes canonically equivalent texts for one (`é` as one scalar or as two); the log, its signatures and
/// every peer do not. Whatever keeps subjects, origins or keys in a dictionary keeps them under this.
package struct ExactText: Hashable, Comparable, Sendable {
    package let text: String

    package init(_ text: String) { self.text = text }

    package static func == (a: ExactText, b: ExactText) -> Bool { a.text.isExactly(b.text) }
    package static func < (a: ExactText, b: ExactText) -> Bool { a.text.precedesExactly(b.text) }

    package func hash(into hasher: inout Hasher) {
        unsafe text.utf8.span.bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        hasher.combine(0xFF as UInt8)
    }
}

extension String {
    /// Whether both are the same bytes.
    package func isExactly(_ other: String) -> Bool {
        // Their lengths first: most that differ differ in length, and have no span made.
        unsafe utf8.count == other.utf8.count && utf8.span.bytes.isSame(as: other.utf8.span.bytes)
    }

    /// Whether it comes before `other` in the order of bytes.
    package func precedesExactly(_ other: String) -> Bool {
        let (bytes, others) = unsafe (utf8.span.bytes, other.utf8.span.bytes)
        let place = bytes.sharedPrefix(with: others)
        guard place < bytes.byteCount, place < others.byteCount else { return bytes.byteCount < others.byteCount }
        return bytes.byte(at: place) < others.byte(at: place)
    }
}
