import Federation

/// How often each word was written, over all edits of the other nodes.
///
/// An edit that was counted twice could not be told from a word that was written twice. So the counts are kept in the
/// transaction that stores the event: either both are on disk, or neither.
struct WordCounts: EventReplayer {
    let version = "1"
    private static let prefix = "word:"

    func replay(_ entry: LogEntry, into log: inout ReplayLog) throws(StoreFailure) -> ReplayAnswer {
        // Votes, tags and the like carry no text, and that of a stub is gone.
        guard entry.event.knownAction?.isContent == true, let data = entry.event.data else { return .applied }
        guard let content = try? Snapshot(data: data) else { return .failed(.invalidFrontmatter) }
        for (word, count) in WordCounts.words(of: content.body) {
            let key = WordCounts.prefix + word
            let before = WordCounts.number(try log.value(key))
            try log.setValue(key, Array(String(before + count).utf8))
        }
        return .applied
    }

    /// The counts, in order of word.
    static func all(in log: NodeLog) async throws -> [(word: String, count: Int)] {
        try await log.replayerValues(prefix: prefix).map { ($0.key.dropFirst(prefix.count).description, number($0.value)) }
    }

    private static func number(_ value: [UInt8]?) -> Int { value.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0 }

    private static func words(of text: String) -> [String: Int] {
        let words = text.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init)
        return Dictionary(words.map { ($0, 1) }, uniquingKeysWith: +)
    }
}
