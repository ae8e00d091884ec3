/// Reads JSON text into nodes that point into it.
struct JSONReader {
    private let text: [UInt8]
    private let depthLimit: Int
    private var index = 0
    private var values = 0
    private var nodes: [JSON.Node] = []
    private var hasDuplicateKeys = false
    /// What was read so far is as its normal form is.
    private var isNormal = true

    init(_ text: [UInt8], depth: Int) {
        self.text = text
        depthLimit = depth
    }

    mutating func document() throws(JSONProblem) -> JSON.Document {
        // An event's list does not grow, and a short text takes no more room than it could need.
        nodes.reserveCapacity(min(text.count / 2 + 1, 40))
        try value(depth: 0)
        skipSpace()
        guard index == text.count else { throw .unexpectedByte(at: index) }
        return JSON.Document(text: text, nodes: nodes, isNormal: isNormal, hasDuplicateKeys: hasDuplicateKeys)
    }

    private mutating func value(depth: Int) throws(JSONProblem) {
        guard depth <= depthLimit else { throw .tooDeep(limit: depthLimit) }
        values += 1
        guard values <= Limits.jsonValues else { throw .tooManyValues(limit: Limits.jsonValues) }
        skipSpace()
        let start = index
        let kind: JSON.Node.Kind
        switch try peek() {
        case 0x22: kind = .string(isPlain: try skipString())
        case 0x7B: return try object(depth: depth)
        case 0x5B: return try array(depth: depth)
        case 0x74:
            try literal("true")
            kind = .bool(true)
        case 0x66:
            try literal("false")
            kind = .bool(false)
        case 0x6E:
            try literal("null")
            kind = .null
        default:
            try skipNumber()
            kind = .number
        }
        add(kind, from: start)
    }

    /// Adds what ends here. There are at most two nodes for each of `Limits.jsonValues` values.
    private mutating func add(_ kind: JSON.Node.Kind, from start: Int) {
        nodes.append(JSON.Node(kind: kind, next: UInt32(nodes.count + 1), start: start, end: index))
    }

    /// Ends what is at a place: all that came since is inside it.
    private mutating func close(_ place: Int, _ kind: JSON.Node.Kind) {
        nodes[place].kind = kind
        nodes[place].end = index
        nodes[place].next = UInt32(nodes.count)
    }

    private mutating func object(depth: Int) throws(JSONProblem) {
        let place = nodes.count
        add(.object(hasDuplicates: false), from: index)
        index += 1
        skipSpace()
        if try peek() == 0x7D {
            index += 1
            return close(place, .object(hasDuplicates: false))
        }
        var keys = SeenKeys()
        var hasDuplicates = false
        while true {
            skipSpace()
            let (key, start) = (nodes.count, index)
            guard try peek() == 0x22 else { throw .unexpectedByte(at: index) }
            add(.string(isPlain: try skipString()), from: start)
            if !keys.insertLast(of: nodes, inside: place, text) { hasDuplicates = true }
            skipSpace()
            try expect(0x3A)
            try value(depth: depth + 1)
            nodes[key].next = UInt32(nodes.count)
            skipSpace()
            if try peek() == 0x2C {
                index += 1
                continue
            }
            try expect(0x7D)
            if hasDuplicates { hasDuplicateKeys = true }
            return close(place, .object(hasDuplicates: hasDuplicates))
        }
    }

    private mutating func array(depth: Int) throws(JSONProblem) {
        let place = nodes.count
        add(.array, from: index)
        index += 1
        skipSpace()
        if try peek() == 0x5D {
            index += 1
            return close(place, .array)
        }
        while true {
            try value(depth: depth + 1)
            skipSpace()
            if try peek() == 0x2C {
                index += 1
                continue
            }
            try expect(0x5D)
            return close(place, .array)
        }
    }

