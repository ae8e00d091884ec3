import FederationCore
import Glibc
import Synchronization
import Testing

@testable import Federation
@testable import FederationStore

/// A backup that an older program made is checked on a copy.
@Suite struct BackupCheckTests {
    private static let vectors = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        .joined(separator: "/") + "/Vectors/federation-0.1.0/"

    private func directories() -> Set<String> {
        var names: Set<String> = []
        guard let listing = opendir(PrivateDirectory.parent) else { return [] }
        defer { closedir(listing) }
        while let entry = readdir(listing) {
            names.insert(withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return names.filter { $0.hasPrefix("federation-check") }
    }

    @Test func aCopyLiesWhereNobodyElseCanPutAJournal() async throws {
        let directory = try #require(PrivateDirectory.make("federation-old"))
        let file = directory + "/old.db"
        defer {
            ImportRehearsal.remove(file)
            rmdir(directory)
        }
        try FileCopy.make(of: BackupCheckTests.vectors + "federation.db", at: file)
        do {
            let manifest = BackupManifest(
                madeAt: "2026-01-01T00:00:00Z", id: .min, name: "alpha", publicKey: nil, events: 1, digest: "none")
            let connection = try SQLiteConnection(path: file, mode: .readWrite)
            try connection.script("PRAGMA journal_mode = DELETE")
            try connection.script("CREATE TABLE kept_files(name TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT")
            try connection.run(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", MetaKey.backup.rawValue,
                String(decoding: manifest.json, as: UTF8.self))
        }
        let before = directories()
        let seen = Mutex<Set<String>>([])
        let check = try await BackupCheck.run(file) { [self] _, _ in
            let new = directories().subtracting(before)
            seen.withLock { $0.formUnion(new) }
        }.check
        #expect(check.problems.contains("digest_differs") && !check.problems.contains("damaged"), "\(check.problems)")
        #expect(!check.isHashCompared)
        // It was a directory, and is gone.
        #expect(seen.withLock { $0.count } == 1)
        #expect(directories() == before)
    }

    @Test func aPrivateDirectoryIsOfOneProcess() throws {
        let (one, two) = (try #require(PrivateDirectory.make("federation-a")), try #require(PrivateDirectory.make("federation-a")))
        defer { for path in [one, two] { rmdir(path) } }
        var facts = stat()
        #expect(one != two && lstat(one, &facts) == 0)
        #expect(facts.st_mode & S_IFMT == S_IFDIR && facts.st_mode & 0o777 == 0o700)
        #expect(PrivateDirectory.make("no/such/place") == nil)
    }
}
