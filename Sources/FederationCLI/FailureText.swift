import Federation
import FederationConfig
import FederationCore

/// A failure as people read it: what is wrong, what to do, and the class of exit status.
struct FailureText {
    var what: String
    var hint: String?
    var status: ExitStatus
    /// Lines printed as they are before the error: each problem of a configuration, for example.
    var lines: [String] = []

    init(_ what: String, hint: String? = nil, _ status: ExitStatus = .failure, lines: [String] = []) {
        self.what = what
        self.hint = hint
        self.status = status
        self.lines = lines
    }

    init(_ failure: CommandFailure) {
        func fact(_ key: String) -> String { (failure.facts[key] ?? "?").escapedForTerminal }
        let list = failure.list.map(\.escapedForTerminal).joined(separator: ", ")
        /// The name that was hardly mistyped, before what there is.
        func meant(_ key: String, _ otherwise: String) -> String {
            closest(to: failure.facts[key] ?? "", among: failure.list).map { "did you mean '\($0.escapedForTerminal)'? \(otherwise)" } ?? otherwise
        }
        switch failure.code {
        case .badRequest: self.init("the node did not understand the request", hint: "is it another version of federation?")
        case .configProblems:
            self.init("the configuration cannot be used", hint: "see \(DocumentPlace.words("configuration"))", .config, lines: failure.list)
        case .notInitialised:
            self.init("no database in \(fact("directory"))",
                hint: failure.facts["case"] == "recovery"
                    ? "a recovery was interrupted: go on with 'federation recover'" : "'federation init --config FILE' makes one for its configuration",
                .config)
        case .alreadyInitialised:
            self.init("\(fact("path")) exists already",
                hint: failure.facts["case"] == "configuration"
                    ? "'federation init --config \(fact("path"))' makes its database" : "choose another directory; nothing was changed")
        case .keyFile: self.init("the signing key \(fact("file")) cannot be used: \(fact("why"))", hint: KeyFileHint.text(fact("case")), .identity)
        case .accessKey:
            self.init("the key file \(fact("file")) cannot be used: \(fact("why"))", hint: AccessFileHint.text(failure), .config)
        case .tlsFile:
            self.init("\(fact("file")) cannot be used: \(AccessFileHint.tls(failure))", hint: AccessFileHint.text(failure), .config)
        case .keyExists:
            self.init("there is a signing key: \(fact("file"))", hint: "it is this node's; see 'federation key fingerprint'", .identity)
        case .keyUsed: self.init(keyUsed: failure)
        case .dataDirectory: self.init("the data directory \(fact("directory")) cannot be used: \(fact("why"))", .config)
        case .locked:
            self.init("another federation process (pid \(fact("pid"))) holds \(fact("directory"))",
                hint: "stop it first, or let it do the work: commands reach a running daemon by themselves")
        case .store: self.init(storeText(failure), hint: storeHint(failure))
        case .listen:
            self.init("cannot listen on \(fact("address")): \(fact("why"))",
                hint: failure.facts["socket"] == nil ? "choose another port in 'listen'" : "name each with FileDescriptorName= in its unit")
        case .copied, .stopped: self.init(stopped: failure)
        case .recoveryIncomplete:
            self.init("these peers could not be read to the end: \(list)",
                hint: "what only they hold would be lost; when they are gone for good, add --partial", .unreachable)
        case .identityLost:
            self.init(
                list.isEmpty
                    ? "nothing in \(fact("directory")) says any more whose database this was"
                    : "the database in \(fact("directory")) may have been that of any of these, who have signed with its key: \(list)",
                hint: "bring its key file back, restore a backup, or start anew with 'federation init' elsewhere", .identity)
        case .unknownPeer:
            self.init("no peer '\(fact("peer"))' in the configuration", hint: list.isEmpty ? "there are no peers" : meant("peer", "known peers: \(list)"))
        case .peerExists: self.init("a peer '\(fact("peer"))' is configured already")
        case .wordsDiffer:
            self.init("these are not the words for '\(fact("peer"))': nothing was changed",
                hint: "either they were read wrongly, or somebody stands between the two nodes", .identity)
        case .noKey:
            self.init("'\(fact("peer"))' shows no signing key: there is nothing that a person could confirm",
                hint: "upgrade it; or say 'first_contact: pin' in its entry to believe its first answer", .identity)
        case .otherIdentity:
            self.init("'\(fact("peer"))' is known here as another node, or by another key: nothing was changed",
                hint: "if it was made anew: 'federation reset-peer \(fact("peer"))'; for its key alone add --key-rotated", .identity)
        case .notAnnounced:
            self.init("nobody has told this node of '\(fact("peer"))'", hint: list.isEmpty ? "it was told of none" : meant("peer", "it was told of: \(list)"))
        case .announcedFailed: self.init(announcedFailed: failure)
        case .unknownRecord: self.init("no record '\(fact("id"))'", hint: meant("id", "list them with 'federation records'"))
        case .unknownEvent: self.init("no event '\(fact("id"))'", hint: meant("id", "list them with 'federation events'"))
        case .headsChanged:
            self.init("'\(fact("id"))' has changed since you read it", hint: "its current version is \(list): read it again with 'federation show'")
        case .diverged:
            self.init("'\(fact("id"))' has diverged into \(failure.list.count) versions", hint: "choose one with 'federation resolve'")
        case .notDiverged: self.init("'\(fact("id"))' has one version: there is nothing to resolve")
        case .unknownVersion: self.init("no version '\(fact("version"))' of '\(fact("id"))'", hint: "the versions are: \(list)")
        case .ambiguousVersion: self.init("'\(fact("version"))' names several versions", hint: "name one of: \(list)")
        case .unknownType: self.init("unknown type '\(fact("type"))'", hint: meant("type", "one of: \(list)"))
        case .unknownTier: self.init("unknown tier '\(fact("tier"))'", hint: meant("tier", "one of: \(list)"))
        case .unknownState: self.init("unknown state '\(fact("state"))'", hint: meant("state", "one of: \(list)"))
        case .searchText: self.init("a search is for a text of 1 to \(fact("limit")) bytes")
        case .invalidTraceID:
            self.init("'\(fact("id"))' is no record id", hint: "ids look like 20260405-why-we-chose-it-k3x9qa")
        case .purged: self.init("'\(fact("id"))' was purged and takes no further change", hint: "write a new record with 'federation put'")
        case .trashed: self.init("'\(fact("id"))' is in the trash", hint: "bring it back first: 'federation recover \(fact("id"))'")
        case .immutable: self.init("'\(fact("id"))' is of tier long, whose content does not change", hint: "demote it first")
        case .sourceLocked: self.init("'\(fact("id"))' is locked by its origin \(fact("origin"))", hint: "only that node may change it")
        case .clockFull: self.init("'\(fact("id"))' was written by more origins than a clock may name (\(fact("limit")))")
        case .ownOrigin: self.init("'\(fact("origin"))' is this node itself, whose entry numbers its own events")
        case .unknownOrigin where fact("case") == "frozen":
            self.init("no frozen origin '\(fact("origin"))'", hint: list.isEmpty ? "no origin is frozen: there is nothing to choose" : "frozen are: \(list)")
        case .unknownOrigin:
            self.init("no entry of '\(fact("origin"))' in the vector clock", hint: list.isEmpty ? "there is none of another node" : "there are: \(list)")
        case .tooLarge: self.init("\(fact("what")) is too large: at most \(fact("limit")) bytes")
        case .tooManyRecords: self.init("at most \(fact("limit")) records at a time", hint: "name them in several commands", .usage)
        case .frontMatter: self.init("the front matter of \(fact("file")) has \(failure.list.count) problem(s)", lines: failure.list)
        case .file: self.init("cannot read \(fact("file")): \(fact("why"))")
        case .unknownRow: self.init("no quarantined event '\(fact("row"))'", hint: "list them with 'federation quarantine list'")
        case .needsConfirmation: self.init("not confirmed, nothing was changed", hint: "add --yes to go on without being asked")
        case .unreachableDaemon: self.init("the daemon of \(fact("directory")) does not answer", hint: "is it stopping? try again; where it hangs, its log says the most")
        case .configEdit: self.init("the configuration \(fact("file")) cannot be edited: \(fact("why"))", hint: fact("hint"), .config)
        case .noDaemon: self.init("no daemon runs on \(fact("directory"))", hint: "what the configuration says counts from its next start")
        case .fewDescriptors:
            self.init("this process may hold \(fact("limit")) files and connections open, and a node needs \(fact("needed"))",
                hint: "raise the limit: 'ulimit -n', or LimitNOFILE= in its unit")
        case .unknownReplayer:
            self.init("no replayer '\(fact("name"))' in the configuration", hint: list.isEmpty ? "there are none: see 'replayers' in \(DocumentPlace.words("configuration"))" : "there are: \(list)")
        case .nothingWaits:
            self.init("'\(fact("name"))' is a directory of notes: no event waits there",
                hint: "'federation replayer show \(fact("name"))' has the files that are left alone; 'retry' without an event looks at all again")
        case .writeRefused: self.init("the write was refused: \(fact("why"))")
        case .fileExists: self.init("\(fact("file")) exists already", hint: "choose another name, or replace it with --force")
        case .fileWrite: self.init("cannot write \(fact("file")): \(fact("why"))", hint: "choose another place")
        case .notABackup:
            self.init("\(fact("file")) is no backup",
                hint: "'federation backup' makes one; a plain copy of a database is put in place and then taken over with 'federation identity'")
        case .backupDamaged:
            self.init("the backup \(fact("file")) is not as it was made: \(list)", hint: "take another one; --force restores it all the same", .degraded)
        case .notEmpty:
            self.init("the data directory \(fact("directory")) is not empty: it has \(list)",
                hint: "stop its daemon and move it away first, or name another one as 'data' in the configuration")
        case .bundle:
            self.init("the bundle \(fact("file")) cannot be taken in: \(BundleText.words(fact("case")))", hint: BundleText.hint(failure))
        case .unknownExporter:
            self.init("the bundle is of a node that is no peer of this one: \(fact("name")) \(fact("id"))",
                hint: "if you know it: 'federation add-peer NAME --id \(fact("id"))'", .identity)
        case .unconfirmed:
            self.init("'\(fact("peer"))' waits for a person to confirm who it is: nothing was taken in",
                hint: "compare the words on both nodes: 'federation pair \(fact("peer"))'", .identity)
        case .notFetched:
            self.init("this node takes nothing from '\(fact("peer"))'", hint: "'mode' says so, its own or that of the peer: see 'federation set-mode'")
        case .servesNothing: self.init("this node gives nothing: its mode is subscribe", hint: "see 'federation set-mode'")
        case .unknownPosition:
            self.init("'\(fact("position"))' is no place in this log", hint: "leave --since out: what is known already is met as what it is")
        }
    }

