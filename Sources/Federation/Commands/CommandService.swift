internal import FederationCore
internal import FederationStore

/// Does what commands ask of one node; arguments and results are JSON objects (`docs/cli.md`).
struct CommandService: Sendable {
    let node: Node
    /// `nil` where no daemon runs.
    var reloader: ConfigReloader?

    func perform(_ name: CommandName, _ arguments: [UInt8]) async throws(CommandFailure) -> [UInt8] {
        do throws(CommandFailure) { return try await done(name, arguments) } catch { throw await withNearNames(error) }
    }

    private func done(_ name: CommandName, _ arguments: [UInt8]) async throws(CommandFailure) -> [UInt8] {
        let json: JSON
        do { json = try JSON(arguments) } catch { throw CommandFailure(.badRequest) }
        guard json.isObject else { throw CommandFailure(.badRequest) }
        switch name {
        case .records: return try await records(json)
        case .show: return try await show(json)
        case .events: return try await events(json)
        case .divergences: return try await divergences()
        case .put: return try await put(json)
        case .resolve: return try await resolve(json)
        case .archive, .unarchive, .trash, .recover, .purge: return try await change(name, json)
        case .quarantineList: return try await quarantineList(json)
        case .quarantineShow: return try await quarantineShow(json)
        case .quarantineRetry: return try await quarantineRetry(json)
        case .quarantineDrop: return try await quarantineDrop(json)
        case .status: return try await status()
        case .why: return try await why(json)
        case .peers: return try await peers()
        case .history: return try await history(json)
        case .sync: return try await sync(json)
        case .resetPeer: return try await resetPeer(json)
        case .importBatch: return try await importBatch(json)
        case .progress: return await progress()
        case .pair: return try await pair(json)
        case .trustKey: return try await trustKey(json)
        case .forgetOrigin: return try await forgetOrigin(json)
        case .forgetPeer: return try await forgetPeer(json)
        case .reload: return try await reload(json)
        case .verify: return try await verify(json)
        case .compact: return try await compact(json)
        case .importBundle: return try await importBundle(json)
        case .exportStart: return try await startExport()
        case .support: return try await support()
        case .replayerShow: return try await replayerShow(json)
        case .replayerChange: return try await replayerChange(json)
        }
    }

    /// Reads the log, with the store's failures as the command's.
    func read<Value: Sendable>(
        _ body: @Sendable (any LogReading) throws(StoreFailure) -> Value
    ) async throws(CommandFailure) -> Value {
        do { return try await node.store.read(body) } catch { throw CommandFailure(error) }
    }
}

extension JSON {
    /// A text member that must be there.
    func required(_ key: String) throws(CommandFailure) -> String {
        guard let text = self[key]?.string else { throw CommandFailure(.badRequest) }
        return text
    }

    /// A count within bounds, or the fallback.
    func limit(_ fallback: Int, most: Int) -> Int {
        guard let asked = self["limit"]?.integer, asked > 0 else { return fallback }
        return Int(min(asked, Int64(most)))
    }
}

/// One JSON object.
func jsonObject(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
    var writer = JSONWriter()
    writer.object(body)
    return writer.bytes
}
