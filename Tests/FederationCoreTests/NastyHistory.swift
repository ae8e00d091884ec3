import FederationCore
import FederationTestKit

/// Histories of one subject such as no honest ring writes: clocks that lack their own origin, equal clocks, reused
/// numbers, ids against the order of the clocks, origins that are no ULIDs, unknown and malformed events, stubs.
struct NastyHistory {
    private var random: SeededRandom
    private let origins: Int
    private let counterBound: UInt64
    private let purges: Bool
    private let stubs: Bool

    init(_ random: inout SeededRandom, purges: Bool, stubs: Bool = true) {
        self.random = random.split()
        origins = 1 + random.below(4)
        counterBound = UInt64(2 + random.below(4))
        self.purges = purges
        self.stubs = stubs
    }

    /// Events with different ids, in random order.
    mutating func events(atMost count: Int) -> [Event] {
        var ids = Array(0..<20).shuffled(using: &random)
        return (0..<1 + random.below(count)).map { _ in event(id: ids.removeLast()) }
    }

    /// Another event of the same id.
    mutating func variant(of original: Event) -> Event {
        var variant = event(id: 0)
        if random.chance(0.5) { (variant.action, variant.clock) = (original.action, original.clock) }
        variant.id = original.id
        return variant
    }

    private mutating func event(id: Int) -> Event {
        let origin = 1 + random.below(origins)
        var clock: [Int: UInt64] = [:]
        if !random.chance(0.1) {
            for number in 1...origins where random.chance(0.7) { clock[number] = random.next() % (counterBound + 1) }
            if random.chance(0.8) { clock[origin] = 1 + random.next() % counterBound }
        }
        let action = action()
        var made = FederationCoreTests.event(id, action, by: origin, clock, data: Array(data(of: action).utf8))
        if random.chance(0.05) { made.origin = ["alpha", ""][random.below(2)] }
        return stubs && random.chance(0.15) ? made.stubbed : made
    }

    private mutating func action() -> String {
        if random.chance(0.55) { return random.chance(0.3) ? "create" : "update" }
        if random.chance(0.08) { return ["teleport", "hive:create"][random.below(2)] }
        let actions = NoemaAction.allCases.filter { !$0.isPurge || purges }
        return actions[random.below(actions.count)].rawValue
    }

    private mutating func data(of action: String) -> String {
        switch action {
        case "create", "update":
            if random.chance(0.05) { return "{}" }
            let type = random.chance(0.05) ? "poem" : "note"
            let tier = ["", "short", "mid", "long", "long", "forever"][random.below(random.chance(0.1) ? 6 : 5)]
            let letter = ["a", "b", "c", "d"][random.below(4)]
            return """
                {"title":"\(letter)\(random.below(100))","type":"\(type)","tags":["\(letter)","x"],"tier":"\(tier)",\
                "body":"\(random.below(1000))"}
                """
        case "promote", "demote":
            return [#"{"to":"short"}"#, #"{"to":"mid"}"#, #"{"to":"long"}"#, "{}"][random.below(4)]
        case "tag_update": return ["{\"tags\":[\"t\(random.below(9))\"]}", #"{"tags":7}"#][random.below(2)]
        case "vote": return [#"{"delta":1}"#, #"{"delta":-7}"#, #"{"delta":"x"}"#][random.below(3)]
        case "purge_hard", "purge_long_term": return ["{\"reason\":\"r\(random.below(9))\"}", "{}"][random.below(2)]
        default: return "{}"
        }
    }
}
