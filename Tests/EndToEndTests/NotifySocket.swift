import Dispatch
import Glibc
import HostileKit
import Synchronization

/// A service manager's end of the socket on which services say how they are (`sd_notify(3)`).
final class NotifySocket: Sendable {
    let path: String
    private let socket: OwnedDescriptor
    private let heard = Mutex<[String]>([])

    /// - Parameter path: of at most 107 bytes; `@` and a name for the abstract namespace.
    init(at path: String) {
        self.path = path
        let socket = OwnedDescriptor(Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        self.socket = socket
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = path.hasPrefix("@") ? [0] + Array(path.utf8.dropFirst()) : Array(path.utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket.number, $0, length) == 0 }
        }
        precondition(isBound, "no socket at \(path)")
        DispatchQueue(label: "notify socket").async { [weak self] in
            var room = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = recv(socket.number, &room, room.count, 0)
                guard count > 0, let self else { break }
                heard.withLock { $0.append(String(decoding: room[..<count], as: UTF8.self)) }
            }
        }
    }

    deinit { shutdown(socket.number, Int32(SHUT_RDWR)) }

    /// What was said, a message each.
    var messages: [String] { heard.withLock { $0 } }

    /// The first word of each message with a meaning of its own, in order: `READY`, `WATCHDOG` and the like.
    var words: [String] {
        messages.flatMap { $0.split(separator: "\n") }.map { String($0.prefix { $0 != "=" }) }
            .filter { $0 != "STATUS" && $0 != "MONOTONIC_USEC" }
    }

    /// What the line of status said last.
    var status: String? {
        messages.flatMap { $0.split(separator: "\n") }.last { $0.hasPrefix("STATUS=") }.map { String($0.dropFirst(7)) }
    }
}