    /// See `JSON.elements(ofArray:limit:)`.
    mutating func elements(limit: Int) throws(JSONProblem) -> [ArraySlice<UInt8>] {
        var found: [ArraySlice<UInt8>] = []
        skipSpace()
        try expect(0x5B)
        skipSpace()
        if try peek() == 0x5D {
            index += 1
        } else {
            while true {
                skipSpace()
                guard found.count < limit else { throw .tooManyValues(limit: limit) }
                found.append(try skipElement())
                skipSpace()
                if try peek() == 0x2C {
                    index += 1
                    continue
                }
                try expect(0x5D)
                break
            }
        }
        skipSpace()
        guard index == text.count else { throw .unexpectedByte(at: index) }
        return found
    }

    /// Up to the comma or bracket that ends an element of the array we stand in.
    private mutating func skipElement() throws(JSONProblem) -> ArraySlice<UInt8> {
        let start = index
        var open = 0
        while true {
            switch try peek() {
            case 0x22:
                // Only the end of the string matters here; its escapes are checked when the element is read.
                index += 1
                while try peek() != 0x22 { index += text[index] == 0x5C ? 2 : 1 }
                index += 1
            case 0x7B, 0x5B:
                open += 1
                index += 1
            case 0x7D, 0x5D:
                if open == 0 { return text[start..<index] }
                open -= 1
                index += 1
            case 0x2C where open == 0: return text[start..<index]
            default: index += 1
            }
        }
    }

    /// - Returns: whether there is no escape in it.
    private mutating func skipString() throws(JSONProblem) -> Bool {
        let start = index
        index += 1
        var (isASCII, isPlain) = (true, true)
        while true {
            index = unsafe text.span.bytes.endOfPlainText(from: index)
            let byte = try peek()
            switch byte {
            case 0x22:
                index += 1
                if !isASCII, String(validating: text[start..<index], as: UTF8.self) == nil {
                    throw .invalidUTF8(at: start)
                }
                return isPlain
            case 0x5C:
                index += 1
                isPlain = false
                try skipEscape()
            case 0..<0x20: throw .unexpectedByte(at: index)
            default:
                if byte >= 0x80 { isASCII = false }
                index += 1
            }
        }
    }

    private mutating func skipEscape() throws(JSONProblem) {
        switch try peek() {
        case 0x22, 0x5C, 0x62, 0x66, 0x6E, 0x72, 0x74: index += 1
        case 0x2F:
            index += 1
            isNormal = false
        case 0x75:
            index += 1
            isNormal = false
            for _ in 0..<4 {
                guard hexValue(try peek()) != nil else { throw .unexpectedByte(at: index) }
                index += 1
            }
        default: throw .unexpectedByte(at: index)
        }
    }

    private mutating func skipNumber() throws(JSONProblem) {
        if try peek() == 0x2D { index += 1 }
        if try peek() == 0x30 {
            index += 1
        } else {
            try skipDigits()
        }
        if index < text.count, text[index] == 0x2E {
            index += 1
            try skipDigits()
        }
        if index < text.count, text[index] | 0x20 == 0x65 {
            index += 1
            if try peek() == 0x2B || text[index] == 0x2D { index += 1 }
            try skipDigits()
        }
    }

    private mutating func skipDigits() throws(JSONProblem) {
        let start = index
        while index < text.count, text[index] >= 0x30, text[index] <= 0x39 { index += 1 }
        guard index > start else {
            if index == text.count { throw .unexpectedEnd }
            throw .unexpectedByte(at: index)
        }
    }

    private mutating func literal(_ word: String) throws(JSONProblem) {
        for byte in word.utf8 { try expect(byte) }
    }

    private mutating func skipSpace() {
        while index < text.count, text[index] == 0x20 || text[index] == 0x0A || text[index] == 0x0D || text[index] == 0x09 {
            index += 1
            isNormal = false
        }
    }

    private func peek() throws(JSONProblem) -> UInt8 {
        guard index < text.count else { throw .unexpectedEnd }
        return text[index]
    }

    private mutating func expect(_ byte: UInt8) throws(JSONProblem) {
        guard try peek() == byte else { throw .unexpectedByte(at: index) }
        index += 1
    }
}

/// The keys of an object that is being read. Few of them are compared one by one, which is quicker than hashing.
private struct SeenKeys {
    private static let fewest = 16
    private var count = 0
    private var many: Set<ExactText> = []

