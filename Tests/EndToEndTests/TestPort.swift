import Glibc
import HostileKit
import Synchronization

/// Ports that the system gives to nobody by itself, and no other process of tests takes: a node can be given one before it
/// is started, and be stopped and come back to it.
enum TestPort {
    private static let first = 20_000
    private static let perBlock = 100
    private static let blocks = 120

    private struct State {
        /// Of the block that was taken last.
        var left: [UInt16] = []
        /// Each is held by a socket, which is never closed.
        var taken: [Int] = []
    }

    private static let state = Mutex(State())

    static func free() -> UInt16 {
        while true {
            let port = state.withLock { state in
                if state.left.isEmpty { takeBlock(&state) }
                return state.left.removeFirst()
            }
            // Of a program that is none of the tests'.
            let probe = OwnedDescriptor(socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
            if RawSocket.withLoopback(port, { bind(probe.number, $0, $1) }) == 0 { return port }
        }
    }

    /// A name in the abstract namespace is one process's until that ends, however it does.
    private static func takeBlock(_ state: inout State) {
        let start = Int(getpid()) % blocks
        let candidates = (0..<blocks).map { (start + $0) % blocks }.filter { !state.taken.contains($0) }
        // Once every block is somebody's, what is ours is gone through again.
        let free = candidates.first(where: isFree)
        precondition(free != nil || !state.taken.isEmpty, "other processes hold all \(blocks) blocks of ports for tests")
        let block = free ?? state.taken.removeFirst()
        state.taken.append(block)
        state.left = (0..<perBlock).map { UInt16(first + block * perBlock + $0) }
    }

    private static func isFree(_ block: Int) -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = [0] + Array("federation-test-ports-\(block)".utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        let isOurs = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 }
        }
        if !isOurs { close(descriptor) }
        return isOurs
    }
}
