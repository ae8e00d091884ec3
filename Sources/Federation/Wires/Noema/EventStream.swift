/// The `data` of each event of a `text/event-stream` body (WHATWG HTML 9.2), in order.
///
/// Lines end with CR, LF or both. Comments and the other fields are passed over. An event that the end of the body cuts
/// off is none.
struct EventStream {
    private let bytes: [UInt8]
    private var index: Int

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        index = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    /// The data of the next event, empty for one that has none; `nil` at the end.
    mutating func next() -> [UInt8]? {
        var data: [UInt8] = []
        var hasData = false
        while let line = nextLine() {
            if line.isEmpty { return data }
            guard let value = EventStream.data(of: line) else { continue }
            if hasData { data.append(0x0A) }
            data.append(contentsOf: value)
            hasData = true
        }
        return nil
    }

    /// The line at `index` without its end; `nil` for one that has no end.
    private mutating func nextLine() -> ArraySlice<UInt8>? {
        guard let end = bytes[index...].firstIndex(where: { $0 == 0x0A || $0 == 0x0D }) else { return nil }
        let line = bytes[index..<end]
        index = end + 1
        if bytes[end] == 0x0D, index < bytes.count, bytes[index] == 0x0A { index += 1 }
        return line
    }

    /// The value of a `data` field: one space after the colon belongs to the colon.
    private static func data(of line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard line.starts(with: "data".utf8) else { return nil }
        let rest = line.dropFirst(4)
        guard let colon = rest.first else { return rest }
        guard colon == 0x3A else { return nil }
        let value = rest.dropFirst()
        return value.first == 0x20 ? value.dropFirst() : value
    }
}
