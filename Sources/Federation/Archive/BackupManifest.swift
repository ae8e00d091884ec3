internal import FederationCore

/// What a backup says of itself: whose it is, when it was made, and what its log comes to.
struct BackupManifest: Hashable, Sendable {
    var madeAt: String
    var program: String
    var id: ULID
    var name: String
    /// The node's public key, where its key file could be read.
    var publicKey: String?
    var events: Int64
    /// Of the log as a set: what nodes compare.
    var digest: String

    var json: [UInt8] {
        jsonObject {
            $0.member("made_at", madeAt)
            $0.member("program", program)
            write(to: &$0)
        }
    }

    /// Without what only the file itself says.
    func write(to writer: inout JSONWriter) {
        writer.member("id", id.description)
        writer.member("name", name)
        if let publicKey { writer.member("public_key", publicKey) }
        writer.member("log_events", events)
        writer.member("digest", digest)
    }

    init(madeAt: String, id: ULID, name: String, publicKey: String?, events: Int64, digest: String) {
        self.madeAt = madeAt
        program = programVersion
        self.id = id
        self.name = name
        self.publicKey = publicKey
        self.events = events
        self.digest = digest
    }

    /// Reads what `json` wrote; `nil` for anything else.
    init?(_ text: String) {
        guard let json = try? JSON(Array(text.utf8)), let made = json["made_at"]?.string,
            let program = json["program"]?.string, let id = json["id"]?.string.flatMap({ ULID($0) }),
            let events = json["log_events"]?.integer, let digest = json["digest"]?.string
        else { return nil }
        madeAt = made
        self.program = program
        self.id = id
        name = json["name"]?.string ?? ""
        publicKey = json["public_key"]?.string.flatMap { PublicKey($0)?.text }
        self.events = events
        self.digest = digest
    }

    /// The names of the files in a backup.
    static let configFile = "federation.yaml"
    static let keyFile = "signing.key"
}

extension LogReading {
    /// What the log comes to as a set: its events, and the digest that nodes compare.
    func setFacts(_ sha256: SHA256) throws(StoreFailure) -> (events: Int64, digest: String) {
        let total = try itemTotal()
        return (total.count, total.digest(sha256).hex)
    }
}
