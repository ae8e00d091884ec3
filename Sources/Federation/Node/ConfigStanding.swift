internal import FederationConfig
internal import FederationCore

/// How the configuration file stands against what a daemon runs.
struct ConfigStanding: Hashable, Sendable {
    var path: String
    /// Of the bytes that were read last: whoever wrote them knows by it that they were.
    var digest: String
    /// What is wrong with the file as it was read last, as lines; what ran before runs on.
    var problems: [String] = []
    /// Keys that the file has changed and that only a restart takes in.
    var needsRestart: [String] = []
    /// When what runs was taken from the file.
    var takenAt: WallTime

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("file", path)
            writer.member("digest", digest)
            writer.member("taken_at", takenAt.rfc3339)
            writer.member("problems", problems)
            writer.member("needs_restart", needsRestart)
        }
    }
}

/// What one reading of the configuration file came to.
struct ConfigReload: Sendable {
    var standing: ConfigStanding
    /// `nil` where the file has problems.
    var difference: ConfigDifference?

    /// The answer to `reload`.
    func json(isDryRun: Bool = false) -> [UInt8] {
        jsonObject { writer in
            if isDryRun { writer.member("dry_run", true) }
            writer.key("config")
            standing.write(to: &writer)
            writer.member("changed", difference.map { !$0.isEmpty } ?? false)
            writer.key("changes")
            writer.array { writer in difference?.write(to: &writer) }
        }
    }
}

extension ConfigDifference {
    /// One object for each thing that is other now.
    fileprivate func write(to writer: inout JSONWriter) {
        func change(
            _ what: String, _ peer: String?, _ key: String?, _ from: String, _ to: String, _ writer: inout JSONWriter
        ) {
            writer.object {
                $0.member("what", what)
                if let peer { $0.member("peer", peer) }
                if let key {
                    $0.member("key", key)
                    $0.member("from", from)
                    $0.member("to", to)
                }
            }
        }
        for each in node { change("node", nil, each.key.rawValue, each.from, each.to, &writer) }
        for each in added { change("added", each.name, nil, "", "", &writer) }
        for each in removed { change("removed", each.name, nil, "", "", &writer) }
        for each in changed {
            for key in each.keys { change("peer", each.peer.name, key.key.rawValue, key.from, key.to, &writer) }
        }
    }
}
