internal import FederationConfig
internal import FederationCore
internal import FederationStore

/// Freeing places in the node-wide clock.
extension CommandService {
    func forgetOrigin(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let name = try arguments.required("origin")
        let isDryRun = arguments["dry_run"]?.bool ?? false
        if let stopped = node.stopped { throw stopped.failure }
        let own = node.identity.id
        let peers = node.config.peers.map(\.name)
        let body: @Sendable (inout SQLiteLog) throws(CommandFailure) -> OriginForgetting = { log throws(CommandFailure) in
            do throws(OriginForgetting.Failure) {
                let plan = try OriginForgetting(named: name, node: own, peers: peers, in: log)
                do throws(StoreFailure) { try plan.write(now: SystemClock.now(), to: &log) } catch { throw .store(error) }
                return plan
            } catch {
                throw CommandFailure(error, origin: name)
            }
        }
        let plan = isDryRun ? try await node.store.rehearse(body) : try await node.store.attempt(body)
        return jsonObject { writer in
            writer.member("origin", plan.origin.description)
            writer.member("forgotten", !isDryRun)
            if isDryRun { writer.member("dry_run", true) }
            writer.member("counter", plan.counter)
            writer.member("log_events", plan.events)
            writer.member("peers", plan.peers)
            writer.member("entries", plan.entries)
            writer.member("limit", Limits.nodeClockEntries)
        }
    }
}

extension CommandFailure {
    fileprivate init(_ failure: OriginForgetting.Failure, origin: String) {
        switch failure {
        case .ownOrigin: self.init(.ownOrigin, ["origin": origin])
        case .unknownOrigin(let known): self.init(.unknownOrigin, ["origin": origin], list: known.map(\.description))
        case .store(let failure): self.init(failure)
        }
    }
}
