internal import CMicroHTTPD
internal import Dispatch
internal import FederationCore
internal import Glibc
internal import Synchronization

/// The server's state and rules, shared by libmicrohttpd's thread, the handlers' tasks and whoever stops it.
///
/// Locks are taken in one order: this one, an exchange's, the deadlines', libmicrohttpd's own. libmicrohttpd calls
/// back with none of its locks held.
@safe final class ServerCore: Sendable {
    @safe private struct State {
        // SAFETY: set by `start`, taken once by `stop`, used under the lock or by whoever took it.
        nonisolated(unsafe) var daemon: OpaquePointer?
        var listening: Int32 = -1
        /// Another process listens on the same socket.
        var isShared = false
        var exchanges: [UInt: ServedExchange] = [:]
        var lastID: UInt = 0
        /// No handler begins any more.
        var isStopping = false
        var stopped: [CheckedContinuation<Void, Never>] = []
        var hasStopped = false
        /// Who waits for the last exchange to end.
        var drained: CheckedContinuation<Void, Never>?
    }

    let limits: HTTPServerLimits
    let deadlines = ConnectionDeadlines()
    let hangUps = HangUpWatch()
    private let tls: ServerTLS?
    private let sessions = Mutex<[UInt: TLSSession]>([:])
    private let refused: @Sendable (RefusedRequests.Cause) -> Void
    private let callers = Mutex(ServerCallers())
    private let handler: @Sendable (ServedRequest) async -> HTTPResponse
    private let state = Mutex(State())
    private let bodyBytesHeld = Atomic<Int>(0)
    private let heldAnswers: Mutex<HeldAnswers>

    init(
        limits: HTTPServerLimits, tls: ServerTLS?, refused: @Sendable @escaping (RefusedRequests.Cause) -> Void,
        handler: @Sendable @escaping (ServedRequest) async -> HTTPResponse
    ) {
        self.limits = limits
        self.tls = tls
        self.refused = refused
        self.handler = handler
        heldAnswers = Mutex(HeldAnswers(limit: limits.answerBytesHeld))
        // A client that has gone needs no answer; its connection needs one, to be closed.
        deadlines.onCut { refused(.slow) }
        hangUps.onHangUp { [weak self] id in self?.exchange(id)?.giveUp(.clientGone) }
    }

    var liveExchanges: Int { state.withLock { $0.exchanges.count } }

    // MARK: Begin and end

    /// libmicrohttpd holds this object from here until `stop`.
    func start(on socket: consuming ListeningSocket) throws(HTTPServerFailure) {
        // libmicrohttpd's own bound is only a second line behind the deadlines, and must not come before them.
        let longest = max(limits.idle, limits.receive, limits.send)
        var settings = unsafe cmhd_settings(
            listening_socket: socket.descriptor, memory_per_connection: max(limits.headerBytes, 1024),
            connections: UInt32(clamping: min(limits.connections, DescriptorShare.connections)),
            // One more than is let in: whom libmicrohttpd turns away it tells nobody of.
            connections_per_address: UInt32(clamping: limits.connectionsPerAddress) &+ 1,
            inactivity_seconds: UInt32(clamping: longest.boundedMilliseconds / 1000 + 1),
            certificate: unsafe tls == nil ? nil : TLSSessions.certificate)
        let context = unsafe Unmanaged.passRetained(self)
        let daemon = unsafe cmhd_start(
            &settings, ServerCallbacks.accept, ServerCallbacks.access, ServerCallbacks.target, ServerCallbacks.completed,
            ServerCallbacks.connection, context.toOpaque())
        guard let daemon = unsafe daemon else {
            let code = errno
            unsafe context.release()
            // The socket stays open: on some of these paths libmicrohttpd has closed it, and its number may be
            // another's by now.
            throw .system(code: Int(code))
        }
        state.withLock { state in
            unsafe state.daemon = daemon
            state.listening = socket.descriptor
            state.isShared = socket.isShared
        }
    }

