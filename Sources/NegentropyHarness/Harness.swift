import Negentropy

/// The line protocol of the reference implementation's test driver: one process is one side of one session.
///
///     item,<decimal timestamp>,<64 hex digits>   as often as needed
///     seal                                       once
///     initiate                                   in one of the two processes: answered by msg,<hex>
///     msg,<hex>                                  answered by have,<hex> and need,<hex> lines, then msg,<hex> or done
struct Harness {
    /// Ends the process; `description` goes to the standard error.
    enum Failure: Error {
        case unknownLine(String)
        case sealedTwice, notSealed
        case item(ItemFailure)
        case session(ReconcileFailure)
    }

    private enum Side {
        case unsealed
        case sealed(SealedStore)
        case initiator(Initiator<SealedStore>)
        case responder(Responder<SealedStore>)
    }

    private let settings: ReconcileSettings
    private var items: [Item] = []
    private var side = Side.unsealed

    init(settings: ReconcileSettings) {
        self.settings = settings
    }

    /// The lines to print after a line was read.
    mutating func reply(to line: String) throws(Failure) -> [String] {
        let fields = line.split(separator: ",", omittingEmptySubsequences: false)
        switch (fields.first, fields.count) {
        case ("", 1):
            return []
        case ("item", 3):
            guard let timestamp = UInt64(fields[1]), let bytes = Hex.bytes(fields[2]), let id = ItemID(bytes) else {
                throw .unknownLine(line)
            }
            items.append(Item(timestamp: timestamp, id: id))
            return []
        case ("seal", 1):
            try seal()
            return []
        case ("initiate", 1):
            return ["msg,\(Hex.text(try initiate()))"]
        case ("msg", 2):
            guard let message = Hex.bytes(fields[1]) else { throw .unknownLine(line) }
            return try receive(message)
        default:
            throw .unknownLine(line)
        }
    }

    private mutating func seal() throws(Failure) {
        guard case .unsealed = side else { throw .sealedTwice }
        do {
            side = .sealed(try SealedStore(items))
        } catch {
            throw .item(error)
        }
        items = []
    }

    private mutating func initiate() throws(Failure) -> [UInt8] {
        guard case .sealed(let store) = side else { throw .notSealed }
        var initiator = Initiator(store: store, settings: settings, hash: SHA256.hash)
        defer { side = .initiator(initiator) }
        do {
            return try initiator.open()
        } catch {
            throw .session(error)
        }
    }

    private mutating func receive(_ message: [UInt8]) throws(Failure) -> [String] {
        if case .sealed(let store) = side {
            side = .responder(Responder(store: store, settings: settings, hash: SHA256.hash))
        }
        do {
            switch side {
            case .unsealed, .sealed:
                break
            case .responder(var responder):
                let answer = try responder.answer(message)
                side = .responder(responder)
                return ["msg,\(Hex.text(answer))"]
            case .initiator(var initiator):
                let (have, need) = (initiator.have, initiator.need)
                let step = try initiator.receive(message)
                side = .initiator(initiator)
                var lines = initiator.have.subtracting(have).map { "have,\($0)" }
                lines += initiator.need.subtracting(need).map { "need,\($0)" }
                switch step {
                case .send(let next): lines.append("msg,\(Hex.text(next))")
                case .finished: lines.append("done")
                }
                return lines
            }
        } catch {
            throw .session(error)
        }
        throw .notSealed
    }
}

/// Bytes as lower-case hexadecimal digits.
enum Hex {
    static func text(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(2 * bytes.count)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// `nil` for an odd number of digits, or anything that is no digit.
    static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count / 2)
        var high: UInt8?
        for digit in text.utf8 {
            let value: UInt8
            switch digit {
            case 0x30...0x39: value = digit - 0x30
            case 0x61...0x66: value = digit - 0x61 + 10
            case 0x41...0x46: value = digit - 0x41 + 10
            default: return nil
            }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? bytes : nil
    }
}
