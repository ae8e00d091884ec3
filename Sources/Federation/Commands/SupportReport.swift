internal import FederationCore
internal import FederationStore

extension CommandService {
    /// What only the node itself knows for `federation support`: its peers, its numbers, and the last lines of its log.
    func support() async throws(CommandFailure) -> [UInt8] {
        let facts: NodeMetrics
        do throws(StoreFailure) { facts = try await node.metrics() } catch { throw CommandFailure(error) }
        let peers = try await known()
        let text = MetricFamily.text(facts.families(now: SystemClock.now()), as: .prometheus)
        let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
        return jsonObject {
            $0.key("why")
            $0.raw(peers)
            $0.member("metrics", lines)
            $0.member("log", node.logger.tail?.lines ?? [])
        }
    }
}
