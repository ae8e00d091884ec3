internal import FederationCore
internal import FederationCrypto
internal import FederationStore

/// Whose a damaged database was, where it does not say so any more.
enum RecoveredIdentity {
    /// As it says itself; else the last identity that `identity new` made a key for; else whoever has signed with the key
    /// that lies beside it.
    ///
    /// - Throws: `identityLost`, with the candidates where there are several: which of them this node is nobody can know, and
    ///   the other may run elsewhere.
    static func find(_ salvage: Salvage, _ directory: NodeDirectory) throws(CommandFailure) -> ULID {
        if let said = salvage.known.meta[.identity].flatMap({ ULID($0) }) { return said }
        let names = DirectoryListing.names(in: directory.path)
        if let named = newest(of: names) { return named }
        let keys = names.filter { $0.hasSuffix(".key") }
            .compactMap { try? SigningKeyFile.read("\(directory.path)/\($0)").publicKey.description }
        let origins = signers(of: salvage, with: keys)
        guard origins.count == 1, let origin = origins.first else {
            throw CommandFailure(
                .identityLost, ["directory": directory.path], list: origins.map(\.description).sorted())
        }
        return origin
    }

    /// The greatest identity that a key file is named after: one that came later is greater.
    static func newest(of names: [String]) -> ULID? {
        names.compactMap { name in
            guard name.hasPrefix("signing-"), name.hasSuffix(".key") else { return nil }
            return ULID(name.dropFirst("signing-".count).dropLast(".key".count))
        }.max()
    }

    private static func signers(of salvage: Salvage, with keys: [String]) -> Set<ULID> {
        var origins: Set<ULID> = []
        var next = 0
        while next < salvage.count {
            let batch = salvage.events(next..<next + RebuiltDatabase.batch, bytes: Limits.pageBytes, sha256)
            next = batch.end
            for event in batch.events {
                guard let key = event.event.publicKey, keys.contains(where: { PublicKey.isSame($0, key) }),
                    let origin = ULID(event.event.origin), !origins.contains(origin), event.event.bears(key)
                else { continue }
                origins.insert(origin)
            }
        }
        return origins
    }
}

extension Event {
    /// Whether its signature is by this key.
    fileprivate func bears(_ key: String) -> Bool {
        guard let found = try? fingerprint(sha256) else { return false }
        return OwnOrigin.isOurs(self, found) { NamedKey.verifies($0, $1, key) }
    }
}
