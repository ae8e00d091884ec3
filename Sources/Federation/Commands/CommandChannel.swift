internal import FederationConfig
internal import FederationCore

/// A node that several commands are put to, one after another or at once: its daemon, or, where none runs, its
/// database, which is opened once and held until `close`.
package final class CommandChannel: Sendable {
    private enum Way: Sendable {
        case daemon(CommandClient, NodeDirectory)
        case here(Node)
        case rehearsal(NodeRehearsal)
    }

    private let way: Way

    /// - Throws: as opening the node for writing does, where no daemon answers.
    package init(configPath: String) async throws(CommandFailure) {
        let directory = try NodeDirectory(asConfigured: configPath)
        let client = CommandClient(configPath: configPath)
        way = try await NodeWay.take { () throws(CommandFailure) in
            guard directory.hasControlSocket, try await CommandChannel.isAnswered(client, directory) else { return nil }
            return .daemon(client, directory)
        } database: { () throws(CommandFailure) in
            .here(try await Node(configPath: configPath, use: .write, logger: .silent))
        }
    }

    /// A node on a copy of the database, which is thrown away: what commands do there is what they would do.
    package init(rehearsing configPath: String) async throws(CommandFailure) {
        way = .rehearsal(try await NodeRehearsal(configPath: configPath, recovers: false))
    }

    /// `arguments` is a JSON object.
    ///
    /// - Returns: the result as JSON.
    package func perform(_ name: CommandName, _ arguments: [UInt8]) async throws(CommandFailure) -> [UInt8] {
        switch way {
        case .here(let node): return try await CommandService(node: node).perform(name, arguments)
        case .rehearsal(let rehearsal):
            return try await CommandService(node: rehearsal.node).perform(name, arguments)
        case .daemon(let client, let directory):
            guard let answer = try await client.ask(directory, name, arguments) else {
                throw CommandFailure(.unreachableDaemon, ["directory": directory.path])
            }
            return answer
        }
    }

    /// Gives the database free. To be called once, at the end.
    package func close() async {
        switch way {
        case .here(let node): await node.close()
        case .rehearsal(let rehearsal): await rehearsal.end()
        case .daemon: break
        }
    }

    /// Whether anybody listens, whatever the answer: a daemon of another version may not know the question.
    private static func isAnswered(
        _ client: CommandClient, _ directory: NodeDirectory
    ) async throws(CommandFailure) -> Bool {
        do throws(CommandFailure) {
            return try await client.ask(directory, .progress, Array("{}".utf8)) != nil
        } catch {
            guard error.code == .unreachableDaemon else { return true }
            throw error
        }
    }
}
