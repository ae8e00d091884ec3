/// Bytes of answers that are held until clients have read them: all share one room, of which one address has half.
struct HeldAnswers {
    let limit: Int
    private var total = 0
    private var byAddress: [String: Int] = [:]

    init(limit: Int) { self.limit = limit }

    /// Takes room for an answer, if there is some. One that is larger than all of it goes alone.
    mutating func take(_ bytes: Int, for address: String) -> Bool {
        guard bytes > 0 else { return true }
        let own = byAddress[address] ?? 0
        guard total == 0 || total + bytes <= limit && (own == 0 || own + bytes <= limit / 2) else { return false }
        total += bytes
        byAddress[address] = own + bytes
        return true
    }

    mutating func giveBack(_ bytes: Int, of address: String) {
        guard bytes > 0 else { return }
        total -= bytes
        let left = (byAddress[address] ?? 0) - bytes
        byAddress[address] = left > 0 ? left : nil
    }
}
