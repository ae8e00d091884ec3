internal import FederationCore

/// The header section of an answer, read line by line as libcurl hands it over.
///
/// Interim answers (1xx) come before the real one and are dropped; trailers come after it and are ignored. The bytes
/// of all of them count, so that a peer which never ends its header section meets the limit.
struct AnswerHead {
    private(set) var status = 0
    private(set) var fields: HTTPFields = [:]
    /// Bytes of all lines so far.
    private(set) var bytes = 0
    /// The empty line of the final answer has come.
    private(set) var isWhole = false

    mutating func take(line: [UInt8]) {
        bytes += line.count
        if isWhole { return }
        let text = line.trimmingLineEnd
        if text.isEmpty {
            isWhole = !(100...199).contains(status)
        } else if text.starts(with: "HTTP/".utf8) {
            status = AnswerHead.status(of: text)
            fields = [:]
        } else if let colon = text.firstIndex(of: UInt8(ascii: ":")) {
            let value = text[(colon + 1)...].trimmingBlanks
            fields.append(String(decoding: text[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self))
        }
    }

    /// The three digits behind the first space; 0 if they are not there.
    private static func status(of line: ArraySlice<UInt8>) -> Int {
        guard let space = line.firstIndex(of: 0x20) else { return 0 }
        let digits = line[(space + 1)...].prefix(3)
        guard digits.count == 3, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return 0 }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }
}

extension [UInt8] {
    fileprivate var trimmingLineEnd: ArraySlice<UInt8> {
        var line = self[...]
        while let last = line.last, last == 0x0A || last == 0x0D { line.removeLast() }
        return line
    }
}

extension ArraySlice<UInt8> {
    fileprivate var trimmingBlanks: ArraySlice<UInt8> {
        var text = drop { $0 == 0x20 || $0 == 0x09 }
        while let last = text.last, last == 0x20 || last == 0x09 { text.removeLast() }
        return text
    }
}
