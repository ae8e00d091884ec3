internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore
internal import Glibc
#if FAIL_POINTS
    internal import FailPoints
#endif

/// Who this node is, and the two ways on for a database that is a copy or older than what it has published.
///
/// These run in a process of their own, under the directory's lock: no daemon may run meanwhile.
package enum IdentityChange {
    /// - Returns: the facts as JSON: id, key, and whether and why the node has stopped writing.
    package static func show(configPath: String) async throws(CommandFailure) -> [UInt8] {
        let node = try await OpenedNode(configPath: configPath, use: .read)
        await node.store.close()
        return jsonObject {
            $0.member("id", node.identity.id.description)
            $0.member("name", node.identity.name)
            $0.member("public_key", node.key.publicKey.description)
            if let stopped = node.stopped { $0.member("stopped", stopped.rawValue) }
        }
    }

    /// Makes this database a node of its own: a new ULID, a new key, numbers from 1. What the old identity wrote stays
    /// in the log as another node's.
    ///
    /// The new key is on disk, under the new identity's name, before the one commit that makes it ours.
    package static func new(configPath: String, isDryRun: Bool = false) async throws(CommandFailure) -> [UInt8] {
        if isDryRun { return try await plannedNew(configPath) }
        let node = try await OpenedNode(configPath: configPath, use: .renew)
        var random = SystemRandom()
        let identity = ULID(at: SystemClock.now(), using: &random)
        let path = node.directory.signingKey(of: identity)
        do throws(KeyFileFailure) { try SigningKeyFile.write(node.key, to: path) } catch {
            throw CommandFailure(error, path: path)
        }
        #if FAIL_POINTS
            FailPoint.newIdentityKeyMade.pass()
        #endif
        let old = node.identity.id
        try await settle(node) { (log) throws(StoreFailure) in
            try log.setMeta(.identity, identity.description)
            try log.setMeta(.ownNumber, "0")
        }
        return jsonObject {
            $0.member("id", identity.description)
            $0.member("was", old.description)
            $0.member("public_key", node.key.publicKey.description)
        }
    }

    /// Who would be left behind, with how many events. The key is not asked for: the old one may be lost.
    private static func plannedNew(_ configPath: String) async throws(CommandFailure) -> [UInt8] {
        let directory = NodeDirectory(try loadConfig(configPath).dataDirectory)
        guard directory.hasDatabase else { throw CommandFailure(missingDatabase: directory) }
        let facts: (identity: String, events: Int64)
        do throws(StoreFailure) {
            let store = try SQLiteStore(path: directory.database, access: .readOnly)
            facts = try await store.read { (log) throws(StoreFailure) in
                guard let old = try log.meta(.identity) else { throw .corrupt }
                return (old, try log.origins().first { $0.origin.isExactly(old) }?.events ?? 0)
            }
            await store.close()
        } catch {
            throw CommandFailure(error)
        }
        return jsonObject {
            $0.member("dry_run", true)
            $0.member("was", facts.identity)
            $0.member("log_events", facts.events)
        }
    }

    /// Fetches from the peers what this node wrote and no longer has, and goes on above the highest number found.
    ///
    /// Every peer is read from its beginning, for a cursor of the old database may lie behind what was lost.
    ///
    /// - Parameters:
    ///   - partial: goes on although some peers cannot be reached: what only they hold of ours would be taken for
    ///     old by them.
    ///   - bundles: whole bundles of peers that cannot be asked. What was written after a bundle was made is not in it, so
    ///     its peer still counts as one that was not read.
    /// - Throws: `.recoveryIncomplete` with the peers that were not read to the end, unless `partial`; nothing is settled then.
    package static func recover(
        configPath: String, partial: Bool, bundles: [String] = [], isDryRun: Bool = false
    ) async throws(CommandFailure) -> [UInt8] {
        if isDryRun { return try await rehearsedRecovery(configPath, partial: partial, bundles: bundles) }
        let node = try await Node(configPath: configPath, use: .recover, logger: .silent)
        do throws(CommandFailure) {
            let result = try await recover(node, partial: partial, bundles: bundles)
            await node.close()
            return result
        } catch {
            await node.close()
            throw error
        }
    }

    /// The same on a copy of the database, which is thrown away: the peers are asked, and what they have is taken in
    /// there.
    private static func rehearsedRecovery(
        _ configPath: String, partial: Bool, bundles: [String]
    ) async throws(CommandFailure) -> [UInt8] {
        let rehearsal = try await NodeRehearsal(configPath: configPath, recovers: true)
        do throws(CommandFailure) {
            let result = try await recover(rehearsal.node, partial: partial, bundles: bundles, isDryRun: true)
            await rehearsal.end()
            return result
        } catch {
            await rehearsal.end()
            throw error
        }
    }

    private static func recover(
        _ node: Node, partial: Bool, bundles: [String], isDryRun: Bool = false
    ) async throws(CommandFailure) -> [UInt8] {
        let names = node.config.peers.filter { $0.mode != .paused }.map(\.name)
        try await node.forgetCursors(of: names)
        #if FAIL_POINTS
            FailPoint.cursorsForgotten.pass()
        #endif
        var fetched = 0
        for file in bundles {
            fetched += try await BundleImport.takeWhole(file, into: node.bundleDesk)
        }
        let reports = try await node.sync(names)
        let unread = node.config.unread(reports)
        guard partial || unread.isEmpty else {
            throw CommandFailure(.recoveryIncomplete, list: unread)
        }
        #if FAIL_POINTS
            FailPoint.ownEventsFetched.pass()
        #endif
        let own = node.identity.id
        try await settle(node.opened) { (_) throws(StoreFailure) in }
        let number: String?
        do throws(StoreFailure) {
            number = try await node.store.read { (log) throws(StoreFailure) in try log.meta(.ownNumber) }
        } catch {
            throw CommandFailure(error)
        }
        return jsonObject {
            $0.member("id", own.description)
            $0.member("number", UInt64(number ?? "") ?? 0)
            $0.member("fetched", reports.reduce(fetched) { $0 + $1.outcome.applied })
            if !unread.isEmpty { $0.member("unreachable", unread) }
            if isDryRun { $0.member("dry_run", true) }
        }
    }

    /// From here on this file, on this machine, is the node's own.
    private static func settle(
        _ node: OpenedNode, _ change: @Sendable (inout SQLiteLog) throws(StoreFailure) -> Void
    ) async throws(CommandFailure) {
        do throws(StoreFailure) {
            let file = try DatabaseFileIdentity(of: node.directory.database)
            try await node.store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                try change(&log)
                try log.setMeta(.stopped, nil)
                try log.setMeta(.databaseFile, file.description)
                try log.setMeta(.machine, machineIdentity(sha256)?.hex)
            }
        } catch {
            throw CommandFailure(error)
        }
    }
}

extension Node {
    /// Makes the next poll of each peer begin at the beginning of its log. Pins stay.
    fileprivate func forgetCursors(of names: [String]) async throws(CommandFailure) {
        do throws(StoreFailure) {
            try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                for name in names {
                    try log.setState(StateKey.peer(name, .lastEvent), nil)
                    try log.setState(StateKey.peer(name, .position), nil)
                }
            }
        } catch {
            throw CommandFailure(error)
        }
    }
}
