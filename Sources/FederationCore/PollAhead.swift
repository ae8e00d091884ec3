/// The requests of one poll that were sent before its conversation asked for them (`Exchange.ahead`).
struct RequestsAhead: Sendable {
    struct Sent: Sendable {
        var upcoming: UpcomingRequest
        var id: RequestID
        var since: Instant
        /// The most bytes its answer may have: less than was asked for, so that all of them together are bounded.
        var room: Int
        var response: HTTPResponse?
        /// How long it took to come.
        var took = Duration.zero

        /// The peer may hold its answer: how long that takes says nothing about the way to it.
        var isHeld: Bool { upcoming.request.hold > .zero }
    }

    private(set) var sent: [Sent] = []
    private(set) var pace = PullPace()
    private var failures = 0

    /// So many that fail by themselves, and the poll goes on with one request at a time.
    private static let failuresBorne = 3

    /// Takes out the request that the conversation asks for now, if it was sent.
    mutating func claim(_ upcoming: UpcomingRequest) -> Sent? {
        sent.firstIndex { $0.upcoming == upcoming }.map { sent.remove(at: $0) }
    }

    /// An answer to one of these; `false` if it is to none of them.
    mutating func take(_ answer: PollMachine.Answer, to id: RequestID, at now: Instant) -> Bool {
        guard let index = sent.firstIndex(where: { $0.id == id }) else { return false }
        guard sent[index].response == nil else { return true }
        switch answer {
        case .response(let response):
            sent[index].took = now.since(sent[index].since)
            if !sent[index].isHeld { pace.answered(in: sent[index].took, bytes: response.length) }
            sent[index].response = response
        case .transport(.answerTooLarge):
            // Asked for in its turn, it has all the room there is.
            pace.overran(sent.remove(at: index).room)
        default:
            failures += 1
            sent.remove(at: index)
        }
        return true
    }

    /// One that was claimed failed.
    mutating func failed() { failures += 1 }

    mutating func answered(in time: Duration, bytes: Int) { pace.answered(in: time, bytes: bytes) }
    mutating func committed(in time: Duration) { pace.committed(in: time) }

    /// Which of the requests to come are to be sent now, each with the room for its answer.
    func due(_ upcoming: [UpcomingRequest]) -> [(UpcomingRequest, room: Int)] {
        guard failures < RequestsAhead.failuresBorne else { return [] }
        let depth = pace.depth
        var left = Limits.bytesAhead - sent.reduce(0) { $0 + $1.room }
        var places = depth - sent.count
        var due: [(UpcomingRequest, room: Int)] = []
        for request in upcoming.prefix(depth) where !sent.contains(where: { $0.upcoming == request }) {
            let room = min(request.request.maxAnswerBytes, Limits.bytesAhead / depth)
            guard places > 0, room <= left else { break }
            places -= 1
            left -= room
            due.append((request, room))
        }
        return due
    }

    mutating func send(_ upcoming: UpcomingRequest, room: Int, as id: RequestID, at now: Instant) {
        sent.append(Sent(upcoming: upcoming, id: id, since: now, room: room))
    }

    /// Lets go of those that the conversation will not ask for any more.
    ///
    /// - Returns: the ones that are still under way.
    mutating func drop(allBut upcoming: [UpcomingRequest]) -> [RequestID] {
        let dropped = sent.filter { !upcoming.contains($0.upcoming) }
        sent.removeAll { !upcoming.contains($0.upcoming) }
        return dropped.filter { $0.response == nil }.map(\.id)
    }
}

extension PollMachine {
    /// Sends what the conversation will likely ask for next, and ends what it will not.
    mutating func lookAhead(_ now: Moment) -> [Effect] {
        guard case .polling(var poll) = state else { return [] }
        switch poll.asked {
        case .response, .page: break
        case .memory, .memoryAgain, .rest, .keep, .outbox, .signature, .comparison, .result: return []
        }
        var upcoming = poll.exchange.ahead
        if let next = poll.exchange.followUp, following.mayFollowAtOnce(at: now.instant) { upcoming.append(next) }
        var effects = poll.ahead.drop(allBut: upcoming).map { Effect.cancel($0) }
        for (next, room) in poll.ahead.due(upcoming) {
            let id = nextRequest()
            poll.ahead.send(next, room: room, as: id, at: now.instant)
            var request = next.request
            request.maxAnswerBytes = room
            effects.append(.send(id, request, seals: next.seals))
        }
        state = .polling(poll)
        return effects
    }

    /// The conversation asks for a request that was sent ahead: its answer may be here, or on its way.
    mutating func claim(_ sent: RequestsAhead.Sent, _ poll: Poll, _ now: Moment) -> [Effect] {
        var poll = poll
        if let response = sent.response {
            poll.lastAnswerTook = sent.took
            return resume(poll, .response(response), now)
        }
        poll.isHeld = sent.isHeld
        poll.asked = .response(since: sent.since)
        poll.askedAt = sent.since
        poll.claimed = sent.upcoming
        poll.id = sent.id
        poll.deadline = now.instant.advanced(by: policy.stall)
        state = .polling(poll)
        return []
    }

    /// A request that was sent ahead, and that is waited for now, has failed: it may be that it alone did, for want of
    /// room or of a connection.
    mutating func sendAgain(_ claimed: UpcomingRequest, _ poll: Poll, _ now: Moment) -> [Effect] {
        var poll = poll
        poll.ahead.failed()
        return ask(.response(since: now.instant), poll, now) { .send($0, claimed.request, seals: claimed.seals) }
    }
}

extension PollMachine {
    /// Ends what was sent for a conversation that will not come.
    mutating func dropFollowUp() -> [Effect] {
        defer { followUp = RequestsAhead() }
        return followUp.drop(allBut: []).map { .cancel($0) }
    }
}

extension PollMachine.Poll {
    /// Ends everything that is under way.
    mutating func cancelAll() -> [PollMachine.Effect] {
        [.cancel(id)] + ahead.drop(allBut: []).map { .cancel($0) }
    }
}