    private init(announcedFailed failure: CommandFailure) {
        func fact(_ key: String) -> String { (failure.facts[key] ?? "?").escapedForTerminal }
        let reason = Reason(stored: failure.facts["reason"] ?? "")
        let (what, hint) =
            failure.facts["refused_address"] == nil
            ? (reason.words, reason.hint)
            : (
                "its address is of the kind '\(fact("refused_address"))', where nobody is to be sent by others",
                AnnouncementText.hint(failure.facts["refused_address"] ?? "")
            )
        self.init("\(fact("endpoint")) could not be asked: \(what); nothing was changed", hint: hint, .unreachable)
    }

    private init(keyUsed failure: CommandFailure) {
        let events = counted(Int64(failure.facts["events"] ?? "") ?? 0, "event")
        self.init(
            "the key that is lost has signed \(events)",
            hint: "bring the file back from a backup, or go on as another node with 'federation identity new'",
            .identity)
    }

    private init(stopped failure: CommandFailure) {
        self.init(
            failure.code == .copied
                ? "this database is a copy: it was made for another place" : "this database is older than what its node has published",
            hint: failure.code == .copied
                ? "if the original is gone: 'federation identity recover'; if it lives on: 'federation identity new'"
                : "fetch what it wrote from its peers with 'federation identity recover'",
            .identity)
    }

