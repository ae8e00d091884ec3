internal import FederationCore
#if FAIL_POINTS
    internal import FailPoints
#endif

/// The tables of the store and how a database gets them. A step, once released, never changes; new ones follow it.
enum Schema {
    /// `fdrn`, what `file` and a stranger's program tell our databases by.
    static let applicationID: Int32 = 0x6664_726E

    /// The version this program writes.
    static var version: Int { steps.count }

    /// Brings the database to `version`; it has either all of the steps or those it had.
    ///
    /// - Throws: `notOurs` for another application's database, `newerSchema` for one that this program is too old for.
    static func migrate(
        _ connection: borrowing SQLiteConnection, by steps: [SQL] = Schema.steps
    ) throws(StoreFailure) {
        let version = steps.count
        // Twice: another application's file must not even be given a journal mode, and another process may have
        // done the steps while we waited for the lock.
        guard try found(in: connection, known: version) < version else { return }
        try storing { () throws(SQLiteError) in try connection.makeDurable() }
        try connection.transaction { () throws(StoreFailure) in
            let found = try found(in: connection, known: version)
            try storing { () throws(SQLiteError) in
                for step in steps[found...] {
                    try connection.script(step)
                    #if FAIL_POINTS
                        FailPoint.migrationStep.pass()
                    #endif
                }
                try ItemTally.build(in: connection)
                try connection.setApplicationID(applicationID)
                try connection.setUserVersion(version)
            }
        }
    }

    /// The version the database has; 0 for one that has nothing yet.
    static func found(
        in connection: borrowing SQLiteConnection, known version: Int = Schema.version
    ) throws(StoreFailure) -> Int {
        let (application, found, isEmpty) = try storing { () throws(SQLiteError) in
            let tables = try connection.first("SELECT 1 FROM sqlite_schema LIMIT 1") { $0.integer(0) }
            return (try connection.applicationID(), try connection.userVersion(), tables == nil)
        }
        if application == 0, found == 0, isEmpty { return 0 }
        guard application == applicationID, found > 0 else { throw .notOurs }
        guard found <= version else { throw .newerSchema(found: found) }
        return found
    }

    static let steps: [SQL] = [
        first, items, proofs, holes, attestations, incomplete, ArrivalTally.schema, asideByTime, proofTimes,
        plainHashes,
    ]

    /// Times are milliseconds since 1970, hashes their 32 bytes, clocks and lists JSON.
    private static let first: SQL = """
        -- The log in order of arrival. A row read whole is read by the place of its columns: add new ones at the end.
        CREATE TABLE events(
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            digest BLOB NOT NULL,
            signed_hash BLOB NOT NULL,
            origin TEXT NOT NULL,
            origin_name TEXT NOT NULL,
            number INTEGER,
            subject TEXT NOT NULL,
            action TEXT NOT NULL,
            family TEXT NOT NULL,
            scope TEXT,
            timestamp TEXT NOT NULL,
            clock TEXT NOT NULL,
            signature TEXT,
            public_key TEXT,
            verified INTEGER NOT NULL,
            peer TEXT NOT NULL,
            received_at INTEGER NOT NULL,
            data_seen INTEGER NOT NULL,
            hold TEXT,
            replacements INTEGER NOT NULL,
            replaced_at INTEGER,
            -- Of a stub, the hashes of its data as it came and in normal form.
            stub BLOB,
            -- Byte for byte as it came; last, so that the columns before it are read without it.
            data BLOB,
            CHECK ((data IS NULL) <> (stub IS NULL))
        ) STRICT;
        CREATE INDEX events_by_subject ON events(subject, id);
        CREATE INDEX events_by_number ON events(origin, number) WHERE number IS NOT NULL;
        CREATE INDEX events_held ON events(id) WHERE hold IS NOT NULL;

        -- Where an event stood before another variant took its id: a position on it stays good.
        CREATE TABLE replaced(seq INTEGER PRIMARY KEY, id TEXT NOT NULL) STRICT;

        -- What could be counted from the log, kept because counting a million rows takes too long for a poll.
        CREATE TABLE origins(
            origin TEXT PRIMARY KEY,
            events INTEGER NOT NULL,
            distinct_numbers INTEGER NOT NULL,
            highest_number INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE records(
            subject TEXT PRIMARY KEY,
            heads TEXT NOT NULL,
            shown TEXT,
            diverged INTEGER NOT NULL,
            incomplete INTEGER NOT NULL,
            title TEXT NOT NULL,
            type TEXT NOT NULL,
            author TEXT NOT NULL,
            tags TEXT NOT NULL,
            derived_from TEXT NOT NULL,
            tier TEXT NOT NULL,
            lifecycle TEXT NOT NULL,
            votes INTEGER NOT NULL,
            purge_event TEXT,
            purge_action TEXT,
            purge_reason TEXT,
            created TEXT NOT NULL,
            updated TEXT NOT NULL,
            origin TEXT NOT NULL,
            held INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX records_diverged ON records(subject) WHERE diverged;

        -- As Noema has it.
        CREATE TABLE federation_state(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE wire_values(
            wire TEXT NOT NULL, peer TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
            PRIMARY KEY (wire, peer, key)
        ) STRICT, WITHOUT ROWID;

        -- What is kept of events that are not in the log.
        CREATE TABLE quarantine(
            row INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            peer TEXT NOT NULL,
            reason TEXT NOT NULL,
            code TEXT NOT NULL,
            event_id TEXT NOT NULL,
            subject TEXT NOT NULL,
            hash BLOB NOT NULL UNIQUE,
            first_seen INTEGER NOT NULL,
            last_seen INTEGER NOT NULL,
            count INTEGER NOT NULL,
            retry_at INTEGER,
            bytes BLOB NOT NULL
        ) STRICT;
        CREATE INDEX quarantine_by_peer ON quarantine(peer, kind, first_seen);
        CREATE INDEX quarantine_due ON quarantine(retry_at) WHERE retry_at IS NOT NULL;
        """

