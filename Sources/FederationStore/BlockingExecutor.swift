internal import Dispatch

/// Runs an actor's jobs one after another on a thread of their own.
///
/// Swift's threads are as many as there are cores and wait for nobody: a call that waits for a disk, made on one of
/// them, would stop everything else.
final class BlockingExecutor: SerialExecutor {
    private let queue: DispatchQueue

    init(label: String) { queue = DispatchQueue(label: label) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { unsafe job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }

    func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }
}
