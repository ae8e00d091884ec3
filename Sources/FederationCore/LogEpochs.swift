/// The words that tell stretches of a log's order of arrival apart (`MetaKey.epoch`).
///
/// A database that was put back to a backup fills the same places with other events, and some place may hold by chance
/// what it held before: a puller that stood there would miss what is new below it. So each process that serves a log
/// begins an epoch at the head it finds. Places up to there stay good under the words before; a place that a word
/// never reached in this log was reached in another one.
package struct LogEpochs: Hashable, Sendable {
    private struct Ended: Hashable, Sendable {
        var word: String
        /// The last place of the epoch.
        var through: Int64
    }

    /// Epochs that are remembered: a puller that stayed away through more of them starts over.
    package static let limit = 64

    package private(set) var current: String
    /// Positions of the current epoch may have been given to peers.
    private var isServed: Bool
    /// The oldest first.
    private var ended: [Ended] = []

    /// Reads what `stored` wrote; `nil` where there is no word.
    package init?(stored text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: " ")).map(Substring.init)
        guard let first = parts.first, first != "~" else { return nil }
        current = String(first.first == "~" ? first.dropFirst() : first)
        isServed = first.first != "~"
        for part in parts.dropFirst().suffix(LogEpochs.limit) {
            let pair = part.utf8.split(separator: UInt8(ascii: ":")).map(Substring.init)
            guard pair.count == 2, let through = Int64(pair[1]) else { continue }
            ended.append(Ended(word: String(pair[0]), through: through))
        }
    }

    package var stored: String {
        ([isServed ? current : "~" + current] + ended.map { "\($0.word):\($0.through)" }).joined(separator: " ")
    }

    /// The current word, where positions of it are given to others.
    package var served: String? { isServed ? current : nil }

    /// The last place at which a position of the epoch `word` is good in a log with this head; `nil` for an epoch that
    /// is not of this log, or forgotten.
    package func last(of word: String, head: Int64) -> Int64? {
        word == current ? head : ended.last { $0.word == word }?.through
    }

    /// Begins an epoch after the place `head`. One that was never served ends without a trace.
    ///
    /// - Parameter word: never used before; letters and digits.
    package mutating func begin(_ word: String, after head: Int64, isServed: Bool) {
        if self.isServed {
            ended.append(Ended(word: current, through: head))
            ended.removeFirst(max(0, ended.count - LogEpochs.limit))
        }
        current = word
        self.isServed = isServed
    }
}

extension LogWriting {
    /// Begins an epoch at the head of the log: when it is opened for writing, and again before it is served.
    package mutating func beginEpoch(_ word: ULID, isServed: Bool) throws(StoreFailure) {
        guard var epochs = LogEpochs(stored: try meta(.epoch) ?? "") else { throw .corrupt }
        epochs.begin(word.description, after: try head()?.seq ?? 0, isServed: isServed)
        try setMeta(.epoch, epochs.stored)
    }
}
