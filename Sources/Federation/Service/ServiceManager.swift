internal import FederationCore
internal import Glibc

/// The service manager that started this process, where it wants to be told how it is: systemd, or whatever speaks its
/// protocol (`sd_notify(3)`).
struct ServiceManager: Sendable {
    /// `sun_path` of its datagram socket; one in the abstract namespace begins with a NUL.
    private let address: [UInt8]
    /// A sign of life has to come at least this often; `nil` where none is asked for.
    let watchdog: Duration?

    /// - Parameters:
    ///   - socket: `NOTIFY_SOCKET`: a path, or `@` and a name.
    ///   - watchdogMicroseconds, watchdogPID: `WATCHDOG_USEC` and `WATCHDOG_PID`; what is meant for another process is
    ///     passed over.
    init?(socket: String?, watchdogMicroseconds: String?, watchdogPID: String?, ownPID: Int32) {
        guard let socket, socket.hasPrefix("/") || socket.hasPrefix("@"), socket.utf8.count > 1,
            socket.utf8.count < MemoryLayout.size(ofValue: sockaddr_un().sun_path), !socket.utf8.contains(0)
        else { return nil }
        address = socket.hasPrefix("@") ? [0] + Array(socket.utf8.dropFirst()) : Array(socket.utf8)
        let isOurs = watchdogPID.map { Int32($0) == ownPID } ?? true
        watchdog = isOurs ? watchdogMicroseconds.flatMap(Int64.init).flatMap { $0 > 0 ? .microseconds($0) : nil } : nil
    }

    /// Peers and commands are answered.
    func ready(_ status: String) { tell("READY=1\nSTATUS=\(status)") }

    /// The configuration is being read again, until the next `ready`.
    func reloading() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        tell("RELOADING=1\nMONOTONIC_USEC=\(Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)")
    }

    /// What is in hand ends within `bound`.
    func stopping(within bound: Duration) {
        tell("STOPPING=1\nSTATUS=finishing what is in hand\nEXTEND_TIMEOUT_USEC=\(bound.wholeMilliseconds * 1000)")
    }

    /// The daemon gets on.
    func alive(_ status: String) { tell(watchdog == nil ? "STATUS=\(status)" : "WATCHDOG=1\nSTATUS=\(status)") }

    func status(_ status: String) { tell("STATUS=\(status)") }

    /// Starting takes longer, and needs at most this much from now on.
    func extend(by duration: Duration, _ status: String) {
        tell("EXTEND_TIMEOUT_USEC=\(duration.wholeMilliseconds * 1000)\nSTATUS=\(status)")
    }

    /// One datagram. A service manager that takes none for a second is left alone: the node's work does not wait for it.
    private func tell(_ text: String) {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &target.sun_path) { $0.copyBytes(from: address) }
        // An abstract name ends with the length, not with a NUL.
        let length = socklen_t(MemoryLayout<sa_family_t>.size + address.count)
        let bytes = Array(text.utf8)
        let isConnected = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, length) == 0 }
        }
        var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard isConnected, poll(&room, 1, 1000) > 0 else { return }
        _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
    }
}

extension ServiceManager {
    /// Asks for more time to start in, again and again, as long as the process works: uses the processor or the disk.
    ///
    /// Bringing a large database up to date is one statement of SQLite, which tells nobody how far it is.
    func extendWhileWorking() async {
        var before = WorkDone.now()
        let step = Limits.openingStep
        while (try? await Task.sleep(for: step / 6)) != nil {
            let now = WorkDone.now()
            guard now != before else { continue }
            before = now
            extend(by: step, "bringing the database up to date")
        }
    }
}

/// What a process has used so far; one that hangs uses no more.
private struct WorkDone: Hashable {
    var processorTenths: Int
    var blocks: Int

    static func now() -> WorkDone {
        var usage = rusage()
        _ = getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        // The look itself takes some microseconds, and is no progress.
        let tenths = Int(ProcessFacts.processorTime * 10)
        return WorkDone(processorTenths: tenths, blocks: usage.ru_inblock + usage.ru_oublock)
    }
}
