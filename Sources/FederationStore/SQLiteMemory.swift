internal import CSQLite

/// What SQLite keeps account of in this process.
package enum SQLiteMemory {
    /// Has SQLite no longer count what it takes: it would lock for every allocation. For a program, before its first
    /// connection; never for a library, whose host may ask SQLite.
    package static func stopCounting() { _ = csqlite_count_no_memory() }
}
