internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore
internal import Glibc
#if FAIL_POINTS
    internal import FailPoints
#endif

/// Another signing key for a node that has signed with its present one.
///
/// The new key is on disk, under a name of its own, before the commit that names it the successor, and takes the old
/// one's place after it: whoever opens the node in between finds in the database which of the two counts.
enum KeyRotation {
    /// - Returns: the new key, in its place.
    static func rotate(configPath: String) async throws(CommandFailure) -> (key: SigningKey, node: OpenedNode) {
        let node = try await OpenedNode(configPath: configPath, use: .write)
        defer { node.lock?.release() }
        do throws(CommandFailure) {
            if let stopped = node.stopped { throw stopped.failure }
            let key = try newKey(beside: node)
            #if FAIL_POINTS
                FailPoint.nextKeyMade.pass()
            #endif
            let chain = OwnChain(node.writer)
            let now = SystemClock.now()
            let succession: Attestation?
            do throws(StoreFailure) {
                succession = try await node.store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                    try chain.succeed(by: KeyRotation.signer(key), now: now, in: &log)
                }
            } catch {
                throw CommandFailure(error)
            }
            guard succession != nil else {
                unlink(node.directory.nextSigningKey(of: node.identity.id))
                throw CommandFailure(.writeRefused, ["why": "two of this node's events have one number"])
            }
            #if FAIL_POINTS
                FailPoint.successorNamed.pass()
            #endif
            try node.directory.promoteNextSigningKey(of: node.identity.id)
            await node.store.close()
            return (key, node)
        } catch {
            await node.store.close()
            throw error
        }
    }

    static func signer(_ key: SigningKey) -> @Sendable ([UInt8]) -> EventSeal {
        { EventSeal(signature: key.sign($0).description, publicKey: key.publicKey.description) }
    }

    private static func newKey(beside node: OpenedNode) throws(CommandFailure) -> SigningKey {
        let path = node.directory.nextSigningKey(of: node.identity.id)
        do throws(KeyFileFailure) {
            let key: SigningKey
            do throws(CryptoFailure) { key = try SigningKey.generate() } catch { throw .crypto(error) }
            try SigningKeyFile.write(key, to: path)
            return key
        } catch {
            throw CommandFailure(error, path: path)
        }
    }
}

extension NodeDirectory {
    /// Where the next key waits until the database names it.
    func nextSigningKey(of identity: ULID) -> String { currentSigningKey(of: identity) + ".next" }

    /// Gives the next key its place. The old one is gone then: what it signed is in the chain.
    func promoteNextSigningKey(of identity: ULID) throws(CommandFailure) {
        let (next, path) = (nextSigningKey(of: identity), currentSigningKey(of: identity))
        guard rename(next, path) == 0 else {
            throw CommandFailure(KeyFileFailure.io(errno: errno), path: path)
        }
        #if FAIL_POINTS
            FailPoint.nextKeyPromoted.pass()
        #endif
        let directory = open(self.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if directory >= 0 {
            fsync(directory)
            close(directory)
        }
    }

    /// The key of an identity, whatever a change of key was stopped at.
    ///
    /// - Parameters:
    ///   - current: the key that the database names as the last successor, if any.
    ///   - settles: what was stopped is brought to its end.
    func signingKey(
        of identity: ULID, current: PublicKey?, settles: Bool
    ) throws(CommandFailure) -> SigningKey {
        let (next, path) = (nextSigningKey(of: identity), currentSigningKey(of: identity))
        func read(_ path: String) throws(CommandFailure) -> SigningKey {
            do throws(KeyFileFailure) { return try SigningKeyFile.read(path) } catch { throw CommandFailure(error, path: path) }
        }
        func settled() throws(CommandFailure) -> SigningKey {
            let key = try read(path)
            guard current == nil || key.publicKey.description == current?.text else {
                let why = "it was given up: the database names another one as its successor"
                throw CommandFailure(.keyFile, ["file": path, "case": "superseded", "why": why])
            }
            return key
        }
        guard access(next, F_OK) == 0 || errno != ENOENT else { return try settled() }
        let waiting: SigningKey
        do throws(CommandFailure) { waiting = try read(next) } catch {
            // It may be the only copy of the key in use, unless that has its place already.
            guard let key = try? settled() else { throw error }
            if settles { unlink(next) }
            return key
        }
        if let current, waiting.publicKey.description == current.text {
            if settles { try promoteNextSigningKey(of: identity) }
            return waiting
        }
        // The database never heard of it.
        let key = try settled()
        if settles { unlink(next) }
        return key
    }
}
