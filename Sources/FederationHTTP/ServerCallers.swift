/// Who is connected, by address, and which connections have come to a request.
struct ServerCallers {
    private struct Caller {
        var address: String?
        var hasAsked = false
    }

    private var callers: [UInt: Caller] = [:]
    private var counts: [String: Int] = [:]

    func count(from address: String) -> Int { counts[address] ?? 0 }

    mutating func opened(_ id: UInt, from address: String?) {
        callers[id] = Caller(address: address)
        if let address { counts[address, default: 0] += 1 }
    }

    mutating func asked(_ id: UInt) { callers[id]?.hasAsked = true }

    /// - Returns: whether it had come to a request; `nil` for one that is not known.
    mutating func closed(_ id: UInt) -> Bool? {
        guard let caller = callers.removeValue(forKey: id) else { return nil }
        if let address = caller.address {
            let left = (counts[address] ?? 0) - 1
            counts[address] = left > 0 ? left : nil
        }
        return caller.hasAsked
    }
}
