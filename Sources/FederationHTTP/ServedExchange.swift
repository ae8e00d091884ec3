internal import CMicroHTTPD
internal import FederationCore
internal import Synchronization

/// One request and its answer.
///
/// - `receiving → handling` when the whole request has come: the connection is suspended, the handler runs
/// - `handling → answered` by the handler, its deadline or the stop, whoever is first: the connection goes on
/// - `receiving | answered → done` when an answer was given to libmicrohttpd
///
/// It lives from the request's first line to libmicrohttpd's word that the request is completed, in `ServerCore`.
final class ServedExchange: Sendable {
    private enum Phase {
        case receiving
        case handling(SuspendedConnection)
        case answered(ServerAnswer)
        case done
    }

    private struct State {
        var phase = Phase.receiving
        var request: ServedRequest?
        var body: [UInt8] = []
        /// Bytes that came, kept or not.
        var bodyCount = 0
        /// Bytes of the server's common room that are this exchange's until it ends.
        var bytesReserved = 0
        /// The same of the answer.
        var bytesAnswered = 0
        var refusal: Refusal?
        var task: Task<Void, Never>?
        /// It hung up while the handler was at work: whoever waited no longer has done nothing wrong.
        var clientIsGone = false
    }

    let connectionID: UInt
    private let target: RequestTarget
    private let channel: RequestChannel
    let remoteAddress: String
    private let state = Mutex(State())

    init(connectionID: UInt, target: RequestTarget, channel: RequestChannel, remoteAddress: String) {
        self.connectionID = connectionID
        self.target = target
        self.channel = channel
        self.remoteAddress = remoteAddress
    }

    // MARK: On the server's thread

    var hasFields: Bool { state.withLock { $0.request != nil } }

    func take(method: String, fields: HTTPFields) {
        let request = ServedRequest(
            method: method, path: target.path, query: target.query, fields: fields, remoteAddress: remoteAddress,
            channel: channel, target: target.text)
        state.withLock { $0.request = request }
    }

    /// Takes bytes of the body. Past a limit they are dropped, so that the client can finish sending and read why it
    /// was refused; `false` once as many again have come.
    func take(_ bytes: UnsafeRawBufferPointer, limit: Int, reserve: (Int) -> Bool) -> Bool {
        state.withLock { state in
            state.bodyCount += bytes.count
            if state.refusal == nil {
                if state.bodyCount > limit {
                    state.refusal = .bodyTooLarge(limit: limit)
                } else if !reserve(bytes.count) {
                    state.refusal = .busy
                } else {
                    state.bytesReserved += bytes.count
                    unsafe state.body.append(contentsOf: bytes)
                }
                if state.refusal != nil { state.body = [] }
            }
            return state.bodyCount <= 2 * limit
        }
    }

    var refusal: Refusal? { state.withLock { $0.refusal } }

    /// It is not worth its body.
    func refuse(_ refusal: Refusal) { state.withLock { $0.refusal = refusal } }

    /// Why it was turned away, or left, before a handler saw it; `nil` where one did.
    ///
    /// - Parameter wasRead: its answer went out to its end.
    func refusedFor(wasRead: Bool) -> RefusedRequests.Cause? {
        state.withLock { state in
            if let refusal = state.refusal { return refusal.cause }
            switch state.phase {
            case .receiving: return .unfinished
            case .handling, .answered: return nil
            case .done: return wasRead || state.clientIsGone ? nil : .unread
            }
        }
    }

    var bytesReserved: Int { state.withLock { $0.bytesReserved } }
    var bytesAnswered: Int { state.withLock { $0.bytesAnswered } }

    /// The whole request; the connection, already suspended, is this exchange's to resume.
    func begin(_ connection: SuspendedConnection) -> ServedRequest? {
        state.withLock { state in
            guard case .receiving = state.phase, var request = state.request else { return nil }
            request.body = state.body
            state.body = []
            state.request = nil
            state.phase = .handling(connection)
            return request
        }
    }

    func takeAnswer() -> ServerAnswer? {
        state.withLock { state in
            guard case .answered(let answer) = state.phase else { return nil }
            state.phase = .done
            return answer
        }
    }

    // MARK: On any thread

    /// The task in which the handler runs, so that it can be told to end. It may have ended already.
    func runs(in task: Task<Void, Never>) {
        let isWanted = state.withLock { state in
            guard case .handling = state.phase else { return false }
            state.task = task
            return true
        }
        // The client may have gone before there was a task to cancel.
        if !isWanted { task.cancel() }
    }

    /// Gives the answer and lets the connection go on. Only the first answer counts.
    ///
    /// - Parameter bytes: of the server's common room for answers; they are this exchange's until it ends.
    /// - Returns: whether it was the first.
    @discardableResult
    func answer(_ answer: ServerAnswer, holding bytes: Int = 0) -> Bool {
        state.withLock { state in
            guard case .handling(let connection) = state.phase else { return false }
            state.phase = .answered(answer)
            state.bytesAnswered = bytes
            state.task = nil
            // Under the lock: whoever has waited for it finds no connection still suspended.
            connection.resume()
            return true
        }
    }

    /// Answers in the handler's place and tells it to end.
    func giveUp(_ refusal: Refusal = .handlerTooSlow) {
        let task = state.withLock { state in
            if case .clientGone = refusal { state.clientIsGone = true }
            return state.task
        }
        answer(refusal.answer)
        task?.cancel()
    }
}

/// A connection that libmicrohttpd leaves alone until it is resumed.
///
/// SAFETY: libmicrohttpd frees no suspended connection, so the pointer is good until `resume`, which the exchange
/// calls once: on leaving `handling`.
@safe struct SuspendedConnection: @unchecked Sendable {
    private let connection: OpaquePointer
    private let descriptor: Int32
    private let hangUps: HangUpWatch

    /// On the server's thread, from the access handler.
    init(suspending connection: OpaquePointer, numbered id: UInt, watchedBy hangUps: HangUpWatch) {
        unsafe MHD_suspend_connection(connection)
        unsafe self.connection = connection
        descriptor = unsafe cmhd_socket(connection)
        self.hangUps = hangUps
        hangUps.add(descriptor, as: id)
    }

    /// From any thread.
    func resume() {
        hangUps.remove(descriptor)
        unsafe MHD_resume_connection(connection)
    }
}
