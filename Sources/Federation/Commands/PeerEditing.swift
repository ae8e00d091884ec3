internal import FederationConfig
internal import FederationCore

/// Changing the peers of a configuration file, with its comments, order and layout kept.
public enum PeerEditing: Sendable {
    /// Adds a peer and replaces the file; the peer is not contacted.
    ///
    /// - Parameters:
    ///   - name: what this node calls the peer.
    ///   - endpoint: where it answers; `nil` for a peer that comes to us, which is known by its identity.
    ///   - id: the identity that it must show: a ULID.
    ///   - configPath: the configuration file that is edited.
    ///   - dryRun: the file is left as it is.
    /// - Returns: the facts as JSON.
    public static func add(
        name: String, endpoint: String?, id: String? = nil, configPath: String, dryRun: Bool
    ) async throws(CommandFailure) -> [UInt8] {
        let file = try loadConfig(configPath)
        guard !file.config.peers.contains(where: { $0.name == name }) else {
            throw CommandFailure(.peerExists, ["peer": name])
        }
        guard PeerName.isValid(name) else {
            throw CommandFailure(.configProblems, list: ["NAME: \(ConfigProblem.Reason.notAName(name).text)"])
        }
        guard endpoint != nil || id != nil else {
            throw CommandFailure(.configProblems, list: ["ENDPOINT: \(ConfigProblem.Reason.missingKey("endpoint").text)"])
        }
        var peer = Config.Peer(name: name, endpoint: try endpoint.map(address))
        peer.id = try id.map(identity)
        let facts = ["name": name, "endpoint": peer.endpoint?.url, "id": peer.id?.description].compactMapValues { $0 }
        return try await ConfigEditing(configPath: configPath, dryRun: dryRun).perform(facts) {
            [peer] (editor, _) throws(ConfigEditFailure) in try editor.appending(peer)
        }
    }

    private static func address(_ text: String) throws(CommandFailure) -> Endpoint {
        do { return try Endpoint(text) } catch {
            throw CommandFailure(.configProblems, list: ["ENDPOINT: \(ConfigProblem.Reason.endpoint(error, found: text).text)"])
        }
    }

    private static func identity(_ text: String) throws(CommandFailure) -> ULID {
        guard let id = ULID(text) else {
            throw CommandFailure(.configProblems, list: ["--id: \(ConfigProblem.Reason.notAnIdentity(text).text)"])
        }
        return id
    }
}
