package import FederationCore

/// One poll of a peer whose entry names no wire: native where the peer speaks it, else Noema.
///
/// Only a definite 404 or 405 from the native identity route chooses Noema; a timeout or a 401 proves nothing and fails
/// the poll. A peer pinned as native is asked in native alone. One pinned as Noema that comes to speak native says so
/// in its answer to `initialize`, so no poll costs a request to find out.
package struct AutoExchange: Exchange {
    private enum State {
        case idle
        /// The native identity route was asked; in the case of a definite no, the Noema conversation goes on.
        case probing(NativeExchange, noema: NoemaExchange, step: ExchangeStep)
        case native(NativeExchange, isFirst: Bool)
        case noema(NoemaExchange, mayChange: Bool)
    }

    private var state = State.idle
    private var context: ExchangeContext?

    private let pageEvents: Int

    /// - Parameter pageEvents: how many events a page of the native wire is asked to hold at most.
    package init(pageEvents: Int = Limits.pageEvents) { self.pageEvents = pageEvents }

    package var ahead: [UpcomingRequest] {
        switch state {
        case .native(let native, _): native.ahead
        case .idle, .probing, .noema: []
        }
    }

    package var followUp: UpcomingRequest? {
        if case .native(let native, _) = state { native.followUp } else { nil }
    }

    package mutating func begin(_ context: ExchangeContext) -> ExchangeStep {
        self.context = context
        var noema = NoemaExchange()
        if context.pinnedWire == .native {
            var native = NativeExchange(pageEvents: pageEvents)
            let step = native.begin(context)
            state = .native(native, isFirst: true)
            return step
        }
        let step = noema.begin(context)
        guard context.pinnedWire == nil else {
            state = .noema(noema, mayChange: true)
            return step
        }
        return probe(noema, step, context)
    }

    /// Asks for the native identity. Whatever position there is belongs to no native log we know.
    private mutating func probe(
        _ noema: NoemaExchange, _ step: ExchangeStep, _ context: ExchangeContext
    ) -> ExchangeStep {
        var context = context
        context.position = nil
        var native = NativeExchange(pageEvents: pageEvents)
        let first = native.begin(context)
        state = .probing(native, noema: noema, step: step)
        return first
    }

    package mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep {
        switch state {
        case .idle: preconditionFailure("an answer before the beginning")
        case .probing(var native, let noema, let step):
            if answer.deniesRoute {
                state = .noema(noema, mayChange: false)
                return step
            }
            let next = native.resume(answer, now: now)
            state = .native(native, isFirst: false)
            return next
        case .native(var native, let isFirst):
            if isFirst, answer.deniesRoute { return .failed(.wireChanged) }
            let next = native.resume(answer, now: now)
            state = .native(native, isFirst: false)
            return next
        case .noema(var noema, let mayChange):
            let next = noema.resume(answer, now: now)
            if mayChange, noema.offersNative, let context { return probe(noema, next, context) }
            state = .noema(noema, mayChange: mayChange)
            return next
        }
    }
}

extension ExchangeAnswer {
    /// The peer has no such route, and says so.
    fileprivate var deniesRoute: Bool {
        if case .response(let response) = self { response.status == 404 || response.status == 405 } else { false }
    }
}
