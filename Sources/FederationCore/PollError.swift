/// Why a poll of a peer failed, as its health keeps it, and the typed failure that this was read from.
public struct PollError: Error, Hashable, Sendable {
    public var reason: Reason
    /// The event that could not be replayed, as far as its id could be read; empty where no event is to blame.
    public var eventID: String
    /// The subject of that event (Noema's trace id); empty likewise.
    public var subject: String
    /// What happened, in the terms of whoever noticed it.
    public var failure: ExchangeFailure

    package init(_ failure: ExchangeFailure) {
        self.failure = failure
        reason = failure.reason
        if case .replay(let problem) = failure {
            eventID = problem.eventID
            subject = problem.subject
        } else {
            eventID = ""
            subject = ""
        }
    }
}

extension PollReport {
    /// Why the poll failed, if it did.
    public var error: PollError? {
        if case .failed(let failure) = result { PollError(failure) } else { nil }
    }
}
