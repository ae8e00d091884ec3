internal import FederationConfig
internal import FederationCore
internal import FederationStore

/// A person has seen the same words on both nodes.
extension CommandService {
    func pair(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let name = try arguments.required("peer")
        let config = node.config
        guard let entry = config.peers.first(where: { $0.name == name }) else {
            throw CommandFailure(.unknownPeer, ["peer": name], list: config.peers.map(\.name))
        }
        guard let id = ULID(try arguments.required("id")) else { throw CommandFailure(.badRequest) }
        guard let key = PublicKey(try arguments.required("public_key")) else { throw CommandFailure(.noKey, ["peer": name]) }
        let confirmation = PairingConfirmation(
            peer: name, wireNamespace: entry.wire.text, id: id, key: key,
            rule: config.rule(for: entry, own: node.identity.id))
        let now = SystemClock.now()
        let paired = try await node.write { (log: inout SQLiteLog, intake) throws(StoreFailure) in
            try confirmation.write(to: &log, intake: intake, now: now)
        }
        guard let paired else { throw CommandFailure(.otherIdentity, ["peer": name]) }
        node.logger.info("a person has confirmed a peer", ["peer": name, "id": id.description])
        node.bell.ring()
        // A request that the peer has us hold is answered by what holds now: it may bring what it has.
        node.store.commits.wakeAll()
        node.poller(name)?.driver.post(.confirmed)
        return jsonObject {
            $0.member("name", name)
            $0.member("id", paired.id.description)
            $0.member("public_key", paired.key ?? "")
            $0.member("paired_at", paired.at.rfc3339)
        }
    }
}
