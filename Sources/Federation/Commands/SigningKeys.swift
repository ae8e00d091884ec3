internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore
internal import Glibc

/// This node's signing key: what people compare of it, and making one where there is none.
package enum SigningKeys {
    /// - Returns: the facts as JSON: whose key it is, where it is kept, the public half and its fingerprint.
    package static func fingerprint(configPath: String) async throws(CommandFailure) -> [UInt8] {
        let node = try await OpenedNode(configPath: configPath, use: .read)
        await node.store.close()
        return facts(
            of: node.key, node.identity.id, in: node.directory.currentSigningKey(of: node.identity.id),
            with: try AccessKeys(node.file.config, beside: configPath))
    }

    /// Makes a key for a node that has none, or with `force` another one in place of the one that is there.
    ///
    /// One that has signed events names its successor (`KeyRotation`). One that is lost cannot, and what it signed would
    /// be in doubt at every peer: a node that has written events under it goes on with `identity new`.
    ///
    /// - Parameter isDryRun: nothing is changed; the facts say what would be.
    package static func make(
        configPath: String, force: Bool, isDryRun: Bool = false
    ) async throws(CommandFailure) -> [UInt8] {
        let directory = NodeDirectory(try loadConfig(configPath).dataDirectory)
        guard directory.hasDatabase else { throw CommandFailure(missingDatabase: directory) }
        let lock: DataDirectoryLock
        do throws(DataDirectoryLockFailure) { lock = try DataDirectoryLock(directory: directory.path) } catch {
            throw CommandFailure(error, directory: directory.path)
        }
        defer { withExtendedLifetime(lock) {} }
        let (identity, signed) = try await writer(of: directory)
        let path = directory.currentSigningKey(of: identity)
        let exists = access(path, F_OK) == 0
        if exists, !force { throw CommandFailure(.keyExists, ["file": path]) }
        if signed > 0, !exists { throw CommandFailure(.keyUsed, ["file": path, "events": String(signed)]) }
        guard !isDryRun else {
            return jsonObject {
                $0.member("id", identity.description)
                $0.member("file", path)
                $0.member("dry_run", true)
                $0.member("replaces", exists)
                $0.member("events", Int64(clamping: signed))
            }
        }
        if signed > 0 {
            lock.release()
            let (key, node) = try await KeyRotation.rotate(configPath: configPath)
            return facts(of: key, identity, in: path, succeeds: node.key)
        }
        // Nothing hangs on the old one, and a crash between the two leaves what `keygen` is for.
        if exists { unlink(path) }
        do throws(KeyFileFailure) {
            let key: SigningKey
            do throws(CryptoFailure) { key = try SigningKey.generate() } catch { throw .crypto(error) }
            try SigningKeyFile.write(key, to: path)
            return facts(of: key, identity, in: path)
        } catch {
            throw CommandFailure(error, path: path)
        }
    }

    /// Whose key it is, and how many events that identity has written.
    private static func writer(of directory: NodeDirectory) async throws(CommandFailure) -> (ULID, UInt64) {
        do throws(StoreFailure) {
            let store = try SQLiteStore(path: directory.database, access: .readOnly)
            let found = try await store.read { (log) throws(StoreFailure) in
                guard let id = try log.meta(.identity).flatMap({ ULID($0) }) else { throw StoreFailure.corrupt }
                let own = try log.origins().first { $0.origin.isExactly(id.description) }
                let number = try log.meta(.ownNumber).flatMap { UInt64($0) } ?? 0
                return (id, max(number, UInt64(clamping: own?.events ?? 0)))
            }
            await store.close()
            return found
        } catch {
            throw CommandFailure(error)
        }
    }

    private static func facts(
        of key: SigningKey, _ identity: ULID, in path: String, with access: AccessKeys? = nil,
        succeeds old: SigningKey? = nil
    ) -> [UInt8] {
        jsonObject {
            $0.member("id", identity.description)
            $0.member("file", path)
            $0.member("public_key", key.publicKey.description)
            $0.member("fingerprint", key.publicKey.fingerprint)
            access?.write(to: &$0)
            if let old { $0.member("succeeds", old.publicKey.description) }
        }
    }
}

extension VerifyingKey {
    /// `SHA256:` and the SHA-256 of the key's 32 bytes, as pairs of hexadecimal digits with colons between (the form of
    /// Noema section 5.2): what people read to one another.
    var fingerprint: String {
        "SHA256:" + sha256(bytes).bytes.map { hexadecimal([$0]) }.joined(separator: ":")
    }
}
