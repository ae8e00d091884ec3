package import FederationCore

/// Why a command did not do what was asked: a fixed code and its facts, so that a daemon can hand it to the command
/// line as it is. The words for people are made there.
public struct CommandFailure: Error, Hashable, Sendable {
    /// What went wrong, by a word that stands in JSON and in `docs/cli.md`.
    public enum Code: String, Hashable, Sendable, CaseIterable {
        case badRequest = "bad_request"
        case configProblems = "config_problems"
        case notInitialised = "not_initialised"
        case alreadyInitialised = "already_initialised"
        case keyFile = "key_file"
        case accessKey = "access_key"
        case tlsFile = "tls_file"
        case keyExists = "key_exists"
        case keyUsed = "key_used"
        case dataDirectory = "data_directory"
        case locked
        case store
        case listen
        case copied
        case stopped
        case recoveryIncomplete = "recovery_incomplete"
        case identityLost = "identity_lost"
        case unknownPeer = "unknown_peer"
        case peerExists = "peer_exists"
        case wordsDiffer = "words_differ"
        case noKey = "no_key"
        case otherIdentity = "other_identity"
        case notAnnounced = "not_announced"
        case announcedFailed = "announced_failed"
        case unknownRecord = "unknown_record"
        case unknownEvent = "unknown_event"
        case headsChanged = "heads_changed"
        case diverged
        case notDiverged = "not_diverged"
        case unknownVersion = "unknown_version"
        case ambiguousVersion = "ambiguous_version"
        case unknownType = "unknown_type"
        case unknownTier = "unknown_tier"
        case unknownState = "unknown_state"
        case searchText = "search_text"
        case invalidTraceID = "invalid_trace_id"
        case purged
        case trashed
        case immutable
        case sourceLocked = "source_locked"
        case clockFull = "clock_full"
        case ownOrigin = "own_origin"
        case unknownOrigin = "unknown_origin"
        case tooLarge = "too_large"
        case tooManyRecords = "too_many_records"
        case frontMatter = "front_matter"
        case file
        case unknownRow = "unknown_row"
        case needsConfirmation = "needs_confirmation"
        case unreachableDaemon = "unreachable_daemon"
        case configEdit = "config_edit"
        case noDaemon = "no_daemon"
        case writeRefused = "write_refused"
        case fileExists = "file_exists"
        case fileWrite = "file_write"
        case notABackup = "not_a_backup"
        case backupDamaged = "backup_damaged"
        case notEmpty = "not_empty"
        case bundle
        case unknownExporter = "unknown_exporter"
        case unconfirmed
        case notFetched = "not_fetched"
        case servesNothing = "serves_nothing"
        case unknownPosition = "unknown_position"
        case unknownReplayer = "unknown_replayer"
        case nothingWaits = "nothing_waits"
        case fewDescriptors = "few_descriptors"
    }

    public var code: Code
    /// Named facts, such as `peer` or `limit`.
    public var facts: [String: String]
    /// What there is a list of: known peers, current heads, problems as lines.
    public var list: [String]

    package init(_ code: Code, _ facts: [String: String] = [:], list: [String] = []) {
        self.code = code
        self.facts = facts
        self.list = list
    }

    /// The form that goes over the control socket and that `--json` prints.
    package var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("error")
            writer.object { writer in
                writer.member("code", code.rawValue)
                for (key, value) in facts.sorted(by: { $0.key < $1.key }) { writer.member(key, value) }
                if !list.isEmpty { writer.member("list", list) }
            }
        }
        return writer.bytes
    }

    /// Reads what `json` wrote; `nil` for anything else.
    package init?(json bytes: [UInt8]) {
        guard let members = try? JSON(bytes)["error"]?.members else { return nil }
        var code: Code?
        facts = [:]
        list = []
        for (key, value) in members {
            if key == "code" {
                code = value.string.flatMap(Code.init)
            } else if let text = value.string {
                facts[key] = text
            } else if let items = value.array {
                list = items.compactMap(\.string)
            }
        }
        guard let code else { return nil }
        self.code = code
    }
}

extension CommandFailure: FailureOfStore {
    /// A failure of the store, as a command reports it.
    package init(_ failure: StoreFailure) {
        let word: String =
            switch failure {
            case .busy: "busy"
            case .full: "full"
            case .quota: "quota"
            case .corrupt: "corrupt"
            case .readOnly: "read_only"
            case .cannotOpen: "cannot_open"
            case .olderSchema: "older_schema"
            case .newerSchema: "newer_schema"
            case .notOurs: "not_ours"
            case .io: "io"
            case .interrupted: "interrupted"
            case .other: "other"
            }
        var facts = ["store": word]
        switch failure {
        case .olderSchema(let found), .newerSchema(let found): facts["found"] = String(found)
        case .quota(let limit): facts["limit"] = String(limit)
        default: break
        }
        if case .other(let code) = failure { facts["sqlite"] = String(code) }
        self.init(.store, facts)
    }
}
