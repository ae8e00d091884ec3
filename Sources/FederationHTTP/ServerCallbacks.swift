internal import CMicroHTTPD
internal import FederationCore
internal import Glibc

/// What libmicrohttpd calls, always on the server's one thread.
///
/// `context` is the `ServerCore`, which it holds until it is stopped. Connections and requests carry a number where
/// libmicrohttpd offers a pointer: nothing there is ever followed or freed.
enum ServerCallbacks {
    private static func core(_ context: UnsafeMutableRawPointer?) -> ServerCore? {
        unsafe context.map { unsafe Unmanaged<ServerCore>.fromOpaque($0).takeUnretainedValue() }
    }

    /// A connection is about to be opened.
    static let accept: MHD_AcceptPolicyCallback = { context, address, _ in
        guard let core = unsafe core(context), let address = unsafe SocketAddress(copying: address) else { return .YES }
        return core.mayConnect(from: address.numeric) ? .YES : .NO
    }

    /// A connection began or ended. The end is told before the descriptor is closed.
    static let connection: MHD_NotifyConnectionCallback = { context, connection, token, event in
        guard let core = unsafe core(context), let token = unsafe token, let connection = unsafe connection else {
            return
        }
        if event == .CONNECTION_NOTIFY_STARTED {
            unsafe token.pointee = UnsafeMutableRawPointer(bitPattern: unsafe core.connected(connection))
        } else {
            unsafe core.disconnected(UInt(bitPattern: token.pointee), connection)
        }
    }

    /// A request's first line has come; the answer is the request's number.
    static let target: cmhd_target_callback = { context, target, connection in
        guard let core = unsafe core(context), let connection = unsafe connection else { return nil }
        // `nil` for a first line without a target.
        let bytes = unsafe target.map { unsafe Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) } ?? []
        let id = UInt(bitPattern: unsafe cmhd_socket_context(connection))
        let exchange = ServedExchange(
            connectionID: id, target: RequestTarget(bytes), channel: unsafe core.channel(of: id, connection),
            remoteAddress: unsafe SocketAddress(copying: cmhd_address(connection))?.numeric ?? "")
        return unsafe UnsafeMutableRawPointer(bitPattern: core.open(exchange))
    }

    /// A request is over, however it ended: the one place where its exchange is let go.
    static let completed: MHD_RequestCompletedCallback = { context, _, token, code in
        guard let core = unsafe core(context), let token = unsafe token else { return }
        core.close(UInt(bitPattern: unsafe token.pointee), wasRead: code == .REQUEST_TERMINATED_COMPLETED_OK)
        unsafe token.pointee = nil
    }

    /// Called once the fields have come, then for each piece of the body, then when all has come, and again after
    /// the connection was resumed.
    static let access: MHD_AccessHandlerCallback = { context, connection, _, method, _, bytes, count, token in
        guard let core = unsafe core(context), let connection = unsafe connection, let count = unsafe count,
            let token = unsafe token
        else { return .NO }
        let id = UInt(bitPattern: unsafe token.pointee)
        guard let exchange = core.exchange(id) else { return .NO }
        if let answer = exchange.takeAnswer() { return unsafe send(answer, exchange, connection, core) }
        guard exchange.hasFields else {
            let fields = unsafe fields(of: connection)
            exchange.take(method: unsafe method.map { unsafe String(cString: $0) } ?? "", fields: fields)
            guard let refusal = core.refusal(fields) else { return .YES }
            exchange.refuse(refusal)
            return unsafe send(refusal.answer, exchange, connection, core)
        }
        if unsafe count.pointee > 0 {
            let body = unsafe UnsafeRawBufferPointer(start: bytes, count: count.pointee)
            unsafe count.pointee = 0
            return unsafe exchange.take(body, limit: core.limits.bodyBytes, reserve: core.reserve) ? .YES : .NO
        }
        if let refusal = exchange.refusal { return unsafe send(refusal.answer, exchange, connection, core) }
        if unsafe core.handle(exchange, numbered: id, connection) { return .YES }
        return unsafe send(Refusal.stopping.answer, exchange, connection, core)
    }

    private static func send(
        _ answer: ServerAnswer, _ exchange: ServedExchange, _ connection: OpaquePointer, _ core: ServerCore
    ) -> MHD_Result {
        core.deadlines.set(exchange.connectionID, core.limits.send)
        return unsafe answer.queue(on: connection)
    }

    private static func fields(of connection: OpaquePointer) -> HTTPFields {
        var fields: HTTPFields = [:]
        unsafe withUnsafeMutablePointer(to: &fields) { fields in
            _ = unsafe MHD_get_connection_values_n(
                connection, .HEADER_KIND,
                { fields, _, name, nameCount, value, valueCount in
                    let name = unsafe UnsafeRawBufferPointer(start: name, count: nameCount)
                    let value = unsafe UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : valueCount)
                    unsafe fields?.assumingMemoryBound(to: HTTPFields.self).pointee.append(
                        String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
                    return .YES
                }, fields)
        }
        return fields
    }
}
