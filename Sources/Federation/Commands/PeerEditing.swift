internal import FederationConfig
internal import FederationCore

/// Changing the peers of a configuration file, with its comments, order and layout kept.
public enum PeerEditing: Sendable {
    /// Adds a peer and replaces the file; the peer is not contacted.
    ///
    /// - Returns: the facts as JSON.
    public static func add(
        name: String, endpoint: String, configPath: String, dryRun: Bool
    ) throws(CommandFailure) -> [UInt8] {
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
        let changed: [UInt8]
        do {
            changed = try ConfigEditor(file.bytes).appending(Config.Peer(name: name, endpoint: address))
        } catch {
            switch error {
            case .problemsBefore(let problems), .problemsAfter(let problems):
                throw CommandFailure(.configProblems, list: problems.problems.map { $0.line(in: configPath) })
            case .layout:
                throw CommandFailure(
                    .configEdit, ["file": configPath, "why": "its layout is unusual", "hint": "add the peer by hand under 'peers:'"])
            }
        }
        if !dryRun {
            do { try AtomicFile.write(changed, to: configPath, mode: 0o644) } catch {
                throw CommandFailure(
                    .configEdit, ["file": configPath, "why": SystemText.of(error.code), "hint": "is the directory writable?"])
            }
        }
        var writer = JSONWriter()
        writer.object {
            $0.member("name", name)
            $0.member("endpoint", address.url)
            $0.member("config", configPath)
            $0.member("dry_run", dryRun)
        }
        return writer.bytes
    }
}
