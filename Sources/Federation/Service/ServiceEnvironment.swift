internal import FederationCore
internal import Glibc

/// What a service manager said when it started this process. It is said to this process alone: the programs that it
/// starts are told nothing of it.
struct ServiceEnvironment: Sendable {
    var manager: ServiceManager?
    var sockets: SocketHandover

    private static let variables = [
        "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
    ]

    /// Takes what the environment says out of it. To be called once, before other threads read the environment.
    ///
    /// - Throws: where sockets are handed over that nobody knows the use of.
    static func take() throws(CommandFailure) -> ServiceEnvironment {
        var said: [String: String] = [:]
        for name in variables {
            said[name] = getenv(name).map { String(cString: $0) }
            unsetenv(name)
        }
        let own = getpid()
        let manager = ServiceManager(
            socket: said["NOTIFY_SOCKET"], watchdogMicroseconds: said["WATCHDOG_USEC"], watchdogPID: said["WATCHDOG_PID"],
            ownPID: own)
        do throws(SocketHandover.Failure) {
            let sockets = try SocketHandover(
                pid: said["LISTEN_PID"], count: said["LISTEN_FDS"], names: said["LISTEN_FDNAMES"], ownPID: own)
            for descriptor in sockets.descriptors.values {
                let flags = fcntl(descriptor, F_GETFD)
                guard flags >= 0, fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) == 0 else { throw .count }
            }
            return ServiceEnvironment(manager: manager, sockets: sockets)
        } catch {
            throw CommandFailure(.listen, ["address": "the sockets that were handed over", "why": error.words, "socket": ""])
        }
    }
}

extension SocketHandover.Failure {
    fileprivate var words: String {
        switch self {
        case .count: "LISTEN_FDS does not say how many there are"
        case .names: "LISTEN_FDNAMES does not name each of them"
        case .unknownName(let name):
            "'\(name)' names no listener: \(SocketHandover.Use.allCases.map(\.rawValue).joined(separator: ", "))"
        case .repeatedName(let name): "there are two of the name '\(name)'"
        }
    }
}
