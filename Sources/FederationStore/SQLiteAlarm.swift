internal import CSQLite
internal import Dispatch
internal import Synchronization

/// Interrupts what runs on a connection: once its time is over, or when it is rung.
///
/// `stop` before anything else is run there, and before the connection is closed: nothing is interrupted after it.
@safe final class SQLiteAlarm: Sendable {
    private let isOver = Mutex(false)
    // SAFETY: `sqlite3_interrupt` may be called from any thread while the connection is open, and is not after `stop`.
    private nonisolated(unsafe) let handle: OpaquePointer

    /// - Parameter time: without one only `ring` interrupts.
    init(_ handle: OpaquePointer, after time: Duration?) {
        unsafe self.handle = handle
        guard let time else { return }
        let milliseconds = Int(clamping: time.components.seconds * 1000 + time.components.attoseconds / 1_000_000_000_000_000)
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { [weak self] in self?.ring() }
    }

    func ring() {
        isOver.withLock { isOver in
            if !isOver { unsafe sqlite3_interrupt(handle) }
        }
    }

    func stop() { isOver.withLock { $0 = true } }
}

/// What ends a look at all pages when the store is closed: the last connection that is closed has to be the writer's.
final class PageLook: Sendable {
    private let state = Mutex<(alarm: SQLiteAlarm?, isClosed: Bool)>((nil, false))

    /// Whether a look may begin; `alarm` is rung by `close` until `end`.
    func begin(_ alarm: SQLiteAlarm) -> Bool {
        state.withLock { state in
            guard !state.isClosed else { return false }
            state.alarm = alarm
            return true
        }
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    func end() { state.withLock { $0.alarm = nil } }

    func close() {
        state.withLock { state in
            state.isClosed = true
            state.alarm?.ring()
        }
    }
}
