/// Reads JSON text into nodes that point into it.
struct JSONReader {
    private let text: [UInt8]
    private let depthLimit: Int
    private var index = 0
    private var values = 0
    /// What was read so far is as its normal form is.
    private(set) var isNormal = true

    /// As many members as an event has: their list grows once.
    private static let fewMembers = 12

    init(_ text: [UInt8], depth: Int) {
        self.text = text
        depthLimit = depth
    }

    mutating func document() throws(JSONProblem) -> JSON.Node {
        let node = try value(depth: 0)
        skipSpace()
        guard index == text.count else { throw .unexpectedByte(at: index) }
        return node
    }

    private mutating func value(depth: Int) throws(JSONProblem) -> JSON.Node {
        guard depth <= depthLimit else { throw .tooDeep(limit: depthLimit) }
        values += 1
        guard values <= Limits.jsonValues else { throw .tooManyValues(limit: Limits.jsonValues) }
        skipSpace()
        let start = index
        switch try peek() {
        case 0x22:
            let isPlain = try skipString()
            return .string(start..<index, isPlain: isPlain)
        case 0x7B: return try object(depth: depth)
        case 0x5B: return try array(depth: depth)
        case 0x74:
            try literal("true")
            return .bool(true, start..<index)
        case 0x66:
            try literal("false")
            return .bool(false, start..<index)
        case 0x6E:
            try literal("null")
            return .null(start..<index)
        default:
            try skipNumber()
            return .number(start..<index)
        }
    }

    private mutating func object(depth: Int) throws(JSONProblem) -> JSON.Node {
        let start = index
        index += 1
        var members: [(key: String, value: JSON.Node)] = []
        var keys = SeenKeys()
        var duplicates = false
        skipSpace()
        if try peek() == 0x7D {
            index += 1
            return .object([], duplicates: false, start..<index)
        }
        // Of one object only: of many small ones, all that room would be a multiple of what came.
        if depth == 0 { members.reserveCapacity(JSONReader.fewMembers) }
        while true {
            skipSpace()
            let keyStart = index
            guard try peek() == 0x22 else { throw .unexpectedByte(at: index) }
            let isPlain = try skipString()
            let key = decodedString(text, keyStart..<index, isPlain: isPlain)
            if !keys.insert(key, beside: members) { duplicates = true }
            skipSpace()
            try expect(0x3A)
            members.append((key, try value(depth: depth + 1)))
            skipSpace()
            if try peek() == 0x2C {
                index += 1
                continue
            }
            try expect(0x7D)
            return .object(members, duplicates: duplicates, start..<index)
        }
    }

    private mutating func array(depth: Int) throws(JSONProblem) -> JSON.Node {
        let start = index
        index += 1
        var nodes: [JSON.Node] = []
        skipSpace()
        if try peek() == 0x5D {
            index += 1
            return .array([], start..<index)
        }
        while true {
            nodes.append(try value(depth: depth + 1))
            skipSpace()
            if try peek() == 0x2C {
                index += 1
                continue
            }
            try expect(0x5D)
            return .array(nodes, start..<index)
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
    private var many: Set<ExactText>?

    /// - Returns: whether the key is new.
    mutating func insert(_ key: String, beside members: [(key: String, value: JSON.Node)]) -> Bool {
        if members.count < SeenKeys.fewest { return !members.indices.contains { members[$0].key.isExactly(key) } }
        if many == nil { many = Set(members.map { ExactText($0.key) }) }
        return many?.insert(ExactText(key)).inserted ?? false
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
