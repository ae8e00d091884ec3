internal import Dispatch
internal import Synchronization

/// Runs an actor's jobs one after another on a thread of their own.
///
/// Swift's threads are as many as there are cores and wait for nobody: a call that waits for a disk, made on one of
/// them, would stop everything else.
package final class BlockingExecutor: SerialExecutor {
    private let queue: DispatchQueue
    private let queued = Atomic(0)

    /// Jobs that wait for their turn.
    var waiting: Int { queued.load(ordering: .relaxed) }

    package init(label: String) { queue = DispatchQueue(label: label) }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queued.add(1, ordering: .relaxed)
        queue.async {
            self.queued.subtract(1, ordering: .relaxed)
            unsafe job.runSynchronously(on: self.asUnownedSerialExecutor())
        }
    }

    package func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }
}
