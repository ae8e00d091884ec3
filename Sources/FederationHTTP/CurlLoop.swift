internal import CCurl
internal import FederationCore
internal import Glibc
internal import Synchronization

/// A request on its way to the loop's thread, and who waits for its answer.
struct CurlJob: Sendable {
    var id: UInt64
    var endpoint: String
    /// Connect here, whatever host the endpoint names.
    var unixSocket: String?
    var request: HTTPRequest
    var credentials: ChannelCredentials
    /// Told how far the way to the other side was gone, before the answer is given.
    var route: (@Sendable (RouteFacts) -> Void)?
    var continuation: CheckedContinuation<Result<CurlClient.Answer, TransportFailure>, Never>
}

/// The thread on which libcurl runs, and the inbox through which the others reach it.
///
/// The multi handle and every easy handle are touched by that thread alone. The one exception is
/// `curl_multi_wakeup`, which libcurl allows from any thread while the handle lives: it is called under the inbox's
/// lock, and the thread closes the inbox under that lock before it frees the handle.
@safe final class CurlLoop: Sendable {
    enum Command: Sendable {
        case start(CurlJob)
        case cancel(UInt64)
    }

    private struct Inbox {
        var commands: [Command] = []
        var isClosing = false
        /// Nothing reads the inbox: the thread has ended, or never began.
        var isDead = false
    }

    private let inbox = Mutex(Inbox())
    private let lastID = Atomic<UInt64>(0)
    // SAFETY: set once in `init`; see the type's comment for who uses it when.
    private nonisolated(unsafe) let multi: UnsafeMutableRawPointer?

    /// `curl_global_init` once for the process, before any handle.
    private static let library: CURLcode = curl_global_init(Int(CURL_GLOBAL_DEFAULT))

    /// Idle connections that are kept. Without this libcurl keeps four for each transfer under way, and a node
    /// that polls its peers one after the other would connect anew each time.
    private static let idleConnections = 256

    /// Longest sleep without a message. libcurl shortens it to its own next timer.
    private static let sleepMilliseconds: Int32 = 3_600_000

    init() {
        guard CurlLoop.library == CURLE_OK, let multi = unsafe curl_multi_init() else {
            unsafe self.multi = nil
            return
        }
        unsafe ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, CurlLoop.idleConnections)
        unsafe self.multi = multi
    }

    /// Starts the thread. It holds the loop until it ends.
    func start() {
        let started: Bool
        if unsafe multi == nil {
            started = false
        } else {
            var thread = pthread_t()
            let context = unsafe Unmanaged.passRetained(self)
            let code = unsafe pthread_create(
                &thread, nil,
                { context in
                    guard let context = unsafe context else { return nil }
                    let loop = unsafe Unmanaged<CurlLoop>.fromOpaque(context).takeRetainedValue()
                    loop.run()
                    return nil
                }, context.toOpaque())
            started = code == 0
            if started {
                pthread_detach(thread)
            } else {
                unsafe context.release()
                unsafe curl_multi_cleanup(multi)
            }
        }
        if !started { inbox.withLock { $0.isDead = true } }
    }

    func newID() -> UInt64 { lastID.wrappingAdd(1, ordering: .relaxed).newValue }

    /// From any thread. A cancel for an id that is not under way is nothing.
    func post(_ command: Command) {
        let accepted = inbox.withLock { inbox in
            guard !inbox.isDead, !inbox.isClosing else { return false }
            inbox.commands.append(command)
            unsafe curl_multi_wakeup(multi)
            return true
        }
        if !accepted, case .start(let job) = command { job.continuation.resume(returning: .failure(.cancelled)) }
    }

    /// From any thread; the loop's own thread does the rest.
    func close() {
        inbox.withLock { inbox in
            guard !inbox.isDead, !inbox.isClosing else { return }
            inbox.isClosing = true
            unsafe curl_multi_wakeup(multi)
        }
    }

    // MARK: On the loop's thread

    private func run() {
        var transfers = unsafe CurlTransfers(multi: multi)
        var isClosing = false
        while !isClosing {
            let commands: [Command]
            (commands, isClosing) = inbox.withLock { inbox in
                let taken = inbox.commands
                inbox.commands = []
                return (taken, inbox.isClosing)
            }
            for command in commands {
                switch command {
                case .start(let job): transfers.start(job)
                case .cancel(let id): transfers.cancel(id)
                }
            }
            if isClosing { break }
            transfers.advance()
            unsafe curl_multi_poll(multi, nil, 0, CurlLoop.sleepMilliseconds, nil)
        }
        transfers.cancelAll()
        inbox.withLock { $0.isDead = true }
        unsafe curl_multi_cleanup(multi)
    }
}

/// The transfers under way. Lives on the loop's thread.
@safe private struct CurlTransfers: ~Copyable {
    // SAFETY: the loop frees it after the last use of this value.
    private let multi: UnsafeMutableRawPointer?
    private var underWay: [UInt64: CurlTransfer] = [:]
    private let room = AnswerRoom()

    init(multi: UnsafeMutableRawPointer?) { unsafe self.multi = multi }

    mutating func start(_ job: CurlJob) {
        let transfer = CurlTransfer(job, in: room)
        guard transfer.problem == nil, unsafe curl_multi_add_handle(multi, transfer.easy) == CURLM_OK else {
            return transfer.end(.failure(transfer.problem ?? .other(code: Int(CURLE_FAILED_INIT.rawValue))))
        }
        underWay[job.id] = transfer
    }

    mutating func cancel(_ id: UInt64) { end(id) { _ in .failure(.cancelled) } }

    mutating func cancelAll() {
        for id in Array(underWay.keys) { cancel(id) }
    }

    /// Moves all bytes that can move now, and ends what has finished.
    mutating func advance() {
        var running: Int32 = 0
        unsafe curl_multi_perform(multi, &running)
        var left: Int32 = 0
        while let message = unsafe curl_multi_info_read(multi, &left) {
            guard unsafe message.pointee.msg == CURLMSG_DONE else { continue }
            // The message dies with the next libcurl call.
            let code = unsafe ccurl_message_result(message)
            let id = unsafe CurlTransfer.id(of: message.pointee.easy_handle)
            end(id) { $0.result(code) }
        }
    }

    /// Takes a transfer out of the multi handle before its easy handle is freed, as libcurl asks.
    private mutating func end(
        _ id: UInt64, with result: (CurlTransfer) -> Result<CurlClient.Answer, TransportFailure>
    ) {
        guard let transfer = underWay.removeValue(forKey: id) else { return }
        let result = result(transfer)
        unsafe curl_multi_remove_handle(multi, transfer.easy)
        transfer.end(result)
    }
}
