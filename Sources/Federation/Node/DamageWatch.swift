internal import FederationCore
internal import FederationStore

/// Says when the database is found damaged, and looks at the pages that nobody has read for long.
///
/// A page that is read is looked at by SQLite itself. One that nobody reads would be found damaged on the day it is needed,
/// when the peer that has the same events may be gone.
struct DamageWatch: Sendable {
    let node: Node

    /// A large file was not looked at before the node began to write.
    private static let first = Duration.seconds(60)
    private static let pause = Duration.seconds(24 * 60 * 60)

    /// Ends with its task, or once there is damage: then a person is to act.
    func run() async {
        let looking = Task {
            var rest = DamageWatch.first
            while (try? await Task.sleep(for: rest)) != nil {
                rest = DamageWatch.pause
                do throws(StoreFailure) { _ = try await node.store.checkPages() } catch {
                    node.logger.warning("the database's pages could not be looked at", ["store": "\(error)"])
                }
            }
        }
        defer { looking.cancel() }
        let store = node.store
        let waiting = Task { await store.waitForDamage() }
        let isDamaged = await withTaskCancellationHandler { await waiting.value } onCancel: { waiting.cancel() }
        guard isDamaged, !Task.isCancelled else { return }
        node.logger.error("the database is damaged: nothing is written to it any more; stop the node and run 'federation recover'")
    }
}