    /// See `HTTPServer.stop`. A second call waits for the first.
    func stop() async {
        let isFirst = state.withLock { state in
            defer { state.isStopping = true }
            return !state.isStopping
        }
        guard isFirst else { return await waitUntilStopped() }
        takeNoMore()
        await drain(limits.drain)
        // Nothing is suspended after this: whoever is in `handling` is answered for, and nobody enters it.
        for exchange in state.withLock({ Array($0.exchanges.values) }) { exchange.giveUp(.stopping) }
        await drain(min(limits.drain, .seconds(1)))
        await withCheckedContinuation { continuation in
            // It joins the server's thread; a Swift thread must not wait for that.
            DispatchQueue(label: "federation.http.stop").async {
                self.end()
                continuation.resume()
            }
        }
    }

    private func takeNoMore() {
        state.withLock { state in
            guard unsafe state.daemon != nil else { return }
            // From here the socket is ours. It is closed last, so that its number is not another's while
            // libmicrohttpd may still remember it.
            unsafe MHD_quiesce_daemon(state.daemon)
            // It would be shut down for whoever handed it over, too; there, who comes now is the next process's.
            if !state.isShared { shutdown(state.listening, Int32(SHUT_RDWR)) }
        }
    }

    private func end() {
        let (daemon, listening) = state.withLock { state in
            defer { unsafe state.daemon = nil }
            return unsafe (UInt(bitPattern: state.daemon), state.listening)
        }
        if let daemon = unsafe OpaquePointer(bitPattern: daemon) {
            unsafe MHD_stop_daemon(daemon)
            Glibc.close(listening)
            // libmicrohttpd's: no callback comes any more.
            unsafe Unmanaged.passUnretained(self).release()
        }
        let waiting = state.withLock { state in
            state.hasStopped = true
            defer { state.stopped = [] }
            return state.stopped
        }
        for continuation in waiting { continuation.resume() }
    }

