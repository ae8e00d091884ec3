internal import FederationCore
internal import FederationCrypto
internal import FederationStore

/// Writes of ours that come while others are on their way to the disk: they go there together next.
///
/// Waiting for the disk is most of what a write costs, and it costs the same for one as for many. Nobody waits for
/// company: a write that finds none under way is begun at once.
actor GroupCommit {
    /// Writes of one transaction, with at most a page's bytes of text: a poll that waits for its turn does not wait for long.
    private static let most = 64

    private struct Write: Sendable {
        var request: WriteRequest
        var requestID: String?
        var answer: CheckedContinuation<Result<Written, WriteFailure>, Never>
    }

    private let writer: EventWriter
    private let store: SQLiteStore
    private var waiting: [Write] = []
    private var isUnderWay = false

    init(_ writer: EventWriter, _ store: SQLiteStore) {
        self.writer = writer
        self.store = store
    }

    /// Writes an event of ours, or nothing; it is on disk when this returns, whatever became of those beside it.
    func write(_ request: WriteRequest, requestID: String?) async throws(WriteFailure) -> Written {
        let result = await withCheckedContinuation { answer in
            waiting.append(Write(request: request, requestID: requestID, answer: answer))
            guard !isUnderWay else { return }
            isUnderWay = true
            Task { await writeWaiting() }
        }
        return try result.get()
    }

    private func writeWaiting() async {
        while !waiting.isEmpty {
            let writes = next()
            if writes.count > 1, let results = try? await together(writes) {
                for (write, result) in zip(writes, results) { write.answer.resume(returning: result) }
                continue
            }
            // Alone, or there was no room for all of them, or the disk would not: each is to know what is true of it.
            for write in writes { write.answer.resume(returning: await alone(write)) }
        }
        isUnderWay = false
    }

    /// The first ones, and as many as go into one transaction.
    private func next() -> [Write] {
        var (count, bytes) = (0, 0)
        for write in waiting.prefix(GroupCommit.most) {
            bytes += write.request.bytes
            guard count == 0 || bytes <= Limits.pageBytes else { break }
            count += 1
        }
        defer { waiting.removeFirst(count) }
        return Array(waiting.prefix(count))
    }

    private func alone(_ write: Write) async -> Result<Written, WriteFailure> {
        let (writer, request, requestID) = (writer, write.request, write.requestID)
        do throws(WriteFailure) {
            return .success(
                try await store.attempt(evenIfFull: request.isRemoval) { (log: inout SQLiteLog) throws(WriteFailure) in
                    try writer.write(request, requestID, into: &log)
                })
        } catch {
            return .failure(error)
        }
    }

    /// In one transaction, where one that is refused leaves the others as they are.
    private func together(_ writes: [Write]) async throws(WriteFailure) -> [Result<Written, WriteFailure>] {
        let writer = writer
        let requests = writes.map { ($0.request, $0.requestID) }
        return try await store.attempt { (log: inout SQLiteLog) throws(WriteFailure) in
            var results: [Result<Written, WriteFailure>] = []
            for (request, requestID) in requests {
                do throws(WriteFailure) {
                    let written = try log.part { (log: inout SQLiteLog) throws(WriteFailure) in
                        try writer.write(request, requestID, into: &log)
                    }
                    results.append(.success(written))
                } catch {
                    // After a failure of the disk the transaction may be gone.
                    guard case .refused = error else { throw error }
                    results.append(.failure(error))
                }
            }
            return results
        }
    }
}

extension EventWriter {
    fileprivate func write(
        _ request: WriteRequest, _ requestID: String?, into log: inout SQLiteLog
    ) throws(WriteFailure) -> Written {
        var random = SystemRandom()
        return try write(request, requestID: requestID, now: SystemClock.now(), random: &random, into: &log)
    }
}

extension WriteRequest {
    /// Of its text, which is nearly all that it has.
    fileprivate var bytes: Int {
        switch self {
        case .create(_, let snapshot), .update(_, let snapshot, _): snapshot.body.utf8.count
        case .resolve(_, .custom(let body), _): body.utf8.count
        case .resolve(_, .accept, _), .change, .move, .purge: 0
        }
    }
}
