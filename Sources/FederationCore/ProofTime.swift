/// When an event was found to be proved as it is, and on what occasion.
///
/// The log keeps one only where that was not as the event came: what is proved at its arrival, which is nearly all, costs
/// nothing.
package struct ProofTime: Hashable, Sendable {
    /// The raw values stand in databases.
    package enum Occasion: Int, Hashable, Sendable, CaseIterable {
        /// Its arrival. Kept only where another copy has taken its place since.
        case arrival = 0
        /// Its signature was looked at again, because a key, a chain or what `verify` asks for was another.
        case review = 1
        /// Its origin's signed chain reached it.
        case chain = 2
        /// Another copy of it brought a signature, or a proof.
        case copy = 3
        /// Nobody has kept it: that was before the log did.
        case unknown = 4
        /// This node wrote it, and signed it as it did.
        case own = 5
    }

    package var occasion: Occasion
    /// `nil` where it is not known.
    package var at: WallTime?

    package init(_ occasion: Occasion, at time: WallTime?) {
        self.occasion = occasion
        at = time
    }
}

extension StoredEvent {
    /// What is to be kept once its proof becomes `verification`. What was proved and is, by whatever means, is proved since
    /// the same time.
    func proofTime(
        becoming verification: Verification, by occasion: ProofTime.Occasion, at now: WallTime
    ) -> ProofTime? {
        guard verification != self.verification, !(verification.isProved && self.verification.isProved) else {
            return proofTime
        }
        return ProofTime(occasion, at: now)
    }

    /// What is to be kept of another copy of this event, which comes later than the proof that it takes over.
    func proofTime(
        handedTo verification: Verification, in log: some LogReading
    ) throws(StoreFailure) -> ProofTime? {
        guard verification == self.verification || verification.isProved && self.verification.isProved else { return nil }
        return foundProved(keptAfter: try log.proofTimesKeptAfter())
    }

    /// When it was found to be proved as it is, or not to be.
    ///
    /// - Parameter keptAfter: see `LogReading.proofTimesKeptAfter`.
    /// - Returns: `nil` where nobody has looked.
    package func foundProved(keptAfter last: Int64) -> ProofTime? {
        guard verification != .none else { return nil }
        if let proofTime { return proofTime }
        // Every event that is written here is signed as it is written.
        if peer.isEmpty, verification.isProved { return ProofTime(.own, at: receivedAt) }
        return seq > last ? ProofTime(.arrival, at: receivedAt) : ProofTime(.unknown, at: nil)
    }
}

extension LogReading {
    /// The last place in the order of arrival that was taken before the log kept when events were proved; 0 where there is
    /// none.
    package func proofTimesKeptAfter() throws(StoreFailure) -> Int64 {
        try meta(.proofTimesAfter).flatMap { Int64($0) } ?? 0
    }
}
