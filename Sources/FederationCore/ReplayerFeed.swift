/// What a program has been given and has not answered, and what it is to be given next: of one run of the program.
struct ReplayerFeed: Sendable {
    /// An event that the program has.
    struct Given: Hashable, Sendable {
        /// From a page of the log, by that page's number, or from behind a failure.
        enum Source: Hashable, Sendable { case page(Int), lane }

        var seq: Int64
        var id: ULID
        var subject: ExactText
        var source: Source
        /// The line that it went in, counted from the program's start.
        var line: Int
        var at: Instant
        /// It was held then.
        var isHeld: Bool
    }

    /// Events of the log that were read together; the cursor moves when all are dealt with.
    private struct Page: Sendable {
        var next: LogCursor
        var open: Int
    }

    /// Tells what was asked for this run from what was asked for an earlier one.
    private(set) var token: UInt64 = 0
    private var cursor = LogCursor.start
    private var pages: [Page] = []
    private var firstPage = 0
    private var queue: ArraySlice<(event: StoredEvent, page: Int)> = []
    var given: [Given] = []
    var isReading = false
    var isAtHead = false
    /// The highest place that was given or left to a lane.
    private(set) var passed: Int64 = 0
    private(set) var highestGiven: Int64 = 0
    /// Lanes whose next event is being looked for.
    var lanesRead: Set<ExactText> = []
    var dueAt: [ExactText: Instant] = [:]
    /// Lanes whose event is held for now: nothing that the program needs is away for them.
    var lanesHeld: Set<ExactText> = []
    /// Lines that were written to the program, and that it has taken.
    var lines = 0
    var written = 0
    /// Answers to what was answered before.
    var repeated = 0
    var settledThisTime = 0
    var lastAnswer: Instant?
    /// Events that are given one at a time, because a program ended while it had several.
    var careful = 0
    /// The place that it named, while that is looked for.
    var asked: LogPosition?
    /// What it has closed, and by when its end would explain that.
    var closing: (fault: ReplayerFault, by: Instant)?

    /// A new run, from a place of the log.
    mutating func begin(at cursor: LogCursor) {
        let (token, careful, dueAt, lanesHeld) = (token, careful, dueAt, lanesHeld)
        self = ReplayerFeed()
        self.token = token + 1
        self.careful = careful
        self.dueAt = dueAt
        self.lanesHeld = lanesHeld
        move(to: cursor)
    }

    /// Reads on from another place.
    mutating func move(to cursor: LogCursor) {
        self.cursor = cursor
        passed = cursor.position?.seq ?? 0
    }

    // MARK: Reading

    /// Where to read next, if there is room.
    mutating func nextRead(window: Int) -> (after: LogCursor, limit: Int)? {
        guard !isReading, !isAtHead, queue.isEmpty, pages.count < (careful > 0 ? 1 : 2) else { return nil }
        isReading = true
        return (cursor, careful > 0 ? 1 : window)
    }

    /// Takes what was read.
    ///
    /// - Returns: where the cursor moves at once, if so.
    mutating func take(_ token: UInt64, _ page: LogPage) -> LogCursor? {
        guard token == self.token, isReading else { return nil }
        isReading = false
        isAtHead = !page.hasMore
        cursor = page.next
        guard !page.events.isEmpty else { return pages.isEmpty ? page.next : nil }
        if page.startedOver { passed = 0 }
        let number = firstPage + pages.count
        pages.append(Page(next: page.next, open: page.events.count))
        queue = ArraySlice(page.events.map { ($0, number) })
        return nil
    }

    // MARK: Giving

    var next: (event: StoredEvent, page: Int)? { queue.first }

    /// The next of the queue is given, or left to its lane.
    mutating func pass() {
        guard let next = queue.popFirst() else { return }
        passed = max(passed, next.event.seq)
    }

    mutating func give(_ event: StoredEvent, from source: Given.Source, at now: Instant) {
        lines += 1
        highestGiven = max(highestGiven, event.seq)
        given.append(
            Given(
                seq: event.seq, id: event.event.id, subject: ExactText(event.event.subject), source: source, line: lines,
                at: now, isHeld: event.hold != nil))
    }

