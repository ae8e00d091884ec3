internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore

/// Every problem of a configuration, its database and its identity, in one run. Changes nothing.
package struct NodeCheck: Sendable {
    /// `file:line:column: path: what is wrong`, or `file: what is wrong`: lines that hold nothing unescaped.
    package private(set) var problems: [String] = []
    package private(set) var warnings: [String] = []
    /// What of the configuration has consequences that are hardly meant; they are among the warnings.
    private var findings: [ConfigWarning] = []
    private var known = LintKnowledge()
    /// The warnings with how grave each is, for people.
    package private(set) var lines: [String] = []
    /// What is wrong is who this node is, not what its configuration says.
    package private(set) var isIdentity = false

    /// `deep` also checks the whole database as `verify --self` does, which takes a while.
    package static func run(configPath: String, deep: Bool) async -> NodeCheck {
        var check = NodeCheck()
        let file: ConfigFile
        do { file = try ConfigFile.load(configPath) } catch {
            check.problems = error.lines(in: configPath)
            return check
        }
        check.known.hasEnvironmentKey = AccessKeys.isInEnvironment
        check.checkAccess(file)
        await check.checkDatabase(of: file, deep: deep)
        check.lint(file)
        return check
    }

    private mutating func checkDatabase(of file: ConfigFile, deep: Bool) async {
        let directory = NodeDirectory(file.dataDirectory)
        guard directory.hasDatabase else {
            let at = file.decoded.mark(of: [.key("data")])
            let what = "data: no database in \(shown(directory.path)); 'federation init --config \(shown(file.path))' makes one"
            problems.append("\(shown(file.path)):\(at): \(what)")
            return
        }
        await checkDatabase(directory, file, deep: deep)
    }

    private mutating func checkAccess(_ file: ConfigFile) {
        let openings = file.decoded.openings(hasEnvironmentKey: AccessKeys.isInEnvironment)
        problems += openings.map { $0.line(in: file.path) }
        let access = NodeAccess()
        let now = SystemClock.now()
        do throws(CommandFailure) { try access.take(file.config, beside: file.path, now: now) } catch {
            problems.append("\(shown(error.facts["file"] ?? "")): \(error.facts["why"] ?? error.facts["case"] ?? "")")
        }
        if access.hasShortKey {
            warnings.append("\(shown(file.path)): a key for requests is so short that it could be guessed; see 'federation key new'")
        }
        if let certificate = access.certificate,
            case .ending(let days, _) = CertificateStanding(of: certificate.validity, at: now)
        {
            warnings.append("\(shown(certificate.file)): the certificate ends in \(days) days")
        }
    }

    private mutating func addIdentity(_ problem: String) {
        problems.append(problem)
        isIdentity = true
    }

    private mutating func checkIdentity(_ identity: ULID?, _ directory: NodeDirectory) {
        guard let identity else { return addIdentity("\(shown(directory.database)): it names no identity") }
        let path = directory.currentSigningKey(of: identity)
        do { _ = try SigningKeyFile.read(path) } catch {
            addIdentity("\(shown(path)): \(CommandFailure(error, path: path).facts["why"] ?? "")")
        }
    }

    private mutating func checkDatabase(_ directory: NodeDirectory, _ file: ConfigFile, deep: Bool) async {
        do throws(StoreFailure) {
            let store = try SQLiteStore(path: directory.database, access: .readOnly)
            let found = try DatabaseFileIdentity(of: directory.database)
            let meta = try await store.read { (log) throws(StoreFailure) in try log.allMeta() }
            checkIdentity(meta[.identity].flatMap { ULID($0) }, directory)
            let stop = NodeStop(meta: meta, found: found)
            switch stop {
            case .copied: addIdentity("\(shown(directory.database)): this is a copy: it was made for another place")
            case .behind: addIdentity("\(shown(directory.database)): it is older than what its node has published")
            // Whoever finds it damaged has said so.
            case .damaged, nil: break
            }
            if let machine = meta[.machine], let here = machineIdentity(sha256)?.hex, machine != here {
                warnings.append("\(shown(directory.database)): it was made on another machine")
            }
            try await checkMesh(store, file: file)
            if deep { try await checkContent(store, directory) }
            await store.close()
        } catch {
            let facts = CommandFailure(error).facts
            problems.append("\(shown(directory.database)): cannot be used: \(facts["store"] ?? "")")
        }
    }

    /// What `verify --self` finds.
    private mutating func checkContent(_ store: SQLiteStore, _ directory: NodeDirectory) async throws(StoreFailure) {
        let audit = try await SelfVerification.run(on: store, in: directory).audit
        for finding in audit.findings {
            let about = finding.about.isEmpty ? "" : ": \(shown(finding.about))"
            problems.append("\(shown(directory.database)): \(finding.kind.words)\(about)")
        }
        let omitted = audit.findingCount - audit.findings.count
        if omitted > 0 { problems.append("\(shown(directory.database)): and \(omitted) more of the same kinds") }
    }

    /// A Noema peer gives late what it relays, if at all: whoever writes in its ring should be a peer of ours as well.
    private mutating func checkMesh(_ store: SQLiteStore, file: ConfigFile) async throws(StoreFailure) {
        let id = try await store.read { (log) throws(StoreFailure) in try log.meta(.identity) }
        guard let own = id.flatMap({ ULID($0) }) else { return }
        let identity = NodeIdentity(
            id: own, name: file.config.name, version: programVersion, mode: file.config.mode, publicKey: nil)
        let report = try await store.read { (log) throws(StoreFailure) in
            try StatusReport(of: file.config, identity: identity, in: log, now: SystemClock.now())
        }
        known.own = own
        for peer in report.peers {
            known.shownModes[peer.entry.name] = peer.health.mode
            if peer.standing == .paired { known.paired.insert(peer.entry.name) }
        }
        let disk = try await store.disk()
        known.databaseBytes = disk.database - disk.reusable
        for stranger in report.strangers {
            let at = file.decoded.mark(of: [.key("peers")])
            warnings.append(
                "\(shown(file.path)):\(at): peers: events of \(shown(stranger)) come only through others; "
                    + "a Noema ring loses events unless it is a full mesh: make it a peer")
        }
    }

    /// The consequences of what the configuration says, given what is known of the node by now.
    private mutating func lint(_ file: ConfigFile) {
        findings = file.decoded.findings(known)
        lines = findings.map { "\($0.line(in: file.path)) (\($0.severity.rawValue))" } + warnings.map { "\($0) (warning)" }
        warnings = findings.map { $0.line(in: file.path) } + warnings
    }

    private static func write(_ finding: ConfigWarning, to writer: inout JSONWriter) {
        writer.object {
            $0.member("code", finding.code)
            $0.member("severity", finding.severity.rawValue)
            $0.member("path", finding.path.description)
            $0.member("line", finding.at.line)
            $0.member("column", finding.at.column)
            $0.member("text", finding.text)
        }
    }

    package var json: [UInt8] {
        var writer = JSONWriter()
        writer.object {
            $0.member("ok", problems.isEmpty)
            $0.member("problems", problems)
            $0.member("warnings", warnings)
            $0.key("findings")
            $0.array { writer in for finding in findings { NodeCheck.write(finding, to: &writer) } }
        }
        return writer.bytes
    }
}

/// As a line for people holds it; what the configuration says is escaped by its problems themselves.
private func shown(_ text: String) -> String { text.escapedForTerminal(limit: 4096) }
