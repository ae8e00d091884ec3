/// How many files, sockets and the like the process may hold open, and what of that its listeners may have.
///
/// The system's library of queues ends the process where it can open nothing more, at a moment of its own; so there has to
/// be room always, whoever connects.
package struct DescriptorBudget: Hashable, Sendable {
    /// What the process is to ask for: its limit, or more where it may have more.
    package var limit: Int

    /// `nil` where there are too few to work with.
    package init?(soft: Int, hard: Int) {
        limit = max(soft, min(hard, Limits.descriptors))
        guard limit >= Limits.leastDescriptors else { return nil }
    }

    /// How many connections one listener may have of so many descriptors. There are five listeners at most; databases,
    /// files and our own requests need what is left.
    package static func connections(of limit: Int) -> Int {
        max(1, (limit - Limits.descriptorsKept) / 5)
    }
}
