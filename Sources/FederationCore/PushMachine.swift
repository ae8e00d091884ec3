/// Decides when to push our log to one peer that cannot ask for it, and how much at one time. Does no I/O.
///
/// - `silent → loading` when the peer says what it wants
/// - `loading → sending` with a page, `→ resting` where the log has nothing after the position
/// - `sending → loading` once the peer has the page on its disk, or says that it holds another position
/// - `resting → loading` when the log has grown
/// - `loading | sending → waiting` on a failure, `waiting → loading` when that is over, or the peer shows itself
/// - `any → silent` when the peer wants nothing any more, or is to be given nothing
/// - `any → stopped`
///
/// It stands beside `PollMachine`, so that what is written here never cuts a request short that the peer holds. What is
/// committed while a page is on its way goes with the next one, all of it. What a comparison has shown to be missing there
/// although the position is past it goes when there is nothing else to do: it moves no position.
package struct PushMachine: Sendable {
    enum State: Hashable, Sendable {
        case silent
        case resting
        case loading(RequestID, deadline: Instant)
        case sending(RequestID, PushPage, deadline: Instant)
        case waiting(until: Instant)
        case stopped
    }

    package enum Input: Hashable, Sendable {
        /// `wakeAt` has come. Sent early or twice, it does nothing.
        case tick
        /// The peer was asked, is who it should be, and wants this; `nil` for nothing.
        case offered(PushOffer?)
        /// The log holds more than when it was last looked at.
        case grown
        /// What follows the position in the log; `nil` for nothing.
        case loaded(RequestID, PushPage?)
        /// A comparison has shown that the peer lacks these.
        case lacking([LogItem])
        /// Of those, the page of the first ones that are worth sending, and how many were looked through for it.
        case found(RequestID, PushPage?, through: Int)
        /// The log could not be read.
        case unreadable(RequestID, StoreFailure)
        case answered(RequestID, PushAnswer)
        /// Whether the configuration lets this peer have what we hold.
        case allowed(Bool)
        /// Stands for what is shown to the peer and what it must show, as `PolledPeer.channel`.
        case channel(Digest?)
        case stop
    }

    package enum Effect: Hashable, Sendable {
        /// Read the log after a position; answered by `loaded` or `unreadable`.
        case load(RequestID, after: String?, bytes: Int)
        /// Read single events that stand up to a position; answered by `found` or `unreadable`.
        case find(RequestID, [LogItem], holding: String, upTo: String, bytes: Int)
        /// Sign the page and send it to the node; answered by `answered`.
        case send(RequestID, PushPage, to: ULID)
        /// The answer to this is no longer wanted. One comes all the same or none does: it is ignored.
        case cancel(RequestID)
    }

    /// Of the peer's entry: the pace of what fails.
    private let interval: Duration
    private let policy: PushPolicy
    private var isAllowed: Bool
    private var channel: Digest?
    /// What was wrong may have been mended while a page was on its way.
    private var isOvertaken = false
    private var state = State.silent
    /// What the peer wants, as last known.
    private var offer: PushOffer?
    private var lastRequest: UInt64 = 0
    private var hasGrown = false
    /// Positions that the peer has left behind, the last ones.
    private var passed: [String?] = []
    private var lastTaken: Instant?
    private var room: Int
    /// What the peer has lost, and the position that it held when that was found: what comes after it is pushed anyway.
    private var lacking: (items: [LogItem], upTo: String)?
    /// How many of them the page on its way is for.
    private var mending = 0
    private var backoff = Backoff()
    private var busyBackoff = Backoff()
    private var wake = WakeOnContact()
    private var corrections = 0
    private var attempt = 0
    private var failure: ExchangeFailure?

    package init(interval: Duration, isAllowed: Bool = true, channel: Digest? = nil, policy: PushPolicy = PushPolicy()) {
        self.interval = interval
        self.isAllowed = isAllowed
        self.channel = channel
        self.policy = policy
        room = min(max(policy.firstBytes, policy.bytes.lowerBound), policy.bytes.upperBound)
    }

    /// When `tick` is to be sent next.
    package var wakeAt: Instant? {
        switch state {
        case .loading(_, let deadline), .sending(_, _, let deadline): deadline
        case .waiting(let until): until
        case .silent, .resting, .stopped: nil
        }
    }

    package var status: PushStatus {
        let name: PushStatus.State =
            switch state {
            case .silent: .silent
            case .resting: .current
            case .loading, .sending: .pushing
            case .waiting: .waiting
            case .stopped: .stopped
            }
        return PushStatus(state: name, attempt: attempt, failure: failure)
    }

    /// Whether there is any use in telling it that the log has grown.
    package var isWanted: Bool {
        switch state {
        case .silent, .stopped: false
        case .resting, .loading, .sending, .waiting: true
        }
    }

    package mutating func handle(
        _ input: Input, at now: Instant, using random: inout some RandomNumberGenerator
    ) -> [Effect] {
        if case .stopped = state { return [] }
        switch input {
        case .tick: return tick(now, &random)
        case .offered(let offer): return offered(offer, now)
        case .grown: return grown(now)
        case .loaded(let id, let page): return loaded(id, page, now)
        case .lacking(let items): return lacks(items, now)
        case .found(let id, let page, let count): return found(id, page, count, now)
        case .unreadable(let id, let failure):
            guard case .loading(id, _) = state else { return [] }
            return wait(after: .store(failure), now, &random)
        case .answered(let id, let answer):
            // Else a late answer to something that was given up.
            guard case .sending(id, let page, _) = state else { return [] }
            return answered(answer, to: page, now, &random)
        case .allowed(let isAllowed):
            self.isAllowed = isAllowed
            return isAllowed ? [] : leave(for: .silent)
        case .channel(let channel): return changed(to: channel, now)
        case .stop: return leave(for: .stopped)
        }
    }

    private mutating func tick(_ now: Instant, _ random: inout some RandomNumberGenerator) -> [Effect] {
        switch state {
        case .waiting(let until) where until <= now: return load(now)
        case .loading(let id, let deadline) where deadline <= now:
            return [.cancel(id)] + wait(after: .store(.interrupted), now, &random)
        case .sending(let id, _, let deadline) where deadline <= now:
            return [.cancel(id)] + wait(after: .transport(.timeout), now, &random)
        case .silent, .resting, .loading, .sending, .waiting, .stopped: return []
        }
    }

    private mutating func offered(_ new: PushOffer?, _ now: Instant) -> [Effect] {
        guard let new, isAllowed else { return leave(for: .silent) }
        guard let offer, offer.node == new.node else {
            let effects = leave(for: .silent)
            self.offer = new
            return effects + load(now)
        }
        switch state {
        // What it answers to the page on its way is newer.
        case .loading, .sending, .stopped: return []
        case .silent:
            self.offer = new
            return load(now)
        case .resting:
            guard new != offer, !isLate(new, now) else { return [] }
            self.offer = new
            return load(now)
        case .waiting:
            if !isLate(new, now) { self.offer = new }
            // Who refuses us for who we are is not asked again sooner because it answers others.
            guard failure?.reason != .auth, failure != .identityMismatch, wake.allows(at: now, interval: interval) else {
                return []
            }
            return load(now)
        }
    }

    /// It may have been said before a page arrived that has arrived since.
    private func isLate(_ new: PushOffer, _ now: Instant) -> Bool {
        guard let lastTaken, now.since(lastTaken) < policy.settle else { return false }
        return passed.contains(new.position)
    }

    private mutating func grown(_ now: Instant) -> [Effect] {
        switch state {
        case .resting: return load(now)
        case .loading, .sending:
            hasGrown = true
            return []
        case .silent, .waiting, .stopped: return []
        }
    }

    /// What it was refused for may be what was changed.
    private mutating func changed(to channel: Digest?, _ now: Instant) -> [Effect] {
        guard channel != self.channel else { return [] }
        self.channel = channel
        switch state {
        case .waiting:
            forgetFailures()
            return load(now)
        case .sending:
            forgetFailures()
            isOvertaken = true
            return []
        case .silent, .resting, .loading, .stopped: return []
        }
    }

    private mutating func loaded(_ id: RequestID, _ page: PushPage?, _ now: Instant) -> [Effect] {
        guard case .loading(id, _) = state, let offer else { return [] }
        guard let page else {
            return hasGrown ? load(now) : rest(now)
        }
        return send(page, to: offer.node, now)
    }

    private mutating func lacks(_ items: [LogItem], _ now: Instant) -> [Effect] {
        guard isWanted, let position = offer?.position else { return [] }
        lacking = (Array(items.prefix(Limits.reconcileListed)), position)
        return state == .resting ? rest(now) : []
    }

    private mutating func found(_ id: RequestID, _ page: PushPage?, _ count: Int, _ now: Instant) -> [Effect] {
        guard case .loading(id, _) = state, let offer else { return [] }
        mending = count
        guard let page else {
            isMended()
            return hasGrown ? load(now) : rest(now)
        }
        return send(page, to: offer.node, now)
    }

    private mutating func isMended() {
        if let count = lacking?.items.count { lacking?.items.removeFirst(min(max(mending, 1), count)) }
        mending = 0
    }

    private mutating func send(_ page: PushPage, to node: ULID, _ now: Instant) -> [Effect] {
        let next = nextRequest()
        state = .sending(next, page, deadline: now.advanced(by: policy.stall))
        return [.send(next, page, to: node)]
    }

    private mutating func answered(
        _ answer: PushAnswer, to page: PushPage, _ now: Instant, _ random: inout some RandomNumberGenerator
    ) -> [Effect] {
        switch answer {
        case .taken where page.mends:
            isMended()
            forgetFailures()
            return hasGrown ? load(now) : rest(now)
        case .taken:
            passed = passed.suffix(PushMachine.remembered - 1) + [page.from]
            lastTaken = now
            offer?.position = page.to
            room = min(room * 2, policy.bytes.upperBound)
            forgetFailures()
            return page.isFollowed || hasGrown ? load(now) : rest(now)
        case .holds(let position):
            corrections += 1
            guard corrections <= policy.corrections else {
                corrections = 0
                return wait(after: .malformed(.noProgress), now, &random)
            }
            offer?.position = position
            return load(now)
        case .declined:
            state = .resting
            return leave(for: .silent)
        case .busy(let asked):
            let growing = busyBackoff.next(interval: policy.retry, longest: max(interval, policy.retry), using: &random)
            let pause = min(max(asked ?? growing, growing), max(policy.longestBackoff, interval))
            state = .waiting(until: now.advanced(by: pause))
            return []
        case .failed(let failure):
            if case .transport = failure { room = max(room / 4, policy.bytes.lowerBound) }
            return wait(after: failure, now, &random)
        }
    }

    private mutating func wait(
        after failure: ExchangeFailure, _ now: Instant, _ random: inout some RandomNumberGenerator
    ) -> [Effect] {
        guard !isOvertaken else { return load(now) }
        attempt = min(attempt, Int.max - 1) + 1
        self.failure = failure
        let longest = max(policy.longestBackoff, interval)
        let pause =
            failure.reason == .auth || failure == .identityMismatch
            ? backoff.longest(interval: interval, longest: longest, using: &random)
            : backoff.next(interval: policy.retry, longest: longest, using: &random)
        state = .waiting(until: now.advanced(by: pause))
        return []
    }

    private mutating func load(_ now: Instant) -> [Effect] {
        hasGrown = false
        isOvertaken = false
        let id = nextRequest()
        state = .loading(id, deadline: now.advanced(by: policy.stall))
        return [.load(id, after: offer?.position, bytes: room)]
    }

    /// The peer has what follows its position: then what it has lost.
    private mutating func rest(_ now: Instant) -> [Effect] {
        guard let lacking, !lacking.items.isEmpty, let position = offer?.position else {
            lacking = nil
            state = .resting
            return []
        }
        let id = nextRequest()
        state = .loading(id, deadline: now.advanced(by: policy.stall))
        let items = Array(lacking.items.prefix(Limits.pageEvents))
        return [.find(id, items, holding: position, upTo: lacking.upTo, bytes: room)]
    }

    /// What is on its way may arrive all the same: the peer takes it or not, and its next word says which.
    private mutating func leave(for next: State) -> [Effect] {
        var effects: [Effect] = []
        switch state {
        case .loading(let id, _), .sending(let id, _, _): effects = [.cancel(id)]
        case .silent, .resting, .waiting, .stopped: break
        }
        state = next
        offer = nil
        lacking = nil
        passed = []
        lastTaken = nil
        forgetFailures()
        return effects
    }

    private mutating func forgetFailures() {
        backoff.reset()
        busyBackoff.reset()
        corrections = 0
        attempt = 0
        failure = nil
    }

    private mutating func nextRequest() -> RequestID {
        lastRequest += 1
        return RequestID(lastRequest)
    }

    /// Positions that are known for ones the peer has left behind.
    private static let remembered = 8
}