    /// The log as a set in order of (milliseconds of the id, digest), for reconciliation (`ItemTally`).
    private static let items: SQL = """
        -- The first ten characters of a ULID are its time, and in its order.
        CREATE INDEX events_by_item ON events(substr(id, 1, 10), digest);
        -- Items that follow one another, with their number and the sum of their digests. `ItemTally` keeps them.
        CREATE TABLE item_blocks(
            time TEXT NOT NULL, digest BLOB NOT NULL, events INTEGER NOT NULL, sum BLOB NOT NULL,
            PRIMARY KEY (time, digest)
        ) STRICT, WITHOUT ROWID;
        -- What left the log: whoever deletes a row of it, the counts follow at the next write.
        CREATE TABLE events_lost(
            time TEXT NOT NULL, digest BLOB NOT NULL, origin TEXT NOT NULL, number INTEGER
        ) STRICT;
        CREATE TRIGGER event_lost AFTER DELETE ON events BEGIN
            INSERT INTO events_lost VALUES (substr(old.id, 1, 10), old.digest, old.origin, old.number);
        END;
        -- The sum of the digests of an origin's events.
        ALTER TABLE origins ADD COLUMN sum BLOB NOT NULL
            DEFAULT x'0000000000000000000000000000000000000000000000000000000000000000';
        -- What peers name an event by that is not in the log.
        ALTER TABLE quarantine ADD COLUMN digest BLOB;
        CREATE INDEX quarantine_by_digest ON quarantine(digest) WHERE digest IS NOT NULL;
        """

    /// What is not proved (`Verification.isProved`), for counting it and for looking at it again.
    private static let proofs: SQL = """
        CREATE INDEX events_unproved ON events(seq, verified) WHERE verified NOT IN (2, 3, 4);
        """

    /// Numbers that are missing in the sequence of an origin, and since when.
    private static let holes: SQL = """
        CREATE TABLE holes(
            origin TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, since INTEGER NOT NULL,
            PRIMARY KEY (origin, first), CHECK (first <= last)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX holes_by_time ON holes(since);
        -- A hole was there once the event above it was.
        INSERT INTO holes
            SELECT origin, before + 1, number - 1,
                (SELECT min(received_at) FROM events AS above WHERE above.origin = gaps.origin AND above.number = gaps.number)
            FROM (
                SELECT origin, number, lag(number, 1, 0) OVER (PARTITION BY origin ORDER BY number) AS before
                FROM events WHERE number IS NOT NULL
            ) AS gaps
            WHERE number > before + 1;
        -- When a row left the log, by the clock of whoever deleted it.
        ALTER TABLE events_lost ADD COLUMN lost_at INTEGER NOT NULL DEFAULT 0;
        UPDATE events_lost SET lost_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000;
        DROP TRIGGER event_lost;
        CREATE TRIGGER event_lost AFTER DELETE ON events BEGIN
            INSERT INTO events_lost VALUES (
                substr(old.id, 1, 10), old.digest, old.origin, old.number, CAST(strftime('%s', 'now') AS INTEGER) * 1000);
        END;
        """

    /// Records whose shown head lacks its `data`: each poll looks whether there are any.
    private static let incomplete: SQL = """
        CREATE INDEX records_incomplete ON records(subject) WHERE incomplete;
        """

    /// What was put aside last: the page looks at it every few seconds.
    private static let asideByTime: SQL = """
        CREATE INDEX quarantine_by_time ON quarantine(first_seen);
        """

    /// `signed_hash` may be empty from here on (`EventFingerprint.signedHash`), which a program for an earlier step takes for
    /// damage.
    private static let plainHashes: SQL = "-- Nothing that is there changes."

    /// When an event was found to be proved as it is, where that was not as it came (`ProofTime`).
    private static let proofTimes: SQL = """
        ALTER TABLE events ADD COLUMN verified_at INTEGER;
        ALTER TABLE events ADD COLUMN verified_by INTEGER;
        -- Whether what is here was proved as it came or later, nobody has kept.
        INSERT OR REPLACE INTO meta
            SELECT 'proof_times_after', CAST(max(seq) AS TEXT) FROM events HAVING max(seq) IS NOT NULL;
        """

    /// What origins say of their histories, beside the log. `text` is the attestation's JSON.
    private static let attestations: SQL = """
        CREATE TABLE attestations(
            row INTEGER PRIMARY KEY AUTOINCREMENT,
            origin TEXT NOT NULL,
            kind TEXT NOT NULL,
            number INTEGER NOT NULL,
            text TEXT NOT NULL,
            fits INTEGER NOT NULL,
            received_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX attestations_by_origin ON attestations(origin, kind, number);
        """
}
