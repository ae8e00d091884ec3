/// Numbers on the wire: base 128, most significant group first, all bytes but the last with bit 7 set (section 1.2).
enum Varint {
    static func append(_ value: UInt64, to bytes: inout [UInt8]) {
        var shift: UInt64 = 0
        while shift < 63, value >> (shift + 7) != 0 { shift += 7 }
        while shift > 0 {
            bytes.append(0x80 | UInt8(truncatingIfNeeded: value >> shift))
            shift -= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: value) & 0x7F)
    }
}

/// What a range says about the items in it (section 1.5).
enum RangeMode {
    static let skip: UInt64 = 0
    static let fingerprint: UInt64 = 1
    static let ids: UInt64 = 2
}

/// Builds a message range by range; what was appended after a mark can be taken back.
struct MessageWriter {
    /// The version byte of protocol 1.
    static let version: UInt8 = 0x61

    struct Mark {
        let count: Int
        fileprivate let timestamp: UInt64
    }

    private(set) var bytes: [UInt8] = [MessageWriter.version]
    /// Timestamps are sent as differences from the one before.
    private var timestamp: UInt64 = 0

    var mark: Mark { Mark(count: bytes.count, timestamp: timestamp) }

    /// Whether there is no range in it.
    var isEmpty: Bool { bytes.count == 1 }

    mutating func rollBack(to mark: Mark) {
        bytes.removeSubrange(mark.count...)
        timestamp = mark.timestamp
    }

    mutating func appendSkip(upTo bound: Bound) {
        append(bound)
        Varint.append(RangeMode.skip, to: &bytes)
    }

    mutating func append(_ fingerprint: Fingerprint, upTo bound: Bound) {
        append(bound)
        Varint.append(RangeMode.fingerprint, to: &bytes)
        fingerprint.append(to: &bytes)
    }

    mutating func append(_ ids: [ItemID], upTo bound: Bound) {
        append(bound)
        Varint.append(RangeMode.ids, to: &bytes)
        Varint.append(UInt64(clamping: ids.count), to: &bytes)
        for id in ids { id.append(to: &bytes, count: ItemID.length) }
    }

    private mutating func append(_ bound: Bound) {
        if bound.isEnd {
            Varint.append(0, to: &bytes)
        } else {
            // Never below the register: bounds ascend, and those of a received message were checked to.
            Varint.append(1 &+ (bound.floor.timestamp &- timestamp), to: &bytes)
        }
        timestamp = bound.floor.timestamp
        Varint.append(UInt64(clamping: bound.prefixLength), to: &bytes)
        bound.floor.id.append(to: &bytes, count: bound.prefixLength)
    }
}

/// One range of a received message. Ids stay in the message, where `offset` says.
struct ReceivedRange {
    enum Payload {
        case skip
        case fingerprint(Fingerprint)
        case ids(count: Int, offset: Int)
    }

    let upper: Bound
    let payload: Payload
}

/// Reads the ranges of a message one after the other, without keeping any: memory does not grow with the message.
///
/// Strict where the reference is not: a number of more than 64 bits or ten bytes, a mode above 2 and a bound below the
/// one before are refused. Lenient where peers need it: longer forms of a number, and empty ranges after the last
/// bound, which the reference sends when a list ends just at its frame limit.
struct MessageReader {
    private let message: [UInt8]
    private var offset = 1
    private var timestamp: UInt64 = 0
    private var previous = Bound.start

    /// Starts after the version byte.
    init(_ message: [UInt8]) {
        self.message = message
    }

    /// Reads all of a message and keeps nothing: afterwards `next` on the same bytes cannot fail.
    static func validate(_ message: [UInt8]) throws(ReconcileFailure) {
        var reader = MessageReader(message)
        while try reader.next() != nil {}
    }

    /// The next range, or `nil` at the end.
    mutating func next() throws(ReconcileFailure) -> ReceivedRange? {
        guard offset < message.count else { return nil }
        let start = offset
        let upper = try bound()
        guard upper.floor >= previous.floor else { throw .descendingBound(offset: start) }
        previous = upper
        let modeOffset = offset
        let mode = try number()
        switch mode {
        case RangeMode.skip:
            return ReceivedRange(upper: upper, payload: .skip)
        case RangeMode.fingerprint:
            let at = try take(Fingerprint.length)
            return ReceivedRange(upper: upper, payload: .fingerprint(Fingerprint(message, at: at)))
        case RangeMode.ids:
            let count = try number()
            // Checked against the bytes that are there before anything is computed from it.
            guard count <= UInt64((message.count - offset) / ItemID.length), let ids = Int(exactly: count) else {
                throw .messageEnds(offset: message.count)
            }
            let at = try take(ids * ItemID.length)
            return ReceivedRange(upper: upper, payload: .ids(count: ids, offset: at))
        default:
            throw .unknownMode(mode, offset: modeOffset)
        }
    }

    private mutating func bound() throws(ReconcileFailure) -> Bound {
        let encoded = try number()
        if encoded == 0 {
            timestamp = Item.reservedTimestamp
        } else {
            let (sum, overflow) = timestamp.addingReportingOverflow(encoded - 1)
            timestamp = overflow ? Item.reservedTimestamp : sum
        }
        let lengthOffset = offset
        let length = try number()
        guard let prefixLength = Int(exactly: length), prefixLength <= ItemID.length else {
            throw .prefixTooLong(length, offset: lengthOffset)
        }
        let at = try take(prefixLength)
        let id = ItemID(padding: message[at..<at + prefixLength])
        return Bound(floor: Item(timestamp: timestamp, id: id), prefixLength: prefixLength)
    }

    private mutating func number() throws(ReconcileFailure) -> UInt64 {
        let start = offset
        var value: UInt64 = 0
        while offset < message.count {
            let byte = message[offset]
            guard offset - start < 10, value >> 57 == 0 else { throw .numberTooLarge(offset: start) }
            offset += 1
            value = value << 7 | UInt64(byte & 0x7F)
            if byte & 0x80 == 0 { return value }
        }
        throw .messageEnds(offset: offset)
    }

    /// Steps over `count` bytes and returns where they start.
    private mutating func take(_ count: Int) throws(ReconcileFailure) -> Int {
        guard count <= message.count - offset else { throw .messageEnds(offset: message.count) }
        defer { offset += count }
        return offset
    }
}
