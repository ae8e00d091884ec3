/// Decides what becomes of one program that is given the log: when it is started, what it is given, what its answers
/// mean, when it is ended, and what is durable of all that. Does no I/O.
///
/// - `loading → waiting` once it is known how far the program is
/// - `waiting → starting → greeting → running`
/// - `starting | greeting | running → ending` on a fault, a rewind or the end of the node
/// - `any → waiting` once the program has ended, `→ stopped` where the node ends
///
/// What a program was given and has not answered is given again to the next one. Events of one subject are given in
/// their order: one that failed has those behind it wait, and events of other subjects go on.
package struct ReplayerMachine: Sendable {
    package struct Policy: Hashable, Sendable {
        /// Events that have no answer yet, at most.
        package var window: Int
        /// How long a program may be silent while it has events.
        package var timeout: Duration
        /// How often an event is given before it is parked.
        package var attempts: Int

        package init(window: Int, timeout: Duration, attempts: Int) {
            self.window = window
            self.timeout = timeout
            self.attempts = attempts
        }
    }

    enum State: Hashable, Sendable {
        case loading
        case waiting(until: Instant)
        case starting
        case greeting(deadline: Instant)
        case running
        /// Its input is closed; what it still says counts, unless it was at fault.
        case ending(Ending, next: Signal, at: Instant)
        case stopped
    }

    enum Ending: Hashable, Sendable { case fault, again, stop }

    package enum Signal: Hashable, Sendable { case terminate, kill, none }

    package enum Input: Sendable {
        case tick
        case loaded(ReplayerMemory)
        case spawned
        case spawnFailed(code: Int32)
        case line([UInt8])
        case lineTooLong
        case outputClosed
        case inputClosed
        /// So many lines have been taken by the program, since it was started.
        case wrote(lines: Int)
        case exited(ReplayerFault)
        case page(UInt64, LogPage)
        /// The next event of a lane, looked for through this place.
        case lane(UInt64, ExactText, through: Int64, StoredEvent?)
        case kept(ReplayerMemory)
        /// Whether a place is one of this log.
        case located(UInt64, Bool)
        case storeFailed(StoreWork)
        /// The log may have grown.
        case news
        case change(ReplayerTicket, ReplayerChange)
        case stop
    }

    package enum StoreWork: Hashable, Sendable {
        case load, keep, locate
        /// Of the run with this token.
        case read(UInt64), lane(UInt64, ExactText)
    }

    package enum Effect: Sendable {
        case load
        case spawn
        case write([UInt8])
        case closeInput
        case signal(Signal)
        case read(UInt64, after: LogCursor, limit: Int)
        case locate(UInt64, LogPosition)
        /// `own` is the event that the lane waits for.
        case readLane(UInt64, ExactText, own: ULID, from: Int64, through: Int64)
        case keep(ReplayerMemory, before: ReplayerMemory)
        case changed(ReplayerTicket, Int?)
        case report(ReplayerReportLine)
    }

    let policy: Policy
    let name: String
    let node: NodeIdentity
    var state = State.loading
    var memory = ReplayerMemory()
    /// What is on disk of it.
    var kept = ReplayerMemory()
    var isKeeping = false
    /// When the store is tried again after it failed.
    var storeRetry: Instant?
    var feed = ReplayerFeed()
    var backoff = Backoff()
    /// How often each event was the only one that a program had when it ended badly.
    var crashes: [ULID: Int] = [:]
    /// Since an event was parked because programs ended with it. Where none goes well, it is hardly the events.
    var hasSettledSinceCrash = true
    private var tickets: [(ReplayerTicket, Int)] = []
    /// Those that what is being kept answers.
    private var ticketsKept: [(ReplayerTicket, Int)] = []
    private var isStopping = false
    package private(set) var tally = ReplayerTally()

    package init(name: String, node: NodeIdentity, policy: Policy) {
        self.name = name
        self.node = node
        self.policy = policy
    }

    package mutating func handle(
        _ input: Input, at now: Moment, using random: inout some RandomNumberGenerator
    ) -> [Effect] {
        // What is due needs no further waking.
        feed.dueAt = feed.dueAt.filter { $0.value > now.instant }
        var effects = take(input, at: now, using: &random)
        if state == .running { effects += feedMore(now) }
        effects += keepWhatChanged()
        return effects
    }

    private mutating func take(
        _ input: Input, at now: Moment, using random: inout some RandomNumberGenerator
    ) -> [Effect] {
        switch input {
        case .tick: return tick(now, using: &random)
        case .loaded(let memory):
            guard state == .loading else { return [] }
            (self.memory, kept) = (memory, memory)
            state = .waiting(until: now.instant)
            return isStopping ? stopped() : tick(now, using: &random)
        case .spawned:
            guard state == .starting else { return [] }
            state = .greeting(deadline: now.instant.advanced(by: Limits.replayerHello))
            feed.lines += 1
            return [.write(ReplayerMessage.hello(node: node, replayer: name, window: policy.window))]
        case .spawnFailed(let code): return ended(.spawn(code: code), now, using: &random)
        case .line(let line): return read(line, now)
        case .lineTooLong: return fault(.lineTooLong, now)
        // A program that ends closes both.
        case .outputClosed: return closed(.closedOutput, now)
        case .inputClosed: return closed(.closedInput, now)
        case .wrote(let lines):
            feed.written = max(feed.written, lines)
            return []
        case .exited(let ending): return ended(ending, now, using: &random)
        case .page(let token, let page): return took(page, token)
        case .lane(let token, let subject, let through, let event): return gave(subject, event, through, token, now)
        case .located(let token, let isOurs): return located(isOurs, token)
        case .kept(let memory):
            isKeeping = false
            kept = memory
            return answerTickets(kept: true)
        case .storeFailed(let work): return storeFailed(work, now)
        case .news:
            feed.isAtHead = false
            return []
        case .change(let ticket, let change): return apply(change, ticket, now)
        case .stop: return stop(now)
        }
    }

    // MARK: Time

    /// When the driver must next send `tick`.
    package var wakeAt: Instant? {
        var moments = [storeRetry, feed.closing?.by].compactMap { $0 }
        switch state {
        case .loading, .starting, .stopped: break
        case .waiting(let until): moments.append(until)
        case .greeting(let deadline): moments.append(deadline)
        case .ending(_, _, let at): moments.append(at)
        case .running:
            if let deadline = feed.deadline(policy.timeout) { moments.append(deadline) }
            moments += feed.dueAt.values
        }
        return moments.min()
    }

    private mutating func tick(_ now: Moment, using random: inout some RandomNumberGenerator) -> [Effect] {
        if let retry = storeRetry, retry <= now.instant {
            storeRetry = nil
            if state == .loading { return [.load] }
        }
        if let (fault, by) = feed.closing, by <= now.instant {
            feed.closing = nil
            return self.fault(fault, now)
        }
        switch state {
        case .loading: return storeRetry == nil ? [.load] : []
        case .waiting(let until) where until <= now.instant:
            state = .starting
            feed.begin(at: memory.cursor)
            tally.starts += 1
            return [.spawn]
        case .greeting(let deadline) where deadline <= now.instant: return fault(.noHello, now)
        case .running:
            guard let deadline = feed.deadline(policy.timeout), deadline <= now.instant else { return [] }
            return fault(feed.oldestIsUnread ? .unread : .stalled, now)
        case .ending(let ending, let next, let at) where at <= now.instant:
            // Not even that has ended it: it is given up.
            guard next != .none else { return ended(.killed(signal: 9), now, using: &random) }
            let following = next == .terminate ? Signal.kill : .none
            state = .ending(ending, next: following, at: now.instant.advanced(by: Limits.replayerGrace))
            return [.signal(next)]
        case .waiting, .starting, .greeting, .ending, .stopped: return []
        }
    }

    // MARK: The program's end

    private mutating func closed(_ fault: ReplayerFault, _ now: Moment) -> [Effect] {
        switch state {
        case .starting, .greeting, .running:
            feed.closing = feed.closing ?? (fault, now.instant.advanced(by: Limits.replayerFirstWait))
        case .loading, .waiting, .ending, .stopped: break
        }
        return []
    }

    /// Ends a program that did what it should not.
    mutating func fault(_ fault: ReplayerFault, _ now: Moment) -> [Effect] {
        switch state {
        case .starting, .greeting, .running: break
        case .loading, .waiting, .ending, .stopped: return []
        }
        note(fault, now)
        feed.closing = nil
        state = .ending(.fault, next: .kill, at: now.instant.advanced(by: Limits.replayerGrace))
        return [.closeInput, .signal(.terminate), .report(.failed(fault))]
    }

    private mutating func ended(
        _ ending: ReplayerFault, _ now: Moment, using random: inout some RandomNumberGenerator
    ) -> [Effect] {
        var effects: [Effect] = []
        switch state {
        case .ending(.stop, _, _): return stopped()
        case .ending(.again, _, _):
            state = .waiting(until: now.instant)
            feed.begin(at: memory.cursor)
            return isStopping ? stopped() : tick(now, using: &random)
        case .ending(.fault, _, _): break
        case .starting, .greeting, .running:
            note(ending, now)
            effects.append(.report(.failed(ending)))
        case .loading, .waiting, .stopped: return []
        }
        if feed.settledThisTime > 0 { backoff.reset() }
        let wait = backoff.next(
            interval: Limits.replayerFirstWait / 2, longest: Limits.replayerLongestWait, using: &random)
        feed.begin(at: memory.cursor)
        if isStopping { return effects + stopped() }
        state = .waiting(until: now.instant.advanced(by: wait))
        return effects
    }

    /// Whose fault it was: an event that was the only one given each time a program ended is parked in the end.
    private mutating func note(_ fault: ReplayerFault, _ now: Moment) {
        tally.failed(fault, at: now.wall)
        guard !feed.given.isEmpty else { return }
        guard feed.careful > 0, let only = feed.given.first, feed.given.count == 1 else {
            // The next program is given them one by one.
            feed.careful = max(feed.careful, feed.given.count)
            return
        }
        let count = crashes[only.id, default: 0] + 1
        crashes[only.id] = count
        // A program that ends whatever it is given has lost something that it needs.
        guard count >= policy.attempts * (hasSettledSinceCrash ? 1 : 10) else { return }
        hasSettledSinceCrash = false
        crashes[only.id] = nil
        feed.given = []
        let refusal = ProgramMessage.Refusal(.internal, retries: false, words: fault.code)
        park(only, code: "crash", refusal, attempts: count, now)
    }

    private mutating func stop(_ now: Moment) -> [Effect] {
        isStopping = true
        switch state {
        case .loading, .waiting: return stopped()
        case .starting, .greeting, .running:
            feed.closing = nil
            state = .ending(.stop, next: .terminate, at: now.instant.advanced(by: Limits.replayerGrace))
            return [.closeInput]
        case .ending(.again, let next, let at):
            state = .ending(.stop, next: next, at: at)
            return []
        case .ending, .stopped: return []
        }
    }

    private mutating func stopped() -> [Effect] {
        state = .stopped
        return []
    }

    /// Nothing more will come of it, and what it knew is on disk, or cannot be put there.
    package var isOver: Bool { state == .stopped && !isKeeping && (memory == kept || storeRetry != nil) }

    // MARK: What is durable

    private mutating func keepWhatChanged() -> [Effect] {
        guard !isKeeping, storeRetry == nil, state != .loading, memory != kept || !tickets.isEmpty else { return [] }
        isKeeping = true
        ticketsKept = tickets
        tickets = []
        return [.keep(memory, before: kept)]
    }

    private mutating func storeFailed(_ work: StoreWork, _ now: Moment) -> [Effect] {
        storeRetry = now.instant.advanced(by: Limits.replayerFirstWait)
        tally.storeFailures += 1
        switch work {
        // A greeting without an answer ends at its deadline.
        case .load, .locate: return []
        // One of an earlier run says nothing of this one's.
        case .read(let token): if token == feed.token { feed.isReading = false }
        case .lane(let token, let subject): if token == feed.token { feed.lanesRead.remove(subject) }
        case .keep:
            isKeeping = false
            return answerTickets(kept: false)
        }
        return []
    }

    private mutating func answerTickets(kept isKept: Bool) -> [Effect] {
        defer { ticketsKept = [] }
        return ticketsKept.map { .changed($0.0, isKept ? $0.1 : nil) }
    }

    private mutating func apply(_ change: ReplayerChange, _ ticket: ReplayerTicket, _ now: Moment) -> [Effect] {
        guard state != .loading, state != .stopped else { return [.changed(ticket, nil)] }
        let count = memory.apply(change)
        tickets.append((ticket, count))
        switch change {
        case .retry, .skip:
            for subject in feed.dueAt.keys where memory.lanes[subject]?.attempts == 0 { feed.dueAt[subject] = nil }
        case .rewind:
            // What is under way belongs to another place.
            switch state {
            case .starting, .greeting, .running:
                feed.begin(at: memory.cursor)
                state = .ending(.again, next: .terminate, at: now.instant.advanced(by: Limits.replayerGrace))
                return [.closeInput]
            case .loading, .waiting, .ending, .stopped: feed.begin(at: memory.cursor)
            }
        }
        return []
    }

    // MARK: For others to see

    package mutating func count(_ change: (inout ReplayerTally) -> Void) { change(&tally) }
}

/// Names a question of a person's that is answered later.
package struct ReplayerTicket: Hashable, Sendable {
    package var number: UInt64
    package init(_ number: UInt64) { self.number = number }
}

/// What is worth a line in the log.
package enum ReplayerReportLine: Hashable, Sendable {
    case greeted(name: String, version: String)
    case failed(ReplayerFault)
    case parked(ULID, subject: String, code: String)
    case startedOver
}
