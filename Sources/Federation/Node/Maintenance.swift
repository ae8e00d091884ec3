internal import FederationCore
internal import FederationStore

/// What a daemon does now and then, whoever speaks to it: deferred events whose time has come are taken in, losing
/// variants are weighed again, signatures are looked at again, checkpoints are signed, and the data of what was purged goes.
struct Maintenance: Sendable {
    let node: Node

    private static let pause = Duration.seconds(30)

    func run() async {
        let pacemaker = Task { [bell = node.bell] in
            while (try? await Task.sleep(for: Maintenance.pause)) != nil { bell.ring() }
        }
        defer { pacemaker.cancel() }
        var rings = node.bell.stream.makeAsyncIterator()
        while !Task.isCancelled {
            do throws(StoreFailure) {
                try await node.reviewSignatures()
                try await node.signCheckpoints()
                let now = SystemClock.now()
                do throws(StoreFailure) {
                    let outcome = try await node.store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                        try node.intake.retryDue(now: now, limit: 500, into: &log)
                    }
                    if outcome.foundOwnFuture { PollLog(node: node).foundBehind(at: nil) }
                    if outcome.events > 0 { node.bell.ring() }
                } catch where error.isFull {
                    // What waits goes on waiting; what is to go, goes all the more.
                    try await node.store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                        try node.intake.removeDue(now: now, limit: 500, in: &log)
                    }
                }
            } catch {
                node.logger.warning("maintenance failed", ["store": "\(error)"])
            }
            // The next round, or something that should not wait for it.
            guard await rings.next(isolation: #isolation) != nil else { return }
        }
    }
}
