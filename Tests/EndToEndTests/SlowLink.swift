import Dispatch
import Glibc
import HostileKit
import Synchronization

/// A long line to a port of this machine: what is sent arrives so much later, in either direction, in its order.
///
/// A connection is made one way later as well, and what the client sends first waits until the far end's word of that
/// would have come back: a TCP handshake costs a round trip here as it does out there. The line is as wide as loopback.
final class SlowLink: Sendable {
    private let listener = Mutex<LoopbackListener?>(nil)
    private let target: UInt16
    private let delay: Duration
    private let counts = Mutex(Counts())

    struct Counts: Hashable, Sendable {
        var connections = 0
        /// Bytes from the far end.
        var received = 0
    }

    var port: UInt16 {
        guard let port = listener.withLock({ $0?.port }) else { preconditionFailure("a link without a listener") }
        return port
    }
    var endpoint: String { "http://127.0.0.1:\(port)" }
    var carried: Counts { counts.withLock { $0 } }

    /// - Parameter delay: each way.
    init(to target: UInt16, delay: Duration) {
        self.target = target
        self.delay = delay
        let listener = LoopbackListener.required { [weak self] near in
            guard let self else {
                close(near)
                return
            }
            counts.withLock { $0.connections += 1 }
            DispatchQueue(label: "slow connection").async { self.connect(near) }
        }
        self.listener.withLock { $0 = listener }
    }

    private func connect(_ near: Int32) {
        let opened = ContinuousClock.now
        let far = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        SlowLink.sleep(until: opened + delay)
        // Both ends are closed once both directions have ended.
        let ends = [OwnedDescriptor(near), OwnedDescriptor(far)]
        guard RawSocket.withLoopback(target, { Glibc.connect(far, $0, $1) }) == 0 else { return }
        var yes: Int32 = 1
        for end in [near, far] {
            setsockopt(end, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        }
        SlowLine(from: near, to: far, delay: delay, notBefore: opened + delay * 3, ends: ends).carry { _ in }
        SlowLine(from: far, to: near, delay: delay, notBefore: opened, ends: ends).carry { [weak self] count in
            self?.counts.withLock { $0.received += count }
        }
    }

    static func sleep(until moment: ContinuousClock.Instant) {
        let left = ContinuousClock.now.duration(to: moment)
        guard left > .zero else { return }
        usleep(UInt32(left / .microseconds(1)))
    }
}

/// One direction: what is read is written so much later.
private final class SlowLine: Sendable {
    private let source: Int32
    private let drain: Int32
    private let delay: Duration
    private let notBefore: ContinuousClock.Instant
    private let ends: [OwnedDescriptor]
    private let writer = DispatchQueue(label: "slow line")

    init(from source: Int32, to drain: Int32, delay: Duration, notBefore: ContinuousClock.Instant, ends: [OwnedDescriptor]) {
        self.source = source
        self.drain = drain
        self.delay = delay
        self.notBefore = notBefore
        self.ends = ends
    }

    /// Until the source ends; an empty piece is the end.
    func carry(_ told: @Sendable @escaping (Int) -> Void) {
        DispatchQueue(label: "slow reader").async { [self] in
            var room = [UInt8](repeating: 0, count: 64 << 10)
            while true {
                let count = max(0, recv(source, &room, room.count, 0))
                told(count)
                let piece = Array(room[..<count])
                let due = max(ContinuousClock.now + delay, notBefore)
                writer.async { [self] in deliver(piece, at: due) }
                if count == 0 { return }
            }
        }
    }

    private func deliver(_ piece: [UInt8], at due: ContinuousClock.Instant) {
        SlowLink.sleep(until: due)
        guard !piece.isEmpty else {
            shutdown(drain, Int32(SHUT_WR))
            return
        }
        var sent = 0
        while sent < piece.count {
            let count = piece[sent...].withUnsafeBytes { send(drain, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else {
                shutdown(source, Int32(SHUT_RD))
                return
            }
            sent += count
        }
    }
}
