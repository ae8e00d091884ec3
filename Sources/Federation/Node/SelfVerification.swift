internal import FederationConfig
package import FederationCore
internal import FederationCrypto
internal import FederationStore

/// Everything in a node's own database that follows from something else, computed anew (`LogAudit`).
package struct SelfVerification: Sendable {
    package let audit: LogAudit

    package var isGood: Bool { audit.isGood }

    /// Reads the whole database in one view, beside a daemon or without one; changes nothing.
    ///
    /// - Parameter progress: told how much of how much is done, from another thread.
    package static func run(
        configPath: String, progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) async throws(CommandFailure) -> SelfVerification {
        let directory = NodeDirectory(try loadConfig(configPath).dataDirectory)
        guard directory.hasDatabase else { throw CommandFailure(missingDatabase: directory) }
        do throws(StoreFailure) {
            let store = try await OpenedNode.open(directory, for: .read)
            let found = try await run(on: store, in: directory, progress: progress)
            await store.close()
            return found
        } catch {
            throw CommandFailure(error)
        }
    }

    /// The same on a store that is open.
    static func run(
        on store: SQLiteStore, in directory: NodeDirectory,
        progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) async throws(StoreFailure) -> SelfVerification {
        let node = try await store.read { (log) throws(StoreFailure) in try log.meta(.identity).flatMap { ULID($0) } }
        // A key that is lost leaves the signatures of this node's own events to the key that they name.
        let key = node.flatMap { try? SigningKeyFile.read(directory.currentSigningKey(of: $0)) }
        return try await run(
            on: store, node: node, ownKeys: key.map { [$0.publicKey.description] } ?? [], progress: progress)
    }

    /// - Parameter ownKeys: of `node`, as far as they are known.
    static func run(
        on store: SQLiteStore, node: ULID?, ownKeys: [String],
        progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void
    ) async throws(StoreFailure) -> SelfVerification {
        let audit = LogAudit(
            node: node, ownKeys: ownKeys, sha256: sha256,
            verifies: { preimage, signature, key in
                guard let signature = Signature(signature), let key = VerifyingKey(key) else { return false }
                return key.verify(signature, of: preimage)
            })
        return SelfVerification(audit: try await store.audit(audit, progress: progress))
    }

    /// The facts, for `--json`.
    package var json: [UInt8] {
        jsonObject { writer in
            writer.member("ok", isGood)
            writer.member("complete", audit.isComplete)
            writer.member("events", audit.events)
            writer.member("records", audit.records)
            writer.key("signatures")
            writer.object {
                $0.member("verified", audit.signatures.verified)
                $0.member("unsigned", audit.signatures.unsigned)
                $0.member("key_unknown", audit.signatures.keyUnknown)
                $0.member("bad", audit.signatures.bad)
            }
            writer.member("finding_count", audit.findingCount)
            writer.key("findings")
            writer.array { writer in
                for finding in audit.findings {
                    writer.object {
                        $0.member("finding", finding.kind.rawValue)
                        if !finding.about.isEmpty { $0.member("about", finding.about) }
                    }
                }
            }
        }
    }
}
