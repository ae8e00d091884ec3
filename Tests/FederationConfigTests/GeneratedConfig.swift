import FederationConfig
import FederationCore

/// A configuration written out at random: in any layout that YAML has for it, with comments wherever one can stand.
struct GeneratedConfig {
    private(set) var text = ""
    /// Every comment in the text, by its words, and the peer whose entry it stands in.
    private(set) var comments: [(words: String, peer: String?)] = []
    private(set) var peers: [String] = []

    private var lines: [String] = []

    init(using random: inout some RandomNumberGenerator) {
        let columns = [0, 0, 0, 2].randomElement(using: &random) ?? 0
        let indent = String(repeating: " ", count: columns)
        if Bool.random(using: &random) { lines.append("---") }
        var blocks: [[String]] = [["name: \(GeneratedConfig.scalar("alpha", &random))"]]
        if Bool.random(using: &random) { blocks.append(["listen: \(GeneratedConfig.scalar("127.0.0.1:4001", &random))"]) }
        if Bool.random(using: &random) { blocks.append(["interval: 5s"]) }
        if Bool.random(using: &random) { blocks.append(["mode: \(GeneratedConfig.scalar("publish", &random))"]) }
        if Bool.random(using: &random) { blocks.append(["log:", "  level: debug"]) }
        if Bool.random(using: &random) { blocks.append(["hosts: [a.example, \"b.example\"]"]) }
        blocks.append(peersBlock(&random))
        blocks.shuffle(using: &random)
        for block in blocks {
            if Int.random(in: 0..<3, using: &random) == 0 { lines.append("") }
            if Bool.random(using: &random) { lines.append(indent + comment(nil)) }
            lines += block.map { $0.isEmpty ? "" : indent + $0 }
        }
        if Bool.random(using: &random) { lines.append(indent + comment(nil)) }
        if Int.random(in: 0..<4, using: &random) == 0 { lines.append("...") }
        let lineBreak = Int.random(in: 0..<3, using: &random) == 0 ? "\r\n" : "\n"
        text = (Int.random(in: 0..<4, using: &random) == 0 ? "\u{FEFF}" : "") + lines.joined(separator: lineBreak)
        if Int.random(in: 0..<4, using: &random) != 0 { text += lineBreak }
    }

    private mutating func comment(_ peer: String?) -> String {
        let words = "Nº\(comments.count)."
        comments.append((words, peer))
        return "# \(words)"
    }

    private mutating func end(_ peer: String?, _ random: inout some RandomNumberGenerator) -> String {
        Int.random(in: 0..<3, using: &random) == 0 ? "  " + comment(peer) : ""
    }

    private static func scalar(_ text: String, _ random: inout some RandomNumberGenerator) -> String {
        switch Int.random(in: 0..<5, using: &random) {
        case 0: "\"\(text)\""
        case 1: "'\(text)'"
        default: text.contains("[") ? "'\(text)'" : text
        }
    }

    private static func entries(_ name: String, _ random: inout some RandomNumberGenerator) -> [(key: String, value: String)] {
        var entries = [("name", name), ("endpoint", "http://\(name).example:4002/x")]
        if Bool.random(using: &random) {
            entries.append(("mode", ["sync", "publish", "subscribe", "paused"].randomElement(using: &random) ?? "sync"))
        }
        if Int.random(in: 0..<4, using: &random) == 0 { entries.append(("paused", ["true", "false"].randomElement(using: &random) ?? "true")) }
        if Bool.random(using: &random) { entries.append(("interval", "5m")) }
        return entries.shuffled(using: &random)
    }

    private mutating func peersBlock(_ random: inout some RandomNumberGenerator) -> [String] {
        peers = ["beta", "gamma", "delta", "epsilon"].prefix(Int.random(in: 0...4, using: &random)).shuffled(using: &random)
        if peers.isEmpty { return [["peers:", "peers: []", "peers: [ ]"].randomElement(using: &random) ?? "peers:"] }
        return switch Int.random(in: 0..<4, using: &random) {
        case 0: flowBlock(&random)
        case 1: ["peers: [" + peers.map { flow($0, &random) }.joined(separator: ", ") + "]" + end(nil, &random)]
        default: listBlock(&random)
        }
    }

    private func flow(_ name: String, _ random: inout some RandomNumberGenerator) -> String {
        let inner = GeneratedConfig.entries(name, &random)
            .map { "\($0.key): \(GeneratedConfig.scalar($0.value, &random))" }.joined(separator: ", ")
        return Bool.random(using: &random) ? "{\(inner)}" : "{ \(inner) }"
    }

    /// A flow list with a line for each entry.
    private mutating func flowBlock(_ random: inout some RandomNumberGenerator) -> [String] {
        var lines = ["peers: ["]
        for (index, name) in peers.enumerated() {
            let comma = index < peers.count - 1 || Bool.random(using: &random) ? "," : ""
            lines.append("  " + flow(name, &random) + comma + end(name, &random))
        }
        return lines + ["  ]"]
    }

    private mutating func listBlock(_ random: inout some RandomNumberGenerator) -> [String] {
        let column = [0, 2, 2, 4].randomElement(using: &random) ?? 2
        let gap = [2, 2, 4].randomElement(using: &random) ?? 2
        let dash = String(repeating: " ", count: column)
        var lines = ["peers:" + end(nil, &random)]
        for name in peers {
            if Int.random(in: 0..<3, using: &random) == 0 { lines.append("") }
            if Int.random(in: 0..<3, using: &random) == 0 { lines.append(dash + comment(nil)) }
            let first = dash + "-" + String(repeating: " ", count: gap - 1)
            if Int.random(in: 0..<4, using: &random) == 0 {
                lines.append(first + flow(name, &random) + end(name, &random))
                continue
            }
            let inner = dash + String(repeating: " ", count: gap)
            for (index, entry) in GeneratedConfig.entries(name, &random).enumerated() {
                if index > 0, Int.random(in: 0..<4, using: &random) == 0 { lines.append(inner + comment(name)) }
                let value = GeneratedConfig.scalar(entry.value, &random)
                lines.append((index == 0 ? first : inner) + "\(entry.key): \(value)" + end(name, &random))
            }
            if Int.random(in: 0..<4, using: &random) == 0 { lines.append(inner + comment(name)) }
        }
        return lines
    }
}
