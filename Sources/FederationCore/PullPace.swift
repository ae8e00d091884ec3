/// How many requests of one poll are worth having under way before they are asked for.
///
/// While one page is committed, others can be on their way: as many as keep the store at work, and no more than memory
/// is set aside for.
struct PullPace: Hashable, Sendable {
    /// The least time that an answer with a page took: what the way and the peer take when nothing waits in a queue.
    private(set) var answerTime: Duration?
    /// What committing a page takes, of late.
    private(set) var commitTime: Duration?
    /// The longest page of this poll.
    private(set) var pageBytes = 0

    mutating func answered(in time: Duration, bytes: Int) {
        answerTime = min(answerTime ?? time, time)
        pageBytes = max(pageBytes, bytes)
    }

    mutating func committed(in time: Duration) {
        commitTime = commitTime.map { ($0 + time) / 2 } ?? time
    }

    /// A page did not fit into so many bytes.
    mutating func overran(_ bytes: Int) { pageBytes = max(pageBytes, bytes < Int.max / 2 ? 2 * bytes : bytes) }

    /// How many requests ahead. One before the first commit is over: nothing is known yet of how long that takes.
    var depth: Int {
        guard let answerTime, let commitTime else { return 1 }
        let least = Duration.milliseconds(1)
        let pages = max(answerTime, least) / max(commitTime, least)
        // A page is given a quarter more room than the longest one took.
        let roomFor = Limits.bytesAhead / max(1, pageBytes / 4 * 5)
        return max(1, min(Int(pages.rounded(.up)), roomFor, Limits.requestsAhead))
    }
}
