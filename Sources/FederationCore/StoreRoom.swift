/// What is known of the room that a database has, in bytes.
package struct DiskFacts: Hashable, Sendable {
    /// The database, as it is once its write-ahead log is folded into it.
    package var database: Int64
    /// Of these, pages that hold nothing any more and are used again before the file grows.
    package var reusable: Int64
    /// The write-ahead log's file.
    package var writeAheadLog: Int64
    /// What the file system has left for us; `nil` where it does not say.
    package var free: Int64?

    package init(database: Int64, reusable: Int64, writeAheadLog: Int64, free: Int64?) {
        self.database = database
        self.reusable = reusable
        self.writeAheadLog = writeAheadLog
        self.free = free
    }

    /// Whether the database can be written anew without what is free in it: for a while it is there three times, as it
    /// is, as it is to be, and on its way there.
    package func canBeRewritten(keeping reserve: Int64 = Limits.diskReserve) -> Bool {
        free.map { $0 - 2 * (database - reusable) >= reserve } ?? true
    }
}

/// How large a store may become, and whether there is room for more.
///
/// It refuses before the disk is full: a file system without a byte left stops also what would free some, and other
/// programs. Only what makes the log longer is refused; reading, state, health, a purge and dropping evidence go on.
package struct StoreRoom: Hashable, Sendable {
    package enum Verdict: Hashable, Sendable {
        case enough
        /// There is, once the write-ahead log is folded into the database.
        case foldFirst
        /// The bytes that it may have are used up.
        case quotaReached(limit: Int64)
        /// The file system has less left than is to be kept free.
        case diskFull
    }

    /// `store.max_size`; `nil` for as much as the disk has.
    package var maxBytes: Int64?

    /// What the file system is to keep free.
    package var reserve: Int64

    package init(maxBytes: Int64? = nil, reserve: Int64 = Limits.diskReserve) {
        self.maxBytes = maxBytes
        self.reserve = reserve
    }

    /// - Parameters:
    ///   - facts: with what a transaction has added to the database and not yet committed.
    ///   - pending: bytes of it that are still to be written to the write-ahead log.
    package func verdict(on facts: DiskFacts, pending: Int64 = 0) -> Verdict {
        // They are written twice: to the write-ahead log, and from there to the database.
        if let free = facts.free, free - 2 * pending < reserve { return .diskFull }
        guard let maxBytes else { return .enough }
        let used = facts.database - facts.reusable
        if used + facts.writeAheadLog + pending <= maxBytes { return .enough }
        return used <= maxBytes && facts.writeAheadLog > 0 ? .foldFirst : .quotaReached(limit: maxBytes)
    }

    /// Why the log takes in nothing more, as a code; `nil` where it does.
    package func fullness(on facts: DiskFacts) -> String? {
        switch verdict(on: facts) {
        case .quotaReached: "store_quota"
        case .diskFull: "disk_full"
        case .enough, .foldFirst: nil
        }
    }
}