    func print(on console: Console) -> ExitStatus {
        for line in lines { console.note(line) }
        console.error(what, hint: hint)
        return status
    }
}

private func storeText(_ failure: CommandFailure) -> String {
    switch failure.facts["store"] ?? "" {
    case "busy": "the database is in use by another process"
    case "full": "the disk is full, or nearly"
    case "quota": "the database has reached its quota of \(byteText(Int64(failure.facts["limit"] ?? "") ?? 0)) (store.max_size)"
    case "corrupt": "the database is damaged"
    case "read_only": "the database cannot be written"
    case "cannot_open": "the database cannot be opened"
    case "older_schema": "the database is in use by an older federation (schema \(failure.facts["found"] ?? "?"))"
    case "newer_schema": "the database was written by a newer federation (schema \(failure.facts["found"] ?? "?"))"
    case "not_ours": "the file is a database of another application"
    case "io": "reading or writing the database failed"
    case "interrupted": "the work was interrupted"
    default: "the database failed (SQLite code \(failure.facts["sqlite"] ?? "?"))"
    }
}

private func storeHint(_ failure: CommandFailure) -> String? {
    switch failure.facts["store"] ?? "" {
    case "busy": "try again"
    case "full": "free some space; nothing was lost"
    case "quota": "raise store.max_size in the configuration, or purge records; nothing was lost, and reading goes on"
    case "corrupt": "nothing was overwritten: stop the node and run 'federation recover', which reads what it can and asks the peers for the rest"
    case "not_ours": "if it is this node's, its first page is damaged: 'federation recover --force'"
    case "older_schema": "restart the daemon"
    case "newer_schema": "upgrade federation"
    default: nil
    }
}

private enum KeyFileHint {
    static func text(_ word: String) -> String? {
        switch word {
        case "mode": "give only yourself access: chmod 600 FILE"
        case "missing": "the key belongs to this node's identity: bring the file back from a backup"
        default: nil
        }
    }
}
