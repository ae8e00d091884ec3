/// Writes of ours in one transaction, which the caller owns. What each of them has to know of the log as a whole is read
/// once, and written once, behind them all.
package struct WritePass {
    private let writer: EventWriter
    private let stopped: StopReason?
    private var clock: NodeClock
    /// How many events were written.
    private var together = 0

    package init(_ writer: EventWriter, in log: some LogReading) throws(StoreFailure) {
        self.writer = writer
        stopped = try log.meta(.stopped).map { StopReason(stored: $0) }
        clock = try NodeClock(of: writer.node, in: log)
    }

    /// Writes what is asked for, or nothing.
    ///
    /// - Parameters:
    ///   - requestID: where given, a second write with the same one answers what the first did and writes nothing:
    ///     a retry after a lost answer is safe. At least the last `WriteRequestLog.limit` are remembered.
    ///   - random: for the random parts of ids.
    /// - Throws: with `refused` the log may hold a part of what was asked for, and the caller undoes it; this pass is as it was.
    package mutating func write(
        _ request: WriteRequest, requestID: String? = nil, now: WallTime, random: inout some RandomNumberGenerator,
        into log: inout some LogWriting
    ) throws(WriteFailure) -> Written {
        let before = clock
        let answer: Result<Written, WriteRefusal>
        do throws(StoreFailure) {
            answer = try written(request, requestID, now: now, random: &random, into: &log)
        } catch {
            throw .store(error)
        }
        switch answer {
        case .success(let written):
            if !written.isRepeated { together += written.events.count }
            return written
        case .failure(let refusal):
            clock = before
            throw .refused(refusal)
        }
    }

    /// Writes down what was given away of our numbers, and signs the chain of our events where that is due. To be called
    /// once, behind all writes: without it none of them may be committed. Where nothing was written it does nothing.
    package func finish(now: WallTime, in log: inout some LogWriting) throws(StoreFailure) {
        guard together > 0 else { return }
        try clock.write(to: &log)
        try WriteRequestLog.prune(through: clock.ownNumber, count: together, in: &log)
        try OwnChain(writer).signIfDue(together: together, quiet: .zero, now: now, in: &log)
    }

    private mutating func written(
        _ request: WriteRequest, _ requestID: String?, now: WallTime, random: inout some RandomNumberGenerator,
        into log: inout some LogWriting
    ) throws(StoreFailure) -> Result<Written, WriteRefusal> {
        if let requestID {
            guard (1...EventWriter.requestIDLength).contains(requestID.utf8.count) else {
                return .failure(.invalidRequestID)
            }
            if let earlier = try WriteRequestLog.answer(to: requestID, request, in: log) { return earlier }
        }
        if let stopped { return .failure(.stopped(stopped)) }
        let facts = try WriteFacts(of: request.subject, node: writer.node, traces: request.kind == "resolve", in: log)
        let drafts: [EventDraft]
        do throws(WriteRefusal) {
            drafts = try WritePlan(facts, sha256: writer.sha256, name: writer.name).drafts(for: request)
        } catch {
            return .failure(error)
        }
        var written = Written(subject: request.subject, events: [], isRepeated: false)
        for draft in drafts {
            let bits = (random.next() as UInt64, random.next() as UInt64)
            // Nothing has been written yet that the facts do not know of.
            let isFirst = written.events.isEmpty && draft.subject.isExactly(facts.subject)
            let stored = isFirst ? facts.stored : try log.events(of: draft.subject)
            switch try writer.append(draft, behind: stored, &clock, now: now, random: bits, in: &log) {
            case .success(let id): written.events.append(id)
            case .failure(let refusal): return .failure(refusal)
            }
        }
        if let requestID, !written.events.isEmpty {
            try WriteRequestLog.keep(requestID, request, written, through: clock.ownNumber, in: &log)
        }
        return .success(written)
    }
}
