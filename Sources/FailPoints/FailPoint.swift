/// Every place where a process that dies leaves something half done, were it not for the order in which things are done.
///
/// Only a build that asks for them has them (`FEDERATION_FAIL_POINTS` in the environment of `swift build`, which defines
/// `FAIL_POINTS`); in every other there is not a byte of this. `Tests/Robustness/crashes.py` kills a node at each.
package enum FailPoint: String, CaseIterable, Sendable {
    // MARK: A transaction of the store

    /// Nothing is begun.
    case beforeBegin = "before-begin"
    /// The write lock is held.
    case afterBegin = "after-begin"
    case wroteEvents = "wrote-events"
    /// A place whose event another variant takes.
    case wroteReplaced = "wrote-replaced"
    case wroteOrigins = "wrote-origins"
    case wroteItemBlocks = "wrote-item-blocks"
    case wroteArrivalBlocks = "wrote-arrival-blocks"
    case wroteRecords = "wrote-records"
    /// Pins, positions, health, the clock.
    case wroteState = "wrote-state"
    case wroteMeta = "wrote-meta"
    case wroteWireValues = "wrote-wire-values"
    case wroteQuarantine = "wrote-quarantine"
    case wroteHoles = "wrote-holes"
    case wroteEventsLost = "wrote-events-lost"
    case wroteAttestations = "wrote-attestations"
    /// Files inside a backup.
    case wroteKeptFiles = "wrote-kept-files"
    /// Everything is written, nothing is durable.
    case beforeCommit = "before-commit"
    /// All of it is durable, and nobody was told.
    case afterCommit = "after-commit"
    /// Whoever waits for the log to grow was told.
    case afterAnnounce = "after-announce"

    // MARK: The database's file

    /// It is there, and empty.
    case madeFile = "made-file"
    /// One step of the schema is done, in the transaction of all.
    case migrationStep = "migration-step"
    case beforeCheckpoint = "before-checkpoint"
    case afterCheckpoint = "after-checkpoint"
    case beforeRewrite = "before-rewrite"
    /// The file is written anew; its write-ahead log still has all of it.
    case afterRewrite = "after-rewrite"
    /// A backup's pages are written, its files and facts are not.
    case afterCopy = "after-copy"
    case afterFurnish = "after-furnish"
    /// Of a copy that is restored, what only a backup has is gone.
    case afterUnfurnish = "after-unfurnish"

    // MARK: Files

    case draftWritten = "draft-written"
    case draftFlushed = "draft-flushed"
    /// The new file has its name, which may not be on disk.
    case draftNamed = "draft-named"
    case secretWritten = "secret-written"
    case secretFlushed = "secret-flushed"
    /// The key has its name; the draft is still there.
    case secretLinked = "secret-linked"

    // MARK: Between what is durable and whoever is told

    /// A page of a peer is durable; its poll does not know.
    case pageCommitted = "page-committed"
    /// What a peer has brought is durable; it was not answered.
    case pushCommitted = "push-committed"
    /// A command's answer is made; nothing of it was sent.
    case commandDone = "command-done"
    /// What a replayer has dealt with is durable; its machine does not know.
    case replayerKept = "replayer-kept"

    // MARK: Work of several commits

    case setupKeyMade = "setup-key-made"
    case setupDatabaseMade = "setup-database-made"
    case epochBegun = "epoch-begun"
    case upgradeBatch = "upgrade-batch"
    case compactedRecords = "compacted-records"
    case nextKeyMade = "next-key-made"
    /// The database names the next key; its file is still beside the old one.
    case successorNamed = "successor-named"
    case nextKeyPromoted = "next-key-promoted"
    case newIdentityKeyMade = "new-identity-key-made"
    case cursorsForgotten = "cursors-forgotten"
    case ownEventsFetched = "own-events-fetched"
    case restoreCopied = "restore-copied"
    case restoreSettled = "restore-settled"
    /// The old hash is gone, the new backup has not got its name.
    case backupHashGone = "backup-hash-gone"
    case backupNamed = "backup-named"
    /// The database that takes a damaged one's place is whole; both are there.
    case recoverRebuilt = "recover-rebuilt"
    /// The damaged database is moved aside; its write-ahead log is where it was.
    case recoverDatabaseAside = "recover-database-aside"
    case recoverAllAside = "recover-all-aside"
}
