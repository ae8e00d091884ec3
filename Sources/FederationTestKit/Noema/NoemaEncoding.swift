internal import FederationCore

/// How each line writes JSON that it did not make itself: the reason why one event has several spellings in a ring
/// (Noema section 8.3).
extension NoemaRules {
    /// `data` as a node of this line serves it again.
    ///
    /// Text that is not JSON, which only a test can put into a log, stays as it is.
    package func relayed(_ data: [UInt8]) -> [UInt8] {
        switch self {
        case .go: return htmlEscaped(data)
        case .rust:
            guard let json = try? JSON(data) else { return data }
            var bytes: [UInt8] = []
            appendReserialised(json, to: &bytes)
            return bytes
        }
    }

    /// `data` as a node of this line writes it for an event of its own.
    func written(_ data: [UInt8]) -> [UInt8] { self == .go ? htmlEscaped(data) : data }
}

/// Go's `json.Compact` with HTML escapes: white space between values goes; `<`, `>`, `&`, U+2028 and U+2029 become
/// escapes; all else stays byte for byte.
private func htmlEscaped(_ json: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(json.count)
    var isInString = false
    var index = 0
    while index < json.count {
        let byte = json[index]
        switch byte {
        case 0x20, 0x09, 0x0A, 0x0D:
            if isInString { bytes.append(byte) }
        case 0x22:
            isInString.toggle()
            bytes.append(byte)
        case 0x5C where isInString && index + 1 < json.count:
            bytes.append(contentsOf: [byte, json[index + 1]])
            index += 1
        case 0x3C, 0x3E, 0x26:
            bytes.append(contentsOf: Array("\\u00".utf8) + Array(hexadecimal([byte]).utf8))
        case 0xE2 where index + 2 < json.count && json[index + 1] == 0x80 && json[index + 2] & 0xFE == 0xA8:
            bytes.append(contentsOf: Array((json[index + 2] == 0xA8 ? "\\u2028" : "\\u2029").utf8))
            index += 2
        default: bytes.append(byte)
        }
        index += 1
    }
    return bytes
}

/// `serde_json` with kept order: no HTML escapes, numbers rendered again, of duplicate keys the place of the first
/// and the value of the last.
private func appendReserialised(_ json: JSON, to bytes: inout [UInt8]) {
    if let members = json.members {
        var order: [String] = []
        var values: [String: JSON] = [:]
        for (key, value) in members where values.updateValue(value, forKey: key) == nil { order.append(key) }
        bytes.append(0x7B)
        for (index, key) in order.enumerated() {
            if index > 0 { bytes.append(0x2C) }
            bytes.append(contentsOf: quoted(key))
            bytes.append(0x3A)
            if let value = values[key] { appendReserialised(value, to: &bytes) }
        }
        bytes.append(0x7D)
    } else if let items = json.array {
        bytes.append(0x5B)
        for (index, item) in items.enumerated() {
            if index > 0 { bytes.append(0x2C) }
            appendReserialised(item, to: &bytes)
        }
        bytes.append(0x5D)
    } else if let text = json.string {
        bytes.append(contentsOf: quoted(text))
    } else if json.isNumber {
        bytes.append(contentsOf: rerendered(String(decoding: json.raw, as: UTF8.self)).utf8)
    } else {
        bytes.append(contentsOf: json.raw)
    }
}

private func quoted(_ text: String) -> [UInt8] {
    var writer = JSONWriter()
    writer.string(text)
    return writer.bytes
}

/// Integers of 64 bits stay; everything else goes through a double.
private func rerendered(_ number: String) -> String {
    if number != "-0", Int64(number) != nil || UInt64(number) != nil { return number }
    guard let value = Double(number), value.isFinite else { return number }
    let text = value.description
    guard let exponent = text.firstIndex(of: "e") else { return text }
    let digits = Int(text[text.index(after: exponent)...]) ?? 0
    return text[..<exponent] + "e" + String(digits)
}

/// Rust writes times with a fraction and an offset, Go with whole seconds and `Z` (section 3.5).
extension NoemaRules {
    func stateTime(_ time: WallTime) -> String {
        guard self == .rust else { return time.rfc3339 }
        let fraction = String(1000 + (time.milliseconds % 1000 + 1000) % 1000).dropFirst()
        return time.rfc3339.dropLast() + ".\(fraction)+00:00"
    }
}
