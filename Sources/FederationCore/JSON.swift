/// One JSON value with the bytes it was written in (RFC 8259).
///
/// Strings are decoded when asked for and numbers stay as written, so nothing is lost between reading and relaying.
/// A key that occurs twice in an object does not stop the reading: readers disagree on what it means, so whoever
/// decodes an event asks `hasDuplicateKeys` and refuses.
package struct JSON: Sendable {
    /// One value or one key, at a place in the list of all of a text, which is in the order of the text.
    ///
    /// What is inside an array or an object follows it: in an object each key, and after each key its value, which counts as
    /// inside the key.
    struct Node: Sendable {
        enum Kind: Hashable, Sendable {
            case null, bool(Bool), number
            /// `isPlain`: without an escape, so that it stands for its own bytes.
            case string(isPlain: Bool)
            case array
            /// Of its own keys, whatever the objects inside it have.
            case object(hasDuplicates: Bool)
        }

        var kind: Kind
        /// The place after the last one inside it.
        var next: UInt32
        let start: Int
        var end: Int

        var range: Range<Int> { start..<end }
    }

    /// What was read, shared by all values of it: so a value is as quickly handed on as an integer.
    final class Document: Sendable {
        let text: [UInt8]
        let nodes: [Node]
        let isNormal: Bool
        let hasDuplicateKeys: Bool

        init(text: [UInt8], nodes: [Node], isNormal: Bool, hasDuplicateKeys: Bool) {
            (self.text, self.nodes) = (text, nodes)
            (self.isNormal, self.hasDuplicateKeys) = (isNormal, hasDuplicateKeys)
        }

        /// The text of the string at a place, which was checked.
        func string(at place: Int, isPlain: Bool) -> String { decodedString(text, nodes[place].range, isPlain: isPlain) }
    }

    let document: Document
    let place: Int

    /// Reads one value and nothing after it but white space.
    ///
    /// - Throws: `JSONProblem`, also for nesting past `depth` and for more than `Limits.jsonValues` values.
    package init(_ text: [UInt8], depth: Int = Limits.jsonDepth) throws(JSONProblem) {
        var reader = JSONReader(text, depth: depth)
        document = try reader.document()
        place = 0
    }

    /// A value inside another.
    private init(_ document: Document, at place: Int) { (self.document, self.place) = (document, place) }

    var node: Node { document.nodes[place] }

    /// This value and all inside it, keys too.
    var nodes: ArraySlice<Node> { document.nodes[place..<Int(node.next)] }

    /// It was written in normal form, as nearly every program writes it: without white space and with minimal escapes.
    /// `false` says nothing.
    var isNormal: Bool { document.isNormal }

    /// The bytes of this value as they came.
    package var raw: ArraySlice<UInt8> { document.text[node.range] }

    package var isNull: Bool { node.kind == .null }
    package var isObject: Bool { if case .object = node.kind { true } else { false } }
    package var bool: Bool? { if case .bool(let value) = node.kind { value } else { nil } }

    package var isString: Bool { if case .string = node.kind { true } else { false } }

    /// The text of a string; an unpaired surrogate escape reads as U+FFFD.
    package var string: String? {
        if case .string(let isPlain) = node.kind { document.string(at: place, isPlain: isPlain) } else { nil }
    }

    /// The UTF-8 of `string`.
    package var stringBytes: [UInt8]? {
        guard case .string(isPlain: true) = node.kind else { return string.map { Array($0.utf8) } }
        return Array(raw.dropFirst().dropLast())
    }

    /// A number that is written as an integer (no fraction, no exponent) and fits.
    package var unsigned: UInt64? { isNumber ? UInt64(String(decoding: raw, as: UTF8.self)) : nil }

    package var integer: Int64? { isNumber ? Int64(String(decoding: raw, as: UTF8.self)) : nil }

    package var isNumber: Bool { node.kind == .number }

    package var array: [JSON]? {
        guard node.kind == .array else { return nil }
        var items: [JSON] = []
        var item = place + 1
        while item < node.next {
            items.append(JSON(document, at: item))
            item = Int(document.nodes[item].next)
        }
        return items
    }

    /// The members in the order written.
    package var members: [(key: String, value: JSON)]? {
        guard isObject else { return nil }
        var members: [(key: String, value: JSON)] = []
        var key = place + 1
        while key < node.next {
            let isPlain = document.nodes[key].kind == .string(isPlain: true)
            members.append((document.string(at: key, isPlain: isPlain), JSON(document, at: key + 1)))
            key = Int(document.nodes[key].next)
        }
        return members
    }

    /// The first member of this name; `nil` also for what is not an object.
    package subscript(key: String) -> JSON? {
        guard isObject else { return nil }
        let (text, nodes, end) = (document.text, document.nodes, node.next)
        let (bytes, wanted) = unsafe (text.span.bytes, key.utf8.span.bytes)
        var member = place + 1
        while member < end {
            let node = nodes[member]
            if case .string(isPlain: false) = node.kind {
                if document.string(at: member, isPlain: false).isExactly(key) { return JSON(document, at: member + 1) }
            } else if node.end - node.start == wanted.byteCount + 2,
                bytes.extracting(node.start + 1..<node.end - 1).isSame(as: wanted)
            {
                return JSON(document, at: member + 1)
            }
            member = Int(node.next)
        }
        return nil
    }

    /// Whether this value or one inside it is an object with a key twice.
    package var hasDuplicateKeys: Bool {
        // In hardly any text is there one.
        document.hasDuplicateKeys && nodes.contains { $0.kind == .object(hasDuplicates: true) }
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
