/// The id and the clock of an event that this node writes, inside the transaction that stores it.
enum Minting {
    /// Greater than now, than every id in the log that is not early, and than every id of the subject: whoever reads by
    /// id meets our event after all that it builds on, even where clocks disagree.
    ///
    /// Above another id it is a random step, never just the next one: two nodes that look back on the same id would
    /// both take that, and one of their events would be lost to the other.
    ///
    /// - Parameter random: becomes the random part where now is the greatest, and the step where it is not.
    static func id(
        for subject: String, now: WallTime, random: (UInt64, UInt64), in log: some LogReading
    ) throws(StoreFailure) -> Result<ULID, WriteRefusal> {
        let early = now.advanced(by: Limits.earlyAfter)
        let bound = ULID(milliseconds: early.milliseconds, random: (.max, .max))
        let fresh = ULID(milliseconds: now.milliseconds, random: random)
        var id = fresh
        for floor in [try log.greatestID(through: bound), try log.greatestID(of: subject)] {
            guard let floor, floor >= id else { continue }
            guard let next = floor.advanced(by: max(random.1, 1)) else { return .failure(.subjectAhead(floor)) }
            id = next
        }
        // Every other node would set it aside until its time.
        guard id.time <= now.advanced(by: Limits.deferredAfter) else { return .failure(.subjectAhead(id)) }
        return .success(id)
    }

    /// What an event of ours says that we knew: our own number, and the clocks of the applied events of its subject
    /// that it builds on.
    ///
    /// A create or update takes over the clocks of creates and updates only. A vote or an archiving speaks of content
    /// that this node may lack, and an edit that covered its clock would hide that content unseen.
    ///
    /// - Parameter applied: the applied events of the subject.
    static func clock(
        of action: NoemaAction, number: UInt64, node: ULID, applied: [Event]
    ) -> Result<VectorClock, WriteRefusal> {
        var clock = VectorClock()
        for event in applied where !action.isContent || event.knownAction?.isContent == true {
            clock.merge(event.clock.vector)
        }
        clock[node] = number
        // More than this no node takes in, so that an event past it would reach nobody.
        let limit = min(Limits.recordClockEntries, Limits.receivedClockEntries)
        return clock.count <= limit ? .success(clock) : .failure(.clockTooLarge(entries: clock.count, limit: limit))
    }
}

extension ULID {
    /// The ULID `step` after this one, or `nil` past the last.
    fileprivate func advanced(by step: UInt64) -> ULID? {
        let (low, carry) = low.addingReportingOverflow(step)
        let (high, overflow) = high.addingReportingOverflow(carry ? 1 : 0)
        return overflow ? nil : ULID(high: high, low: low)
    }
}
