internal import FederationConfig
internal import FederationCore
internal import FederationHTTP
internal import FederationStore

/// A node that others have told this one of, once a person wants to know more.
///
/// It is asked without any key of ours, on a connection that is made to the very address that was looked at.
package enum AnnouncedPeer {
    struct Found: Sendable {
        var announcement: Announcement
        var addresses: AddressGuard
    }

    static func find(_ name: String, configPath: String) async throws(CommandFailure) -> Found {
        let node = try await OpenedNode(configPath: configPath, use: .read)
        let found = try await find(name, in: node)
        await node.store.close()
        return found
    }

    private static func find(_ name: String, in node: OpenedNode) async throws(CommandFailure) -> Found {
        let known: Announcements
        do throws(StoreFailure) {
            known = try await node.store.read { (log) throws(StoreFailure) in
                Announcements(json: try log.state(StateKey.announced) ?? "")
            }
        } catch {
            throw CommandFailure(error)
        }
        guard let announcement = known[name] else {
            throw CommandFailure(.notAnnounced, ["peer": name], list: known.kept.map(\.name))
        }
        return Found(announcement: announcement, addresses: AddressGuard(node.file.config))
    }

    /// Asks it who it is, and writes its entry, which insists on that.
    ///
    /// - Returns: the facts as JSON.
    package static func add(_ name: String, configPath: String, dryRun: Bool) async throws(CommandFailure) -> [UInt8] {
        let node = try await OpenedNode(configPath: configPath, use: .read)
        let found: Found
        do throws(CommandFailure) { found = try await find(name, in: node) } catch {
            await node.store.close()
            throw error
        }
        await node.store.close()
        let url = found.announcement.endpoint
        var failure = ExchangeFailure.identityMissing
        if let endpoint = try? Endpoint(url) {
            var credentials = ChannelCredentials()
            credentials.addresses = found.addresses
            let entry = Config.Peer(name: name, endpoint: endpoint)
            let machine = await PeerLook(node: node, entry: entry, credentials: credentials).identity(pinnedWire: nil)
            if let identity = machine.identity, identity.id != node.identity.id {
                return try await PeerEditing.add(
                    name: name, endpoint: url, id: identity.id.description, configPath: configPath, dryRun: dryRun)
            }
            if case .failed(let why) = machine.ending { failure = why }
        }
        var facts = ["peer": name, "endpoint": url, "reason": failure.reason.rawValue]
        if case .transport(.forbiddenAddress(let kind)) = failure { facts["refused_address"] = kind.rawValue }
        throw CommandFailure(.announcedFailed, facts)
    }
}
