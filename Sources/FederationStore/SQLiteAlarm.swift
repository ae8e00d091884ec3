internal import CSQLite
internal import Dispatch
internal import Synchronization

/// Interrupts what runs on a connection once its time is over.
///
/// `stop` before anything else is run there, and before the connection is closed: nothing is interrupted after it.
final class SQLiteAlarm: Sendable {
    private let isOver = Mutex(false)

    // SAFETY: `sqlite3_interrupt` may be called from any thread while the connection is open, and is not after `stop`.
    init(_ handle: OpaquePointer, after time: Duration) {
        nonisolated(unsafe) let handle = unsafe handle
        let milliseconds = Int(clamping: time.components.seconds * 1000 + time.components.attoseconds / 1_000_000_000_000_000)
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { [weak self] in
            self?.isOver.withLock { isOver in
                if !isOver { unsafe sqlite3_interrupt(handle) }
            }
        }
    }

    func stop() { isOver.withLock { $0 = true } }
}