    private func waitUntilStopped() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.hasStopped { state.stopped.append(continuation) }
                return state.hasStopped
            }
            if isOver { continuation.resume() }
        }
    }

    /// Waits until no exchange is left, or for `duration`.
    private func drain(_ duration: Duration) async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if !state.exchanges.isEmpty { state.drained = continuation }
                return state.exchanges.isEmpty
            }
            guard !isEmpty else { return continuation.resume() }
            DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(duration.boundedMilliseconds)) {
                self.takeDrained()?.resume()
            }
        }
    }

    private func takeDrained() -> CheckedContinuation<Void, Never>? {
        state.withLock { state in
            defer { state.drained = nil }
            return state.drained
        }
    }

    // MARK: Connections, on the server's thread

    /// Whether a connection may be opened from there.
    func mayConnect(from address: String) -> Bool {
        if callers.withLock({ $0.count(from: address) < limits.connectionsPerAddress }) { return true }
        refused(.connections)
        return false
    }

    func connected(_ connection: OpaquePointer) -> UInt {
        let id = deadlines.opened(unsafe cmhd_socket(connection), within: limits.receive)
        let address = unsafe SocketAddress(copying: cmhd_address(connection))?.numeric
        callers.withLock { $0.opened(id, from: address) }
        if let tls, let session = unsafe cmhd_session(connection) {
            let kept = TLSSession(tls)
            sessions.withLock { $0[id] = kept }
            TLSSessions.add(UInt(bitPattern: session), kept)
            if tls.asksClients { unsafe gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST) }
        }
        return id
    }

    func disconnected(_ id: UInt, _ connection: OpaquePointer) {
        let wasCut = deadlines.closed(id)
        // It never came to a request: whoever it was left, said what is no HTTP, or could not agree on TLS.
        if callers.withLock({ $0.closed(id) }) == false, !wasCut, !isStopping { refused(.unfinished) }
        guard let kept = sessions.withLock({ $0.removeValue(forKey: id) }) else { return }
        TLSSessions.remove(UInt(bitPattern: unsafe cmhd_session(connection)), kept)
    }

    /// How a request came. To be asked once the handshake is done.
    func channel(of id: UInt, _ connection: OpaquePointer) -> RequestChannel {
        guard let kept = sessions.withLock({ $0[id] }), let session = unsafe cmhd_session(connection) else { return .plain }
        return .tls(client: unsafe kept.client(of: session))
    }

    // MARK: Exchanges, on the server's thread

    func open(_ exchange: ServedExchange) -> UInt {
        callers.withLock { $0.asked(exchange.connectionID) }
        deadlines.set(exchange.connectionID, limits.receive)
        return state.withLock { state in
            state.lastID += 1
            state.exchanges[state.lastID] = exchange
            return state.lastID
        }
    }

    func exchange(_ id: UInt) -> ServedExchange? { state.withLock { $0.exchanges[id] } }

    func close(_ id: UInt, wasRead: Bool) {
        let (exchange, drained) = state.withLock { state in
            let exchange = state.exchanges.removeValue(forKey: id)
            guard state.exchanges.isEmpty else { return (exchange, nil as CheckedContinuation<Void, Never>?) }
            defer { state.drained = nil }
            return (exchange, state.drained)
        }
        if let exchange {
            bodyBytesHeld.subtract(exchange.bytesReserved, ordering: .relaxed)
            heldAnswers.withLock { $0.giveBack(exchange.bytesAnswered, of: exchange.remoteAddress) }
            if let cause = exchange.refusedFor(wasRead: wasRead), !deadlines.isCut(exchange.connectionID), !isStopping { refused(cause) }
            deadlines.set(exchange.connectionID, limits.idle, isIdle: true)
        }
        drained?.resume()
    }

    /// Room for bytes of a body, given back when the exchange ends.
    func reserve(_ count: Int) -> Bool {
        let held = bodyBytesHeld.add(count, ordering: .relaxed).newValue
        if held <= limits.bodyBytesHeld { return true }
        bodyBytesHeld.subtract(count, ordering: .relaxed)
        return false
    }

    /// Why a request with these fields is not worth its body.
    func refusal(_ fields: HTTPFields) -> Refusal? {
        // libmicrohttpd takes "Content-Length : 5" for a field of another name; who stands before us may not (RFC 9112, 5.1).
        guard fields.fields.allSatisfy({ FieldText.isName($0.name) && FieldText.isValue($0.value) }) else { return .malformed }
        let codings = fields.count(of: "Transfer-Encoding")
        let lengths = fields.count(of: "Content-Length")
        if fields.count(of: "Host") > 1 || codings > 1 || lengths > 1 || (codings == 1 && lengths == 1) {
            return .malformed
        }
        if let coding = fields["Transfer-Encoding"], FieldText.lowercased(coding) != "chunked" { return .codingUnknown }
        if let length = fields["Content-Length"] {
            guard length.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = UInt64(length) else { return .malformed }
            if length > UInt64(max(limits.bodyBytes, 0)) { return .bodyTooLarge(limit: limits.bodyBytes) }
        }
        return nil
    }

    /// Suspends the connection and lets the handler run; `false` if the server is stopping.
    func handle(_ exchange: ServedExchange, numbered id: UInt, _ connection: OpaquePointer) -> Bool {
        let request: ServedRequest? = state.withLock { state in
            // Under the lock: `stop` finds every exchange that is in `handling`.
            state.isStopping ? nil : exchange.begin(
                    unsafe SuspendedConnection(suspending: connection, numbered: id, watchedBy: hangUps))
        }
        guard let request else { return false }
        deadlines.set(exchange.connectionID, limits.handle, handling: exchange)
        exchange.runs(
            in: Task { [handler] in
                self.answer(exchange, with: await handler(request))
            })
        return true
    }

    /// Gives the answer, if there is room to hold it until the client has read it.
    private func answer(_ exchange: ServedExchange, with response: HTTPResponse) {
        let bytes = max(0, response.body.count - Limits.servedShare)
        guard heldAnswers.withLock({ $0.take(bytes, for: exchange.remoteAddress) }) else { return exchange.giveUp(.busy) }
        if !exchange.answer(ServerAnswer(response, closesConnection: isStopping), holding: bytes) {
            heldAnswers.withLock { $0.giveBack(bytes, of: exchange.remoteAddress) }
        }
    }

    private var isStopping: Bool { state.withLock { $0.isStopping } }
}
