/// A request's target, split into path and query.
struct RequestTarget: Equatable {
    /// The whole, as it came.
    var text: String
    /// As it came: not percent-decoded, so that `%2F` stays distinct from `/`.
    var path: String
    /// In order. `+` is a space, as every form and URLSearchParams write it; a `%` without two hex digits stands for
    /// itself; bytes that are not UTF-8 become U+FFFD.
    var query: [(name: String, value: String)]

    init(_ target: some Sequence<UInt8>) {
        let bytes = Array(target)
        text = String(decoding: bytes, as: UTF8.self)
        let mark = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.endIndex
        path = String(decoding: bytes[..<mark], as: UTF8.self)
        query = bytes[mark...].dropFirst().split(separator: UInt8(ascii: "&")).map { pair in
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            return (RequestTarget.decoded(pair[..<equals]), RequestTarget.decoded(pair[equals...].dropFirst()))
        }
    }

    private static func decoded(_ text: ArraySlice<UInt8>) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var rest = text
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "+") {
                bytes.append(0x20)
            } else if byte == UInt8(ascii: "%"), rest.count >= 2,
                let high = hexDigit(rest[rest.startIndex]), let low = hexDigit(rest[rest.startIndex + 1]) {
                bytes.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    static func == (a: RequestTarget, b: RequestTarget) -> Bool {
        a.path == b.path && a.query.elementsEqual(b.query) { $0.name == $1.name && $0.value == $1.value }
    }
}
