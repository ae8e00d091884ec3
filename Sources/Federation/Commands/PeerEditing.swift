internal import FederationConfig
internal import FederationCore

/// Changing the peers of a configuration file, with its comments, order and layout kept.
public enum PeerEditing: Sendable {
    /// Adds a peer and replaces the file; the peer is not contacted.
    ///
    /// - Returns: the facts as JSON.
    public static func add(
        name: String, endpoint: String, configPath: String, dryRun: Bool
    ) async throws(CommandFailure) -> [UInt8] {
        let file = try loadConfig(configPath)
        guard !file.config.peers.contains(where: { $0.name == name }) else {
            throw CommandFailure(.peerExists, ["peer": name])
        }
        guard Config.isName(name) else {
            throw CommandFailure(.configProblems, list: ["NAME: \(ConfigProblem.Reason.notAName(name).text)"])
        }
        let address: Endpoint
        do { address = try Endpoint(endpoint) } catch {
            throw CommandFailure(.configProblems, list: ["ENDPOINT: \(ConfigProblem.Reason.endpoint(error, found: endpoint).text)"])
        }
        return try await ConfigEditing(configPath: configPath, dryRun: dryRun).perform(
            ["name": name, "endpoint": address.url]
        ) { (editor, _) throws(ConfigEditFailure) in try editor.appending(Config.Peer(name: name, endpoint: address)) }
    }
}
