import FederationCore
import FederationStore
import FederationTestKit
import Glibc
import Testing

private let pageSize = 20

/// Writes pages until it is killed, and notes each one once the store has said that it is on disk.
private func writeUntilKilled(in directory: String) async throws {
    let store = try SQLiteStore(path: directory + "/federation.db")
    var page = try await store.read { log throws(StoreFailure) in try log.eventCount() } / Int64(pageSize)
    let note = open(directory + "/acknowledged", O_WRONLY | O_CREAT, 0o600)
    precondition(note >= 0)
    while true {
        let first = page * Int64(pageSize)
        let entries = try (1...Int64(pageSize)).map { number in
            try Sample.entry(
                Sample.event(
                    Sample.id(first + number), "create", "20260101-\(first + number)",
                    clock: [1: UInt64(first + number)], body: String(repeating: "x", count: 500)))
        }
        let cursor = entries[entries.count - 1].event.id.description
        try await store.write { log throws(StoreFailure) in
            for entry in entries { _ = try log.append(entry) }
            try log.setState("peer:a:last_event", cursor)
        }
        page += 1
        withUnsafeBytes(of: &page) { _ = pwrite(note, $0.baseAddress, $0.count, 0) }
    }
}

@Test func whatWasAcknowledgedOutlivesAKill() async throws {
    let scratch = ScratchDirectory()
    var acknowledged: Int64 = 0
    var moments = [5, 40, 90, 30][...]
    // However slow the machine, something is acknowledged before one of the kills.
    var later = 400
    while let milliseconds = moments.popFirst() {
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = scratch.path as String, milliseconds = milliseconds as Int] in
            // From another thread, so that it falls anywhere: into a commit, a checkpoint, or between them.
            Task.detached {
                try await Task.sleep(for: .milliseconds(200 + milliseconds))
                kill(getpid(), SIGKILL)
            }
            try await writeUntilKilled(in: path)
        }
        let store = try SQLiteStore(path: scratch.file("federation.db"))
        #expect(try await store.isSound())
        let noted = scratch.read("acknowledged")
        if noted.count == 8 { acknowledged = noted.reversed().reduce(0) { $0 << 8 | Int64($1) } }
        try await store.read { [acknowledged] log throws(StoreFailure) in
            let count = try log.eventCount()
            #expect(count % Int64(pageSize) == 0, "a page is there whole or not at all")
            #expect(count >= acknowledged * Int64(pageSize), "what was acknowledged is there")
            #expect(try log.head()?.seq == (count == 0 ? nil : count))
            #expect(try log.state("peer:a:last_event") == (count == 0 ? nil : Sample.id(count).description))
            #expect(try log.origins().first?.highestNumber == (count == 0 ? nil : UInt64(count)))
        }
        await store.close()
        if moments.isEmpty, acknowledged == 0, later < 30_000 {
            moments.append(later)
            later *= 2
        }
    }
    #expect(acknowledged > 0)
}
