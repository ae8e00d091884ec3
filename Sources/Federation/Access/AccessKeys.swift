internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import Glibc

/// The keys that a node sends and accepts, read from where the configuration says they are.
struct AccessKeys: Sendable {
    /// Where the ring's key comes from.
    enum Source: String, Sendable { case environment = "env", file }

    var ring: Secret?
    var source: Source?
    /// The environment's key stands before this file's.
    var overridden: String?
    var peers: [String: [Secret]] = [:]
    /// Of whoever looks at the page: it opens nothing else.
    var page: Secret?

    /// The environment variables that hold a ring's key, the first one first.
    static var variables: [String] { Config.secretVariables }

    /// Whether the environment gives the ring's key; what is empty gives none.
    static var isInEnvironment: Bool { variables.contains { unsafe getenv($0).map { unsafe $0.pointee != 0 } ?? false } }

    /// - Throws: `access_key`, never to go on without a key that was asked for.
    init(_ config: Config, beside configPath: String) throws(CommandFailure) {
        let file = config.access.sharedKeyFile.map { AccessFile.path($0, beside: configPath) }
        if let key = try AccessKeys.environment() {
            ring = key
            source = .environment
            overridden = file
        } else if let file {
            ring = try AccessKeys.read(file) { (path) throws(KeyFileFailure) in [try KeyFile.readOne(path)] }.first
            source = .file
        }
        if let name = config.page.keyFile {
            page = try AccessKeys.read(AccessFile.path(name, beside: configPath)) { (path) throws(KeyFileFailure) in
                [try KeyFile.readOne(path)]
            }.first
        }
        for peer in config.peers {
            guard let name = peer.keyFile else { continue }
            peers[peer.name] = try AccessKeys.read(AccessFile.path(name, beside: configPath), KeyFile.read)
        }
        try requirePageOfItsOwn(config, beside: configPath)
    }

    /// Whoever has the ring's key, or the one between two nodes, is not whoever writes here in this node's name.
    private func requirePageOfItsOwn(_ config: Config, beside configPath: String) throws(CommandFailure) {
        guard let page, let name = config.page.keyFile else { return }
        let digest = page.digest()
        guard ([ring].compactMap { $0 } + peers.values.joined()).contains(where: { $0.digest() == digest }) else { return }
        throw CommandFailure(
            .accessKey,
            [
                "file": AccessFile.path(name, beside: configPath), "case": "shared",
                "why": "it holds a key that is the ring's or a peer's as well, and whoever has that would write in this node's name",
            ])
    }

    private static func read(
        _ path: String, _ read: (String) throws(KeyFileFailure) -> [Secret]
    ) throws(CommandFailure) -> [Secret] {
        do throws(KeyFileFailure) { return try read(path) } catch { throw CommandFailure(.accessKey, CommandFailure(error, path: path).facts) }
    }

    private static func environment() throws(CommandFailure) -> Secret? {
        for name in variables {
            guard let value = unsafe getenv(name), unsafe value.pointee != 0 else { continue }
            var bytes = unsafe Array(UnsafeRawBufferPointer(start: value, count: strlen(value)))
            defer { wipe(&bytes) }
            var key = Array(bytes.trimmingWhitespace())
            guard !key.isEmpty, key.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw CommandFailure(.accessKey, ["file": "$" + name, "case": "malformed", "why": "it holds no key"])
            }
            return Secret(taking: &key)
        }
        return nil
    }

    /// Characters of the shortest.
    var shortest: Int? { ([ring, page].compactMap { $0 } + peers.values.joined()).map(\.count).min() }

    /// What is sent to a peer: the key between the two, or else the ring's.
    func sent(to peer: String) -> Secret? { peers[peer]?.first ?? ring }

    /// What each accepted key looks like in a request.
    var accepted: [AccessPolicy.Key] {
        var keys: [AccessPolicy.Key] = []
        if let ring { keys.append(AccessPolicy.Key(field: ring.digest(after: "Bearer "))) }
        for (peer, secrets) in peers.sorted(by: { $0.key < $1.key }) {
            keys += secrets.map { AccessPolicy.Key(field: $0.digest(after: "Bearer "), peer: peer) }
        }
        return keys
    }

    /// What the page's key looks like in a request.
    var acceptedByPage: [AccessPolicy.Key] {
        page.map { [AccessPolicy.Key(field: $0.digest(after: "Bearer "))] } ?? []
    }
}

extension AccessKeys {
    /// The fingerprints; never a key.
    func write(to writer: inout JSONWriter) {
        if let ring, let source {
            writer.key("ring_key")
            writer.object {
                $0.member("fingerprint", ring.fingerprint)
                $0.member("source", source.rawValue)
            }
        }
        guard !peers.isEmpty else { return }
        writer.key("peer_keys")
        writer.array { list in
            for (peer, keys) in peers.sorted(by: { $0.key < $1.key }) {
                for key in keys {
                    list.object {
                        $0.member("peer", peer)
                        $0.member("fingerprint", key.fingerprint)
                    }
                }
            }
        }
    }
}

/// `federation key new`.
package enum AccessKeyMaking {
    /// - Returns: where the key is and its fingerprint, as JSON.
    package static func make(at path: String, isDryRun: Bool = false) throws(CommandFailure) -> [UInt8] {
        do throws(KeyFileFailure) {
            if isDryRun {
                // A link of that name is in the way as well, wherever it leads.
                var found = stat()
                guard lstat(path, &found) != 0 else { throw .exists }
                return jsonObject {
                    $0.member("dry_run", true)
                    $0.member("file", path)
                }
            }
            let key = try KeyFile.make(at: path)
            return jsonObject {
                $0.member("file", path)
                $0.member("fingerprint", key.fingerprint)
            }
        } catch {
            throw CommandFailure(.accessKey, CommandFailure(error, path: path).facts)
        }
    }
}
