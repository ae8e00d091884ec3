internal import CMicroHTTPD
internal import Dispatch
internal import Glibc
internal import Synchronization

/// Notices a client that goes while its request is handled. libmicrohttpd does not look at a suspended connection, and
/// an answer may be held for a minute.
///
/// One epoll instance for all connections; it reports the end of the client's side, never data. A descriptor is in it
/// only while its connection is suspended, so its number cannot have become another's.
@safe final class HangUpWatch: Sendable {
    private let epoll: Int32
    // SAFETY: set once in `init`; libdispatch lets any thread cancel it.
    private nonisolated(unsafe) let source: (any DispatchSourceRead)?
    private let gone = Mutex<(@Sendable (UInt) -> Void)?>(nil)

    init() {
        epoll = cmhd_hang_ups()
        guard epoll >= 0 else {
            unsafe source = nil
            return
        }
        let epoll = epoll
        let source = DispatchSource.makeReadSource(
            fileDescriptor: epoll, queue: DispatchQueue(label: "federation.http.hang-ups"))
        unsafe self.source = source
        source.setCancelHandler { close(epoll) }
        source.setEventHandler { [weak self] in self?.look() }
        source.activate()
    }

    deinit { unsafe source?.cancel() }

    /// Told the number under which a connection was added, once, when its client has gone. To be set first.
    func onHangUp(_ body: @escaping @Sendable (UInt) -> Void) { gone.withLock { $0 = body } }

    /// Numbers are above zero.
    func add(_ descriptor: Int32, as number: UInt) {
        if epoll >= 0, descriptor >= 0 { cmhd_hang_ups_add(epoll, descriptor, UInt64(number)) }
    }

    /// To be called before the connection goes on.
    func remove(_ descriptor: Int32) {
        if epoll >= 0, descriptor >= 0 { cmhd_hang_ups_remove(epoll, descriptor) }
    }

    private func look() {
        let gone = gone.withLock { $0 }
        while case let number = cmhd_hang_ups_next(epoll), number > 0 { gone?(UInt(number)) }
    }
}
