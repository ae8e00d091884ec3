/// Writes compact JSON with minimal escapes: `\" \\ \b \f \n \r \t`, lower-case `\u00xx` below 0x20, UTF-8 otherwise.
///
/// Members are written in the order of the calls; the writer puts the commas.
package struct JSONWriter: Sendable {
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// - Parameter capacity: how many bytes will be written or so, where that is known.
    package init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    package mutating func object(_ body: (inout JSONWriter) -> Void) {
        separate()
        bytes.append(0x7B)
        needsComma = false
        body(&self)
        bytes.append(0x7D)
        needsComma = true
    }

    package mutating func array(_ body: (inout JSONWriter) -> Void) {
        separate()
        bytes.append(0x5B)
        needsComma = false
        body(&self)
        bytes.append(0x5D)
        needsComma = true
    }

    package mutating func key(_ key: String) {
        separate()
        JSONWriter.append(quoted: key, to: &bytes)
        bytes.append(0x3A)
        needsComma = false
    }

    package mutating func string(_ value: String) {
        separate()
        JSONWriter.append(quoted: value, to: &bytes)
        needsComma = true
    }

    /// - Parameter utf8: valid UTF-8.
    package mutating func string(utf8: borrowing RawSpan) {
        separate()
        JSONWriter.append(quoted: utf8, to: &bytes)
        needsComma = true
    }

    package mutating func integer(_ value: some BinaryInteger) { raw(Array(String(value).utf8)) }
    package mutating func bool(_ value: Bool) { raw(Array((value ? "true" : "false").utf8)) }
    package mutating func null() { raw(Array("null".utf8)) }

    /// Puts a value that is JSON already.
    package mutating func raw(_ json: some Sequence<UInt8>) {
        separate()
        bytes.append(contentsOf: json)
        needsComma = true
    }

    /// Puts a value that is JSON already.
    package mutating func raw(span: borrowing RawSpan) {
        separate()
        unsafe span.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        needsComma = true
    }

    /// Ends the line of a value that stands on its own; another may follow it.
    package mutating func endLine() {
        bytes.append(0x0A)
        needsComma = false
    }

    /// Takes back what was written after so many bytes, where a line ended.
    package mutating func cut(to count: Int) {
        bytes.removeLast(bytes.count - count)
        needsComma = false
    }

    package mutating func member(_ key: String, _ value: String) {
        self.key(key)
        string(value)
    }

    package mutating func member(_ key: String, _ value: some BinaryInteger) {
        self.key(key)
        integer(value)
    }

    package mutating func member(_ key: String, _ value: Bool) {
        self.key(key)
        bool(value)
    }

    package mutating func member(_ key: String, _ values: [String]) {
        self.key(key)
        array { for value in values { $0.string(value) } }
    }

    private mutating func separate() { if needsComma { bytes.append(0x2C) } }

    static func append(quoted text: String, to bytes: inout [UInt8]) {
        append(quoted: unsafe text.utf8.span.bytes, to: &bytes)
    }

    private static func append(quoted raw: borrowing RawSpan, to bytes: inout [UInt8]) {
        bytes.append(0x22)
        var place = 0
        while place < raw.byteCount {
            let end = raw.endOfPlainText(from: place)
            if end > place {
                unsafe raw.extracting(place..<end).withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
                place = end
            } else {
                append(escaping: raw.byte(at: place), to: &bytes)
                place += 1
            }
        }
        bytes.append(0x22)
    }

    static func append(escaping byte: UInt8, to bytes: inout [UInt8]) {
        switch byte {
        case 0x22, 0x5C: bytes.append(contentsOf: [0x5C, byte])
        case 0x08: bytes.append(contentsOf: [0x5C, 0x62])
        case 0x0C: bytes.append(contentsOf: [0x5C, 0x66])
        case 0x0A: bytes.append(contentsOf: [0x5C, 0x6E])
        case 0x0D: bytes.append(contentsOf: [0x5C, 0x72])
        case 0x09: bytes.append(contentsOf: [0x5C, 0x74])
        case 0..<0x20: bytes.append(contentsOf: Array("\\u00".utf8) + Array(hexadecimal([byte]).utf8))
        default: bytes.append(byte)
        }
    }
}

extension JSON {
    /// The same value in normal form: compact, key order kept, numbers as written, minimal escapes.
    ///
    /// Two relays that differ only in how they escape or space an event give the same normal form, and so the same
    /// digest. An unpaired surrogate has no UTF-8 and stays an escape, in lower case.
    package var normalForm: [UInt8] {
        if isNormal { return Array(raw) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(raw.count)
        appendNormalForm(at: place, to: &bytes)
        return bytes
    }

    private func appendNormalForm(at place: Int, to bytes: inout [UInt8]) {
        let (text, nodes) = (document.text, document.nodes)
        let node = nodes[place]
        switch node.kind {
        case .null, .bool, .number, .string(isPlain: true): bytes.append(contentsOf: text[node.range])
        case .string(isPlain: false): JSON.append(normalised: text[node.range], to: &bytes)
        case .array:
            bytes.append(0x5B)
            var item = place + 1
            while item < node.next {
                if item > place + 1 { bytes.append(0x2C) }
                appendNormalForm(at: item, to: &bytes)
                item = Int(nodes[item].next)
            }
            bytes.append(0x5D)
        case .object:
            bytes.append(0x7B)
            var key = place + 1
            while key < node.next {
                if key > place + 1 { bytes.append(0x2C) }
                let isPlain = nodes[key].kind == .string(isPlain: true)
                JSONWriter.append(quoted: document.string(at: key, isPlain: isPlain), to: &bytes)
                bytes.append(0x3A)
                appendNormalForm(at: key + 1, to: &bytes)
                key = Int(nodes[key].next)
            }
            bytes.append(0x7D)
        }
    }

    private static func append(normalised literal: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        bytes.append(0x22)
        forEachStringPart(literal.dropFirst().dropLast()) { part in
            switch part {
            case .byte(let byte): JSONWriter.append(escaping: byte, to: &bytes)
            case .scalar(let scalar):
                for byte in String(Character(scalar)).utf8 { JSONWriter.append(escaping: byte, to: &bytes) }
            case .loneSurrogate(let unit):
                bytes.append(contentsOf: Array("\\u".utf8) + Array(hexadecimal([UInt8(unit >> 8), UInt8(unit & 255)]).utf8))
            }
        }
        bytes.append(0x22)
    }
}
