/// Two events of one id with different digests: which one every node keeps, whatever the order they came in.
package enum Variants {
    /// How strong a claim to its id is. The greatest of all variants met holds it.
    package struct Claim: Hashable, Comparable, Sendable {
        /// The one that the origin's signed chain names, then a signature under a pinned key, then under another.
        package var rank: Int
        /// A full event before a stub. A stub that was made here counts as what it was made of, or the order of a
        /// purge and a variant would decide.
        package var dataSeen: Bool
        /// Of two stubs, one whose digest follows from its signed hash.
        package var digestFollows: Bool
        package var digest: Digest

        init(event: Event, verification: Verification, dataSeen: Bool, digest: Digest) {
            rank = verification.rank
            self.dataSeen = dataSeen
            self.digest = digest
            digestFollows =
                switch event.payload {
                case .full: true
                case .stub(let stub): Compaction.believesDigest(of: stub, dataSeen: dataSeen)
                }
        }

        package init(_ entry: LogEntry) {
            self.init(
                event: entry.event, verification: entry.verification, dataSeen: entry.dataSeen,
                digest: entry.fingerprint.digest)
        }

        package init(_ stored: StoredEvent) {
            self.init(
                event: stored.event, verification: stored.verification, dataSeen: stored.dataSeen,
                digest: stored.digest)
        }

        package static func < (a: Claim, b: Claim) -> Bool {
            if a.rank != b.rank { return a.rank < b.rank }
            if a.dataSeen != b.dataSeen { return b.dataSeen }
            if a.digestFollows != b.digestFollows { return b.digestFollows }
            return a.digest > b.digest
        }
    }

    /// When a stronger claim may take the id of an event that was replaced before; `nil` for at once.
    ///
    /// Whoever could make variants at will would otherwise make every node relay each of them. The first two
    /// replacements of an id are free, the third waits `Limits.variantWait` after the second, each later one twice as
    /// long, up to `Limits.variantWaitMax`.
    package static func waits(for stored: StoredEvent, now: WallTime) -> WallTime? {
        guard let last = stored.replacedAt, stored.replacements >= 2 else { return nil }
        let doublings = min(stored.replacements - 2, 16)
        let wait = min(Limits.variantWait * (1 << doublings), Limits.variantWaitMax)
        let due = last.advanced(by: wait)
        // A replacement that lies ahead of us was made under a clock that has since been set back.
        return due > now && last <= now ? due : nil
    }
}
