internal import CSQLite
internal import Glibc

/// What a thread has done so far, as the system counts it: time on a processor, and bytes read and written.
///
/// The number grows while the thread works, also where it waits for a disk that answers; it stands still where one does not.
enum ThreadWork {
    /// The thread that asks.
    static var current: Int32 { csqlite_thread() }

    static func count(of thread: Int32) -> UInt64 {
        let place = "/proc/self/task/\(thread)/"
        // Behind the name, which may hold anything: state, and 10 numbers before the two times.
        let stat = text(place + "stat")
        let fields = stat.lastIndex(of: ")").map { stat[$0...].split(separator: " ") } ?? []
        let times = fields.dropFirst(12).prefix(2).compactMap { UInt64($0) }
        let bytes = text(place + "io").split(separator: "\n").prefix(2).compactMap {
            $0.split(separator: " ").last.flatMap { UInt64($0) }
        }
        return (times + bytes).reduce(0, &+)
    }

    private static func text(_ path: String) -> String {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var room = [UInt8](repeating: 0, count: 4096)
        let count = unsafe read(file, &room, room.count)
        return String(decoding: room.prefix(max(0, count)), as: UTF8.self)
    }
}
