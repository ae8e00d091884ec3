import FederationCore
import FederationHTTP
import Glibc
import Synchronization

/// Raw bytes against a server of ours on a Unix-domain socket, with every rule and route behind it.
///
/// The client sends all of them, reads while something comes, ends its side and reads to the end. The server must end
/// the connection by then, whatever was sent: a hang is a finding (`-timeout`). So is a handler that does not end.
enum HTTPSocket: Fuzzer {
    static let name = "http-socket"

    static let path = "/tmp/federation-fuzz-\(getpid()).sock"
    private static let handlersAtWork = Atomic(0)
    static let server: HTTPServer = {
        var limits = HTTPServerLimits()
        limits.headerBytes = 4096
        limits.bodyBytes = 16 << 10
        atexit { unlink(HTTPSocket.path) }
        do {
            return try HTTPServer(unixSocket: path, limits: limits) { request in
                handlersAtWork.add(1, ordering: .acquiringAndReleasing)
                defer { handlersAtWork.subtract(1, ordering: .acquiringAndReleasing) }
                return ServingNode.shared.answer(request)
            }
        } catch {
            fail("no server: \(error)")
        }
    }()

    static func take(_ bytes: [UInt8]) {
        _ = server
        guard let descriptor = connected() else { fail("no connection: \(errno)") }
        defer {
            close(descriptor)
            // A client that has gone is not waited for: what it asked may still be at work.
            while handlersAtWork.load(ordering: .acquiring) > 0 { usleep(100) }
        }
        send(bytes, on: descriptor)
        var answer: [UInt8] = []
        // An answer takes well under a millisecond; what has none, as more is awaited, costs this wait.
        while wait(for: descriptor, milliseconds: 3) {
            if !read(from: descriptor, into: &answer) { return hold(answer) }
        }
        shutdown(descriptor, Int32(SHUT_WR))
        while wait(for: descriptor, milliseconds: 60_000) {
            if !read(from: descriptor, into: &answer) { break }
        }
        hold(answer)
    }

    /// What comes first is an HTTP answer, if anything comes.
    private static func hold(_ answer: [UInt8]) {
        require(answer.isEmpty || answer.starts(with: "HTTP/1.".utf8), "an answer that is none")
    }

    private static func connected() -> Int32? {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { room in room.copyBytes(from: Array(path.utf8)) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
        }
        if code == 0 { return descriptor }
        close(descriptor)
        return nil
    }

    private static func send(_ bytes: [UInt8], on descriptor: Int32) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { rest in
                Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            // The server may have refused already.
            guard count > 0 else { return }
            sent += count
        }
    }

    private static func wait(for descriptor: Int32, milliseconds: Int32) -> Bool {
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, milliseconds) == 1
    }

    /// `false` at the end.
    private static func read(from descriptor: Int32, into answer: inout [UInt8]) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return false }
        if answer.count < 16 << 10 { answer += buffer[..<count] }
        return true
    }

    static var seeds: [Seed] { get throws { try RequestSeeds.all } }
}
