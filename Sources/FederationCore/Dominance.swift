/// Where an event stands among the others of its subject: its id, its clock and its place in its origin's sequence.
package struct DottedClock: Hashable, Sendable {
    /// One event of one origin.
    package struct Dot: Hashable, Sendable {
        package var origin: ULID
        package var number: UInt64

        package init(origin: ULID, number: UInt64) {
            self.origin = origin
            self.number = number
        }
    }

    package let id: ULID
    /// The entries of the clock that are compared.
    package let clock: VectorClock
    /// `nil` for an undotted event: its clock lacks its own origin's entry, or its origin is no ULID.
    package let dot: Dot?

    package init(_ event: Event) {
        id = event.id
        clock = event.clock.vector
        dot = if let origin = event.originID, let number = event.number { Dot(origin: origin, number: number) } else { nil }
    }

    /// Whether this event replaces `other`: whoever wrote it had seen what `other` says.
    ///
    /// - Both dotted: `other`'s clock is below this one's in every component and not equal, and the two are not the
    ///   same number of the same origin. (An origin that used a number twice wrote two events side by side.)
    /// - `other` undotted: this one has the greater id. Such an event says nothing of what it knew, so order of time
    ///   stands in.
    /// - Only `other` dotted: never.
    ///
    /// No chain of events each dominating the one before returns to its start: a dotted event is dominated by dotted
    /// ones only, along a strict order of clocks, and an undotted one only by greater ids. The relation is not
    /// transitive, and nothing may rely on it being so.
    package func dominates(_ other: DottedClock) -> Bool {
        guard let theirs = other.dot else { return id > other.id }
        guard let dot, dot != theirs else { return false }
        // One look-up settles most pairs: who has not seen the other's own number has not seen the other.
        guard clock[theirs.origin] >= theirs.number else { return false }
        return other.clock.isCovered(by: clock) && other.clock != clock
    }

    /// Whether this event was certainly written with knowledge of `other`: both are dotted and it dominates.
    package func isCausallyAfter(_ other: DottedClock) -> Bool {
        dot != nil && other.dot != nil && dominates(other)
    }
}

/// The members of a set of events that no other member dominates.
package enum Dominance {
    /// They are never none, unless `members` is empty, because the relation has no cycles.
    ///
    /// Looks newest first and stops at the first dominator, so a history where each event builds on the one before
    /// costs one comparison an event and not one a pair.
    ///
    /// - Parameter members: in order of id, each id once.
    /// - Returns: indices into `members`, rising.
    package static func maximal(_ members: [DottedClock]) -> [Int] {
        members.indices.filter { isMaximal($0, in: members) }
    }

    /// The index of the maximal member with the greatest id; `nil` if there are no members.
    ///
    /// - Parameter members: in order of id, each id once.
    package static func greatestMaximal(_ members: [DottedClock]) -> Int? {
        members.indices.last { isMaximal($0, in: members) }
    }

    private static func isMaximal(_ index: Int, in members: [DottedClock]) -> Bool {
        !members.indices.reversed().contains { $0 != index && members[$0].dominates(members[index]) }
    }
}
