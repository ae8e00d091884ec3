import FederationCore
import FederationCrypto
import FederationHTTP
import FederationStore
import Glibc

/// The poll that Noema's Go line does, over our own engine: one page at a time, the next asked for once all of its events
/// are committed, each in a transaction of its own. `make bench` puts it beside the daemon, to show what the design buys.
///
///     PagedPoll ENDPOINT DATABASE [PAGE [COMMIT]]    events asked for at one time (100), and committed together (1)
///
/// It reads the native wire of a node at ENDPOINT to the end of its log into a new DATABASE, durable as any store of ours,
/// with the same intake and the same records; it looks at no signature (`verify: off`).
@main struct PagedPoll {
    static func main() async throws {
        let words = CommandLine.arguments
        guard (3...5).contains(words.count), let page = number(words, 3, 100), let commit = number(words, 4, 1) else {
            print("usage: PagedPoll ENDPOINT DATABASE [PAGE [COMMIT]]")
            exit(2)
        }
        let store = try SQLiteStore(path: words[2])
        let client = CurlClient()
        var position = ""
        var isOver = false
        while !isOver {
            let after = position.isEmpty ? "" : "&after=\(position)"
            let request = HTTPRequest(
                .get, "/federation/v1/events?limit=\(page)\(after)", maxAnswerBytes: Limits.nativeAnswerBytes)
            let response = try await client.perform(request, endpoint: words[1]).response
            guard response.status == 200, let next = response.fields["Federation-Position"] else {
                print("the node answered \(response.status)")
                exit(1)
            }
            let events = response.body.split(separator: 0x0A).map { PulledItem(json: Array($0)) }
            for start in stride(from: 0, to: events.count, by: commit) {
                try await take(events[start..<min(events.count, start + commit)], into: store)
            }
            position = next
            isOver = response.fields["Federation-More"] != "true"
        }
        let count = try await store.read { (log) throws(StoreFailure) in try log.eventCount() }
        print("\(count) events")
        fflush(nil)
        await store.close()
    }

    /// One transaction.
    private static func take(_ events: ArraySlice<PulledItem>, into store: SQLiteStore) async throws {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let now = WallTime(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
        let intake = Intake(
            IntakePolicy(node: ULID.max, sha256: sha256, isOwnSignature: { _, _ in false }, originCheck: { _, _ in .none }))
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
            _ = try intake.take(PulledPage(items: Array(events), cursor: .none), from: "bench", now: now, into: &log)
        }
    }

    /// A positive number of the command line, or what stands for it.
    private static func number(_ words: [String], _ place: Int, _ otherwise: Int) -> Int? {
        guard words.count > place else { return otherwise }
        return Int(words[place]).flatMap { $0 > 0 ? $0 : nil }
    }
}
