import Federation
import Glibc
import Synchronization

/// A node in a directory of its own, removed with its owner.
final class Place: Sendable {
    let directory: String
    let config: String

    /// Makes the node with `NodeSetup`; `peers` are names and endpoints.
    init(_ name: String, listen: String? = nil, peers: [String: String] = [:]) async throws {
        var template = Array("/tmp/federation-library-XXXXXX\0".utf8).map { CChar(bitPattern: $0) }
        precondition(mkdtemp(&template) != nil, "no scratch directory")
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let made = try await NodeSetup.make(in: directory + "/" + name, name: name, listen: listen, interval: "1h")
        config = made.configPath
        for (peer, endpoint) in peers {
            _ = try await PeerEditing.add(name: peer, endpoint: endpoint, configPath: config, dryRun: false)
        }
    }

    private static let next = Atomic(Int(getpid()) * 37 % 10_000)

    /// A node that listens on a port of its own, below the range that the system gives out by itself.
    static func listening(_ name: String) async throws -> (Place, UInt16) {
        while true {
            let port = UInt16(10_000 + next.add(1, ordering: .relaxed).newValue % 10_000)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let isFree = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            if isFree { return (try await Place(name, listen: "127.0.0.1:\(port)"), port) }
        }
    }

    deinit { Place.remove(directory) }

    private static func remove(_ path: String) {
        if let stream = opendir(path) {
            while let entry = readdir(stream) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                guard name != ".", name != ".." else { continue }
                if unlink(path + "/" + name) != 0 { remove(path + "/" + name) }
            }
            closedir(stream)
        }
        rmdir(path)
    }
}