    /// - Parameter place: the object's. All but the last of what is inside it are members that were read.
    /// - Returns: whether the last node, a key, is none of theirs.
    mutating func insertLast(of nodes: [JSON.Node], inside place: Int, _ text: [UInt8]) -> Bool {
        func isPlain(_ node: JSON.Node) -> Bool { if case .string(isPlain: true) = node.kind { true } else { false } }
        func decoded(_ node: JSON.Node) -> String { decodedString(text, node.range, isPlain: isPlain(node)) }
        func isSame(_ a: JSON.Node, _ b: JSON.Node) -> Bool {
            guard isPlain(a), isPlain(b) else { return decoded(a).isExactly(decoded(b)) }
            guard a.end - a.start == b.end - b.start else { return false }
            let bytes = unsafe text.span.bytes
            return bytes.extracting(a.range).isSame(as: bytes.extracting(b.range))
        }
        let last = nodes.count - 1
        count += 1
        guard count <= SeenKeys.fewest || many.isEmpty else { return many.insert(ExactText(decoded(nodes[last]))).inserted }
        var isNew = true
        var key = place + 1
        while key < last {
            if count > SeenKeys.fewest {
                many.insert(ExactText(decoded(nodes[key])))
            } else if isSame(nodes[key], nodes[last]) {
                isNew = false
            }
            key = Int(nodes[key].next)
        }
        return count > SeenKeys.fewest ? many.insert(ExactText(decoded(nodes[last]))).inserted : isNew
    }
}

/// Decodes a string literal of `text`, quotes included, whose form was checked.
///
/// - Parameter isPlain: there is no escape in it.
func decodedString(_ text: [UInt8], _ literal: Range<Int>, isPlain: Bool) -> String {
    let range = literal.lowerBound + 1..<literal.upperBound - 1
    if isPlain { return unsafe text.span.extracting(range).withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) } }
    let inner = text[range]
    var bytes: [UInt8] = []
    bytes.reserveCapacity(inner.count)
    forEachStringPart(inner) { part in
        switch part {
        case .byte(let byte): bytes.append(byte)
        case .scalar(let scalar): bytes.append(contentsOf: String(Character(scalar)).utf8)
        case .loneSurrogate: bytes.append(contentsOf: [0xEF, 0xBF, 0xBD])
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// One piece of the inside of a string literal: a byte that stands for itself, or what an escape stands for.
enum JSONStringPart {
    case byte(UInt8)
    case scalar(Unicode.Scalar)
    case loneSurrogate(UInt32)
}

/// Walks the inside of a checked string literal.
func forEachStringPart(_ inner: ArraySlice<UInt8>, _ body: (JSONStringPart) -> Void) {
    var index = inner.startIndex
    func unit(at start: Int) -> UInt32? {
        guard start + 6 <= inner.endIndex, inner[start] == 0x5C, inner[start + 1] == 0x75 else { return nil }
        var value: UInt32 = 0
        for digit in inner[start + 2..<start + 6] { value = value << 4 | UInt32(hexValue(digit) ?? 0) }
        return value
    }
    while index < inner.endIndex {
        guard inner[index] == 0x5C, index + 1 < inner.endIndex else {
            body(.byte(inner[index]))
            index += 1
            continue
        }
        switch inner[index + 1] {
        case 0x62: body(.byte(0x08))
        case 0x66: body(.byte(0x0C))
        case 0x6E: body(.byte(0x0A))
        case 0x72: body(.byte(0x0D))
        case 0x74: body(.byte(0x09))
        case 0x75:
            let first = unit(at: index) ?? 0xFFFD
            if let scalar = Unicode.Scalar(first) {
                body(.scalar(scalar))
            } else if first < 0xDC00, let second = unit(at: index + 6), (0xDC00..<0xE000).contains(second),
                let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
            {
                body(.scalar(scalar))
                index += 6
            } else {
                body(.loneSurrogate(first))
            }
            index += 4
        case let other: body(.byte(other))
        }
        index += 2
    }
}
