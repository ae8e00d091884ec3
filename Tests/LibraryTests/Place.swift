import Federation
import Glibc
import Synchronization

/// A node that runs, and its directory.
struct RunningPlace: Sendable {
    var place: Place
    var node: EmbeddedNode
    var port: UInt16
}

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

    /// A node that runs on a port of its own, below the range that the system gives out by itself.
    static func running(_ name: String) async throws -> RunningPlace {
        while true {
            let port = UInt16(10_000 + next.add(1, ordering: .relaxed).newValue % 10_000)
            let place = try await Place(name, listen: "127.0.0.1:\(port)")
            let node = try await EmbeddedNode(configPath: place.config)
            do throws(CommandFailure) {
                try await node.start()
                return RunningPlace(place: place, node: node, port: port)
            } catch {
                // Somebody may have the port.
                guard error.code == .listen else { throw error }
            }
        }
    }

    func write(_ text: String, to path: String) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        precondition(descriptor >= 0, "cannot write \(path)")
        let bytes = Array(text.utf8)
        precondition(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
        close(descriptor)
    }

    deinit { Place.remove(directory) }

    private static func remove(_ path: String) {
        if let stream = opendir(path) {
            while let entry = readdir(stream) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) {
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