    /// An event of a page is dealt with.
    ///
    /// - Returns: where the cursor moves, if it does.
    mutating func settle(page number: Int) -> LogCursor? {
        pages[number - firstPage].open -= 1
        var moved: LogCursor?
        while let first = pages.first, first.open == 0 {
            moved = first.next
            pages.removeFirst()
            firstPage += 1
            if careful > 0 { careful -= 1 }
        }
        return moved
    }

    // MARK: Time

    /// When the program has been silent for too long.
    func deadline(_ timeout: Duration) -> Instant? {
        guard let oldest = given.first else { return nil }
        return max(oldest.at, lastAnswer ?? oldest.at).advanced(by: timeout)
    }

    /// The last place that was read.
    var seen: Int64 { cursor.position?.seq ?? 0 }

    var oldestIsUnread: Bool { given.first.map { $0.line > written } ?? false }
}

// What a program that runs is given, and what its answers mean.
extension ReplayerMachine {
    mutating func feedMore(_ now: Moment) -> [Effect] {
        guard storeRetry == nil else { return [] }
        var effects: [Effect] = []
        let window = feed.careful > 0 ? 1 : policy.window
        func hasRoom(_ feed: ReplayerFeed) -> Bool { feed.given.count + feed.lanesRead.count < window }
        // Each may be as long as an event can be; those of a page are bounded together.
        func hasLaneRoom(_ feed: ReplayerFeed) -> Bool {
            feed.lanesRead.count + feed.given.count { $0.source == .lane } < Limits.replayerLanesAtOnce
        }
        // Where something that the program needs is away, the next event would fare no better.
        // (One behind the place that was read to is given only once that is passed again.)
        let passed = feed.passed
        let isOut = memory.lanes.contains { subject, lane in
            !lane.isParked && lane.seq <= passed && ProgramMessage.Refusal.isOutage(lane.code) && !feed.lanesHeld.contains(subject)
        }
        for (subject, lane) in memory.lanes.filter({ !$0.value.isParked }).sorted(by: { $0.key < $1.key })
        where hasRoom(feed) && hasLaneRoom(feed) {
            guard !feed.lanesRead.contains(subject),
                !feed.given.contains(where: { $0.subject == subject }),
                feed.dueAt[subject].map({ $0 <= now.instant }) ?? true
            else { continue }
            guard lane.seq <= feed.passed else {
                // Emptied; or its event is yet to come, and then that is where it is given.
                if lane.code.isEmpty { memory.lanes[subject] = nil }
                continue
            }
            feed.dueAt[subject] = nil
            feed.lanesRead.insert(subject)
            effects.append(.readLane(feed.token, subject, own: lane.id, from: lane.seq, through: feed.passed))
        }
        while !isOut, hasRoom(feed), memory.lanes.count < Limits.replayerLanes, let next = feed.next {
            let subject = ExactText(next.event.event.subject)
            let lane = memory.lanes[subject].flatMap { next.event.seq >= $0.seq ? $0 : nil }
            // Were both under way, the first might fail and the second not.
            let isUnderWay = feed.lanesRead.contains(subject) || feed.given.contains { $0.subject == subject }
            if lane == nil, isUnderWay { break }
            feed.pass()
            if lane != nil || memory.skipped.contains(next.event.event.id) {
                settle(page: next.page)
            } else {
                feed.give(next.event, from: .page(next.page), at: now.instant)
                let attempt = crashes[next.event.event.id, default: 0] + 1
                effects.append(.write(ReplayerMessage.event(next.event, isLate: false, attempt: attempt)))
            }
        }
        if let (after, limit) = feed.nextRead(window: window) {
            effects.append(.read(feed.token, after: after, limit: limit))
        }
        return effects
    }

