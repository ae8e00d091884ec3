internal import FederationCore
internal import FederationStore

/// Says when the database is found damaged, and looks at the pages that nobody has read for long.
///
/// A page that is read is looked at by SQLite itself. One that nobody reads would be found damaged on the day it is needed,
/// when the peer that has the same events may be gone.
struct DamageWatch: Sendable {
    let node: Node

    private static let first = Duration.seconds(60)
    private static let pause = Duration.seconds(24 * 60 * 60)

    /// How long after its start a node looks: a day after it looked last, so that one which is started often does not read
    /// its whole file each time.
    ///
    /// - Parameter last: as the database says; one in the future is a clock that was set, and counts for nothing.
    static func rest(since last: WallTime?, at now: WallTime) -> Duration {
        guard let last, last <= now else { return first }
        return max(first, pause - now.since(last))
    }

    /// Ends with its task, or once there is damage: then a person is to act.
    func run() async {
        let looking = Task { await look() }
        defer { looking.cancel() }
        let store = node.store
        let waiting = Task { await store.waitForDamage() }
        let isDamaged = await withTaskCancellationHandler { await waiting.value } onCancel: { waiting.cancel() }
        guard isDamaged, !Task.isCancelled else { return }
        node.logger.error("the database is damaged: nothing is written to it any more; stop the node and run 'federation recover'")
    }

    private func look() async {
        let said = try? await node.store.read { (log) throws(StoreFailure) in try log.meta(.pagesChecked) }
        let last = said.flatMap { Int64($0) }.map(WallTime.init(milliseconds:))
        var rest = DamageWatch.rest(since: last, at: SystemClock.now())
        while (try? await Task.sleep(for: rest)) != nil {
            rest = DamageWatch.pause
            do throws(StoreFailure) {
                guard try await node.store.checkPages() else { continue }
                let now = String(SystemClock.now().milliseconds)
                try await node.store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                    try log.setMeta(.pagesChecked, now)
                }
            } catch {
                // The node stops.
                guard error != .interrupted else { return }
                node.logger.warning("the database's pages could not be looked at", ["store": "\(error)"])
            }
        }
    }
}
