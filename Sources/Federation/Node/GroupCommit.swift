internal import FederationCore
internal import FederationCrypto
internal import FederationStore

/// Writes of ours that come while others are on their way to the disk: they go there together next.
///
/// Waiting for the disk is most of what a write costs, and it costs the same for one as for many. Nobody waits for
/// company: a write that finds none under way is begun at once.
actor GroupCommit {
    /// Requests of one transaction, with at most a page's bytes of text: a poll that waits for its turn does not wait for long.
    private static let most = 64

    /// What stands or falls together.
    private struct Write: Sendable {
        var requests: [WriteRequest]
        var requestID: String?
        var answer: CheckedContinuation<Result<[Written], UnmadeWrite>, Never>

        var evenIfFull: Bool { requests.allSatisfy(\.isRemoval) }
    }

    private var writer: EventWriter
    private let store: SQLiteStore
    private var waiting: [Write] = []
    private var isUnderWay = false

    init(_ writer: EventWriter, _ store: SQLiteStore) {
        self.writer = writer
        self.store = store
    }

    /// The name that events carry from now on.
    func rename(_ name: String) { writer.name = name }

    /// Writes events of ours: what all requests come to, or nothing. It is on disk when this returns, whatever became of
    /// those beside it.
    ///
    /// - Parameter requestID: names them together; each of several is remembered under it and its place.
    /// - Returns: what was written for each request.
    func write(_ requests: [WriteRequest], requestID: String?) async throws(UnmadeWrite) -> [Written] {
        let result = await withCheckedContinuation { answer in
            waiting.append(Write(requests: requests, requestID: requestID, answer: answer))
            guard !isUnderWay else { return }
            isUnderWay = true
            Task { await writeWaiting() }
        }
        return try result.get()
    }

    /// What `write` would come to, in a transaction of its own that is undone.
    func rehearse(_ requests: [WriteRequest], requestID: String?) async throws(UnmadeWrite) -> [Written] {
        let writer = writer
        return try await store.rehearse(evenIfFull: requests.allSatisfy(\.isRemoval)) {
            (log: inout SQLiteLog) throws(UnmadeWrite) in
            try writer.writeAlone(requests, requestID, into: &log)
        }
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
        var (count, requests, bytes) = (0, 0, 0)
        for write in waiting {
            requests += write.requests.count
            for request in write.requests { bytes += request.bytes }
            guard count == 0 || requests <= GroupCommit.most && bytes <= Limits.pageBytes else { break }
            count += 1
        }
        defer { waiting.removeFirst(count) }
        return Array(waiting.prefix(count))
    }

    private func alone(_ write: Write) async -> Result<[Written], UnmadeWrite> {
        let (writer, requests, requestID) = (writer, write.requests, write.requestID)
        do throws(UnmadeWrite) {
            return .success(
                try await store.attempt(evenIfFull: write.evenIfFull) { (log: inout SQLiteLog) throws(UnmadeWrite) in
                    try writer.writeAlone(requests, requestID, into: &log)
                })
        } catch {
            return .failure(error)
        }
    }

    /// In one transaction, where one that is refused leaves the others as they are.
    private func together(_ writes: [Write]) async throws(UnmadeWrite) -> [Result<[Written], UnmadeWrite>] {
        let writer = writer
        let writes = writes.map { ($0.requests, $0.requestID) }
        return try await store.attempt { (log: inout SQLiteLog) throws(UnmadeWrite) in
            var pass = try WritePass(beginning: writer, in: log)
            var results: [Result<[Written], UnmadeWrite>] = []
            for (requests, requestID) in writes {
                let before = pass
                do throws(UnmadeWrite) {
                    let written = try log.part { (log: inout SQLiteLog) throws(UnmadeWrite) in
                        try pass.write(requests, requestID, into: &log)
                    }
                    results.append(.success(written))
                } catch {
                    // After a failure of the disk the transaction may be gone.
                    guard case .refused = error.failure else { throw error }
                    pass = before
                    results.append(.failure(error))
                }
            }
            try pass.end(in: &log)
            return results
        }
    }
}

/// Why nothing was written, and what would have been changed by the request that failed.
struct UnmadeWrite: FailureOfStore, Hashable {
    var failure: WriteFailure
    var subject = ""

    init(_ failure: WriteFailure, subject: String) {
        self.failure = failure
        self.subject = subject
    }

    init(_ failure: StoreFailure) { self.failure = .store(failure) }
}

extension EventWriter {
    /// All of a transaction.
    fileprivate func writeAlone(
        _ requests: [WriteRequest], _ requestID: String?, into log: inout SQLiteLog
    ) throws(UnmadeWrite) -> [Written] {
        var pass = try WritePass(beginning: self, in: log)
        let written = try pass.write(requests, requestID, into: &log)
        try pass.end(in: &log)
        return written
    }
}

extension WritePass {
    fileprivate init(beginning writer: EventWriter, in log: SQLiteLog) throws(UnmadeWrite) {
        do throws(StoreFailure) { try self.init(writer, in: log) } catch { throw UnmadeWrite(error) }
    }

    fileprivate mutating func write(
        _ requests: [WriteRequest], _ requestID: String?, into log: inout SQLiteLog
    ) throws(UnmadeWrite) -> [Written] {
        var random = SystemRandom()
        var all: [Written] = []
        for (place, request) in requests.enumerated() {
            let name = requestID.map { requests.count == 1 ? $0 : "\($0).\(place)" }
            do throws(WriteFailure) {
                all.append(try write(request, requestID: name, now: SystemClock.now(), random: &random, into: &log))
            } catch {
                throw UnmadeWrite(error, subject: request.subject)
            }
        }
        return all
    }

    fileprivate func end(in log: inout SQLiteLog) throws(UnmadeWrite) {
        do throws(StoreFailure) { try finish(now: SystemClock.now(), in: &log) } catch { throw UnmadeWrite(error) }
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
