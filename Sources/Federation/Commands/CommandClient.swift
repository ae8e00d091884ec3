internal import FederationConfig
internal import FederationCore
internal import FederationHTTP

/// Has a command done by the daemon that holds the database, or does it here when none runs.
package struct CommandClient: Sendable {
    private let configPath: String
    /// How long the daemon's answer is waited for; `nil`: as long as what is asked may take.
    private let patience: Duration?

    package init(configPath: String, patience: Duration? = nil) {
        self.configPath = configPath
        self.patience = patience
    }

    /// `arguments` is a JSON object.
    ///
    /// - Returns: the result as JSON.
    package func perform(_ name: CommandName, _ arguments: [UInt8]) async throws(CommandFailure) -> [UInt8] {
        try await NodeWay.take { () throws(CommandFailure) in
            try await askDaemon(name, arguments)
        } database: { () throws(CommandFailure) in
            try await here(name, arguments)
        }
    }

    /// The answer of the daemon that holds the database; `nil` where none does.
    func askDaemon(
        _ name: CommandName, _ arguments: [UInt8] = Array("{}".utf8)
    ) async throws(CommandFailure) -> [UInt8]? {
        let directory = try NodeDirectory(asConfigured: configPath)
        return directory.hasControlSocket ? try await ask(directory, name, arguments) : nil
    }

    /// The daemon's answer; `nil` where nobody listens: the socket of a daemon that was killed.
    func ask(
        _ directory: NodeDirectory, _ name: CommandName, _ arguments: [UInt8]
    ) async throws(CommandFailure) -> [UInt8]? {
        let client = CurlClient()
        defer { client.close() }
        let request = HTTPRequest(
            .post, name.target, fields: ["Content-Type": "application/json"], body: arguments,
            maxAnswerBytes: Limits.controlAnswerBytes, deadline: patience ?? name.patience)
        var result = await send(request, directory, client)
        // A write carries a request id, so asking once more after a lost answer cannot write twice.
        if case .failure(let failure) = result, failure != .refused, failure != .timeout { result = await send(request, directory, client) }
        switch result {
        case .failure(.refused): return nil
        case .failure: throw CommandFailure(.unreachableDaemon, ["directory": directory.path])
        case .success(let response):
            if response.status == 200 { return response.body }
            throw CommandFailure(json: response.body) ?? CommandFailure(.unreachableDaemon, ["directory": directory.path])
        }
    }

    private func send(
        _ request: HTTPRequest, _ directory: NodeDirectory, _ client: CurlClient
    ) async -> Result<HTTPResponse, TransportFailure> {
        await directory.withControlSocketPath { path in
            do throws(TransportFailure) {
                return .success(try await client.perform(request, unixSocket: path))
            } catch {
                return .failure(error)
            }
        }
    }

    private func here(_ name: CommandName, _ arguments: [UInt8]) async throws(CommandFailure) -> [UInt8] {
        let node = try await Node(configPath: configPath, use: name.writes ? .write : .read, logger: .silent)
        do throws(CommandFailure) {
            let result = try await CommandService(node: node).perform(name, arguments)
            await node.close()
            return result
        } catch {
            await node.close()
            throw error
        }
    }
}

extension NodeDirectory {
    /// The data directory that commands look for a daemon in.
    ///
    /// Where the configuration has problems a daemon may well run on by what it said before, and is asked all the same:
    /// then it is what can still be read of `data`. Where nothing runs there, the problems are what a command says.
    init(asConfigured configPath: String) throws(CommandFailure) {
        do throws(ConfigFailure) {
            self.init(try ConfigFile.load(configPath).dataDirectory)
        } catch {
            let failure = CommandFailure(error, file: configPath)
            guard let likely = ConfigFile.likelyDataDirectory(configPath) else { throw failure }
            self.init(likely)
            guard hasControlSocket else { throw failure }
        }
    }
}
