/// One JSON value with the bytes it was written in (RFC 8259).
///
/// Strings are decoded when asked for and numbers stay as written, so nothing is lost between reading and relaying.
/// A key that occurs twice in an object does not stop the reading: readers disagree on what it means, so whoever
/// decodes an event asks `hasDuplicateKeys` and refuses.
package struct JSON: Sendable {
    enum Node: Sendable {
        case null(Range<Int>)
        case bool(Bool, Range<Int>)
        case number(Range<Int>)
        /// `isPlain`: without an escape, so that it stands for its own bytes.
        case string(Range<Int>, isPlain: Bool)
        case array([Node], Range<Int>)
        case object([(key: String, value: Node)], duplicates: Bool, Range<Int>)

        var range: Range<Int> {
            switch self {
            case .null(let range), .bool(_, let range), .number(let range), .string(let range, _), .array(_, let range),
                .object(_, _, let range):
                range
            }
        }
    }

    let text: [UInt8]
    let node: Node
    /// It was written in normal form, as nearly every program writes it: without white space and with minimal escapes.
    /// `false` says nothing.
    let isNormal: Bool

    /// Reads one value and nothing after it but white space.
    ///
    /// - Throws: `JSONProblem`, also for nesting past `depth` and for more than `Limits.jsonValues` values.
    package init(_ text: [UInt8], depth: Int = Limits.jsonDepth) throws(JSONProblem) {
        var reader = JSONReader(text, depth: depth)
        node = try reader.document()
        self.text = text
        isNormal = reader.isNormal
    }

    /// A value inside another.
    private init(_ node: Node, of whole: JSON) {
        text = whole.text
        self.node = node
        isNormal = whole.isNormal
    }

    /// The bytes of this value as they came.
    package var raw: ArraySlice<UInt8> { text[node.range] }

    package var isNull: Bool { if case .null = node { true } else { false } }
    package var isObject: Bool { if case .object = node { true } else { false } }
    package var bool: Bool? { if case .bool(let value, _) = node { value } else { nil } }

    package var isString: Bool { if case .string = node { true } else { false } }

    /// The text of a string; an unpaired surrogate escape reads as U+FFFD.
    package var string: String? {
        if case .string(let range, let isPlain) = node { decodedString(text, range, isPlain: isPlain) } else { nil }
    }

    /// A number that is written as an integer (no fraction, no exponent) and fits.
    package var unsigned: UInt64? {
        if case .number(let range) = node { UInt64(String(decoding: text[range], as: UTF8.self)) } else { nil }
    }

    package var integer: Int64? {
        if case .number(let range) = node { Int64(String(decoding: text[range], as: UTF8.self)) } else { nil }
    }

    package var isNumber: Bool { if case .number = node { true } else { false } }

    package var array: [JSON]? {
        guard case .array(let nodes, _) = node else { return nil }
        return nodes.map { JSON($0, of: self) }
    }

    /// The members in the order written.
    package var members: [(key: String, value: JSON)]? {
        guard case .object(let members, _, _) = node else { return nil }
        return members.map { ($0.key, JSON($0.value, of: self)) }
    }

    /// The first member of this name; `nil` also for what is not an object.
    package subscript(key: String) -> JSON? {
        guard case .object(let members, _, _) = node else { return nil }
        // By place: a member that is taken out to be looked at is copied.
        for place in members.indices where members[place].key.isExactly(key) { return JSON(members[place].value, of: self) }
        return nil
    }

    /// Whether this value or one inside it is an object with a key twice.
    package var hasDuplicateKeys: Bool { JSON.hasDuplicates(node) }

    private static func hasDuplicates(_ node: Node) -> Bool {
        switch node {
        case .null, .bool, .number, .string: false
        case .array(let nodes, _): nodes.contains(where: hasDuplicates)
        case .object(let members, let duplicates, _): duplicates || members.contains { hasDuplicates($0.value) }
        }
    }
}

/// Why some bytes are not JSON, with the place of the first byte that does not fit.
public enum JSONProblem: Error, Hashable, Sendable {
    case unexpectedEnd
    case unexpectedByte(at: Int)
    case invalidUTF8(at: Int)
    case tooDeep(limit: Int)
    case tooManyValues(limit: Int)
}

extension JSON {
    /// Cuts a top-level array into its elements without reading them, so that one bad element spoils no other.
    ///
    /// Brackets and strings are matched by one pass without recursion; what stands between them is checked when
    /// the element itself is read.
    package static func elements(ofArray text: [UInt8], limit: Int) throws(JSONProblem) -> [ArraySlice<UInt8>] {
        var reader = JSONReader(text, depth: 0)
        return try reader.elements(limit: limit)
    }
}