    /// What followed in the log was read.
    mutating func took(_ page: LogPage, _ token: UInt64) -> [Effect] {
        guard token == feed.token else { return [] }
        if let cursor = feed.take(token, page) { memory.cursor = cursor }
        guard page.startedOver, state == .running else { return [] }
        // The places that lanes name are those of another log.
        memory.lanes = [:]
        feed.lines += 1
        return [.write(ReplayerMessage.start(after: nil, startedOver: true)), .report(.startedOver)]
    }

    /// The next event of a lane was looked for.
    mutating func gave(
        _ subject: ExactText, _ event: StoredEvent?, _ through: Int64, _ token: UInt64, _ now: Moment
    ) -> [Effect] {
        guard token == feed.token, feed.lanesRead.remove(subject) != nil, state == .running,
            var lane = memory.lanes[subject], !lane.isParked
        else { return [] }
        feed.lanesHeld.remove(subject)
        guard let event else {
            lane.seq = through + 1
            // What came meanwhile stands behind what was looked at.
            memory.lanes[subject] = feed.passed > through ? lane : nil
            return []
        }
        guard event.seq >= lane.seq else { return [] }
        if event.hold != nil, !lane.cameHeld {
            // It was given while it counted, and is given again once it does; what its record has behind it waits with it.
            feed.lanesHeld.insert(subject)
            feed.dueAt[subject] = now.instant.advanced(by: Limits.replayerLongestWait)
            return []
        }
        if memory.skipped.contains(event.event.id) {
            lane.seq = event.seq + 1
            memory.lanes[subject] = lane
            return []
        }
        if lane.id != event.event.id { (lane.attempts, lane.cameHeld) = (0, false) }
        (lane.seq, lane.id) = (event.seq, event.event.id)
        memory.lanes[subject] = lane
        feed.give(event, from: .lane, at: now.instant)
        return [.write(ReplayerMessage.event(event, isLate: true, attempt: lane.attempts + 1))]
    }

    // MARK: Answers

    mutating func read(_ line: [UInt8], _ now: Moment) -> [Effect] {
        switch state {
        case .greeting, .running, .ending(.stop, _, _): break
        case .loading, .waiting, .starting, .ending, .stopped: return []
        }
        let message: ProgramMessage
        do throws(ReplayerFault) { message = try ProgramMessage(line: line) } catch { return fault(error, now) }
        switch message {
        case .hello(let greeting): return greeted(greeting, now)
        case .ok(let seq, let id): return answered(seq, id, nil, now)
        case .fail(let seq, let id, let refusal): return answered(seq, id, refusal, now)
        }
    }

    private mutating func greeted(_ greeting: ProgramMessage.Greeting, _ now: Moment) -> [Effect] {
        guard case .greeting = state, feed.asked == nil else {
            if case .ending = state { return [] }
            return fault(.malformed, now)
        }
        if greeting.version != memory.version {
            // It may know now what it did not.
            _ = memory.apply(.retry(nil))
            memory.version = greeting.version
        }
        count {
            $0.program = greeting.name
            $0.version = greeting.version
        }
        switch greeting.after {
        case .remembered: break
        // What waits in lanes goes on waiting: their events are left to them when they come again.
        case .first: memory.cursor = .start
        case .place(let place):
            feed.asked = place
            return [.locate(feed.token, place)]
        }
        return begun(startedOver: false)
    }

    /// It was looked whether the place that the program names is one of this log.
    mutating func located(_ isOurs: Bool, _ token: UInt64) -> [Effect] {
        guard token == feed.token, case .greeting = state, let place = feed.asked else { return [] }
        feed.asked = nil
        if !isOurs {
            // Somebody has brought back an older log: all places are others now.
            memory.cursor = .start
            memory.lanes = [:]
        } else if let ours = memory.cursor.position, place.seq < ours.seq {
            memory.cursor = memory.cursor.moved(back: place)
        }
        return begun(startedOver: !isOurs)
    }

