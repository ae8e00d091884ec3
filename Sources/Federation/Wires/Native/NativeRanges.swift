import FederationCore

/// The places in a peer's log between which pages are asked for: what lets several be under way at one time.
///
/// The peer names places ahead of a page's end (`Federation-Marks`), and each is a position like any other. A page from
/// one mark until the next begins where the last one ended, whatever order their answers come in; an older peer names
/// none, and is read page by page.
struct NativeRanges {
    /// The position after the last page taken.
    private(set) var position: String?
    /// Places that follow it, in order.
    private(set) var marks: [String] = []
    /// The peer did not know one of its own marks any more: no more are asked for in this poll.
    private(set) var areRefused = false
    /// The last mark is the last one there is: what follows it is one page at most.
    private var reachesHead = false

    /// A position passed earlier, and how many pages ago: one that comes again leads in a circle. Each is remembered for
    /// twice as many pages as the one before, so one is enough for a circle of any length.
    private var landmark: String?
    private var pagesSince = 0
    private var patience = 1

    init(from position: String?) { self.position = position }

    /// One page's worth of the log.
    struct Range: Hashable {
        var after: String?
        var until: String?
    }

    /// What to ask for now.
    var next: Range { Range(after: position, until: marks.first) }

    /// What will be asked for after that, if every page holds its whole range.
    var following: [Range] {
        guard !marks.isEmpty else { return [] }
        var ranges = zip(marks, marks.dropFirst()).map { Range(after: $0, until: $1) }
        if reachesHead, let last = marks.last { ranges.append(Range(after: last, until: nil)) }
        return ranges
    }

    /// A page of `next` was taken: the log was read as far as `position`, and these marks follow.
    mutating func took(_ page: NativePage) {
        position = page.position
        if marks.first == page.position { marks.removeFirst() }
        // A page that was asked for early may know of fewer than are known by now.
        guard page.marks.count >= marks.count else { return }
        marks = page.marks
        reachesHead = page.marks.count < Limits.marks && page.marks.last != page.head
    }

    /// Whether a page that ends at `position`, and says that more follows, leads back to where the poll has been.
    mutating func circles(at position: String) -> Bool {
        guard position != landmark else { return true }
        pagesSince += 1
        if pagesSince == patience {
            landmark = position
            pagesSince = 0
            patience = min(patience * 2, Limits.pagesPerPoll)
        }
        return false
    }

    /// The peer will not serve a range of its own marks: it is read page by page.
    mutating func refuse() {
        marks = []
        areRefused = true
    }
}