    private mutating func begun(startedOver: Bool) -> [Effect] {
        state = .running
        feed.move(to: memory.cursor)
        feed.lines += 1
        let line = ReplayerMessage.start(after: memory.cursor.position, startedOver: startedOver)
        return [.write(line), .report(.greeted(name: tally.program, version: tally.version))]
            + (startedOver ? [.report(.startedOver)] : [])
    }

    private mutating func answered(
        _ seq: Int64, _ id: ULID?, _ refusal: ProgramMessage.Refusal?, _ now: Moment
    ) -> [Effect] {
        if case .greeting = state { return fault(.malformed, now) }
        guard let place = feed.given.firstIndex(where: { $0.seq == seq }) else {
            guard seq <= feed.highestGiven else { return fault(.notGiven(seq: seq), now) }
            feed.repeated += 1
            count { $0.repeated += 1 }
            return feed.repeated > Limits.replayerRepeats ? fault(.flood, now) : []
        }
        guard id == nil || id == feed.given[place].id else { return fault(.wrongID(seq: seq), now) }
        feed.lastAnswer = now.instant
        let isUnknown = refusal.map { $0.code == .unsupported && !$0.retries } ?? false
        if isUnknown {
            count { $0.refusals[.unsupported, default: 0] += 1 }
            dealtWith(feed.given.remove(at: place))
            return []
        }
        guard let refusal else {
            let done = feed.given[...place]
            feed.given.removeFirst(place + 1)
            for event in done { dealtWith(event) }
            return []
        }
        let event = feed.given.remove(at: place)
        let attempts = attempts(of: event) + 1
        count { $0.refusals[refusal.code, default: 0] += 1 }
        crashes[event.id] = nil
        let isParked = park(event, code: refusal.code.rawValue, refusal, attempts: attempts, now)
        return isParked ? [.report(.parked(event.id, subject: event.subject.text, code: refusal.code.rawValue))] : []
    }

    private mutating func dealtWith(_ event: ReplayerFeed.Given) {
        count { $0.settled += 1 }
        feed.settledThisTime += 1
        hasSettledSinceCrash = true
        crashes[event.id] = nil
        switch event.source {
        case .page(let page): settle(page: page)
        case .lane:
            if let lane = memory.lanes[event.subject], lane.id == event.id, lane.seq == event.seq {
                memory.lanes[event.subject]?.pass()
            }
            if feed.careful > 0 { feed.careful -= 1 }
        }
    }

    private func attempts(of event: ReplayerFeed.Given) -> Int {
        guard let lane = memory.lanes[event.subject], lane.id == event.id else { return 0 }
        return lane.attempts
    }

    /// Has an event wait: to be given again after a while, or when a person says so.
    ///
    /// - Returns: whether it is the latter.
    @discardableResult
    mutating func park(
        _ event: ReplayerFeed.Given, code: String, _ refusal: ProgramMessage.Refusal, attempts: Int, _ now: Moment
    ) -> Bool {
        if case .lane = event.source, let lane = memory.lanes[event.subject], lane.seq > event.seq { return false }
        let isOutage = ProgramMessage.Refusal.isOutage(code)
        let isParked = !refusal.retries || (attempts >= policy.attempts && !isOutage)
        let since = memory.lanes[event.subject]?.since ?? now.wall
        memory.lanes[event.subject] = ReplayerMemory.Lane(
            seq: event.seq, id: event.id, attempts: attempts, code: code, words: refusal.words, since: since,
            isParked: isParked, cameHeld: event.isHeld)
        if !isParked {
            // 1, 2, 4 … seconds, up to the longest.
            let wait = min(Limits.replayerFirstWait * (1 << min(attempts - 1, 10)), Limits.replayerLongestWait)
            feed.dueAt[event.subject] = now.instant.advanced(by: wait)
        }
        if case .page(let page) = event.source { settle(page: page) }
        return isParked
    }

    private mutating func settle(page: Int) { if let cursor = feed.settle(page: page) { memory.cursor = cursor } }
}

extension LogCursor {
    /// At an earlier place, with what was held when it was passed.
    func moved(back place: LogPosition) -> LogCursor { LogCursor(place, waiting: waiting) }
}
