internal import FederationConfig
public import FederationCore
internal import FederationCrypto
internal import FederationStore
internal import Glibc
#if FAIL_POINTS
    internal import FailPoints
#endif

/// Making a node: a configuration, a data directory, an identity and its signing key.
public enum NodeSetup: Sendable {
    /// What was made, and where.
    public struct Made: Sendable {
        public var configPath: String
        public var dataDirectory: String
        public var identity: ULID
        public var publicKey: String
    }

    /// Where a node would be made: what `make` checks before it makes anything.
    package struct Plan: Sendable {
        package var name: String
        package var configPath: String
        package var dataDirectory: String { data.path }
        /// The configuration to write; `nil` where it is there already.
        fileprivate var text: String?
        /// What the configuration stands in, to be made where it is missing.
        fileprivate var directory: String?
        fileprivate var data: NodeDirectory
    }

    /// What `make` would do with the same arguments.
    ///
    /// - Throws: as `make` does before it makes anything.
    package static func plan(
        in directory: String, name: String, listen: String?, interval: String?, data: String? = nil
    ) throws(CommandFailure) -> Plan {
        let prefix = directory == "." ? "" : directory + "/"
        let configPath = prefix + "federation.yaml"
        let written = data ?? Config(name: name).data
        let data = NodeDirectory(ConfigFile.beside(configPath, written))
        let text = try configuration(name: name, listen: listen, interval: interval, data: written)
        if access(configPath, F_OK) == 0 {
            var facts = ["path": configPath]
            if (try? plan(configuredBy: configPath)) != nil { facts["case"] = "configuration" }
            throw CommandFailure(.alreadyInitialised, facts)
        }
        try refuseNode(in: data)
        return Plan(name: name, configPath: configPath, text: text, directory: directory == "." ? nil : directory, data: data)
    }

    /// What `make(configuredBy:)` would do with the same file.
    ///
    /// - Throws: as that does before it makes anything.
    package static func plan(configuredBy path: String) throws(CommandFailure) -> Plan {
        let file = try loadConfig(path)
        try refuse(file.decoded.openings(hasEnvironmentKey: AccessKeys.isInEnvironment), of: path)
        let data = NodeDirectory(file.dataDirectory)
        try refuseNode(in: data)
        return Plan(name: file.config.name, configPath: path, data: data)
    }

    /// Makes a node in `directory`, which is made where it is missing. Nothing that exists is overwritten.
    ///
    /// The key is on disk before the database names the identity it signs for, and the configuration comes last: what
    /// was interrupted is not a node yet.
    ///
    /// - Parameters:
    ///   - directory: where the configuration and, in `data`, the database and the key come to be.
    ///   - name: what the node is called; others see it.
    ///   - listen: `ADDR:PORT`; without it the node polls and is not polled.
    ///   - interval: a duration such as `30s`.
    ///   - data: where the database and the key come to be instead; a relative path starts at `directory`.
    public static func make(
        in directory: String, name: String, listen: String?, interval: String?, data: String? = nil
    ) async throws(CommandFailure) -> Made {
        try await make(try plan(in: directory, name: name, listen: listen, interval: interval, data: data))
    }

    /// Makes the database, the identity and the key of a configuration that somebody has written: where its `data` says.
    /// The file stays as it is, and nothing that exists is overwritten.
    public static func make(configuredBy path: String) async throws(CommandFailure) -> Made {
        try await make(try plan(configuredBy: path))
    }

    /// Carries out what was planned.
    package static func make(_ plan: Plan) async throws(CommandFailure) -> Made {
        let data = plan.data
        if let directory = plan.directory { try makeDirectory(directory, mode: 0o755) }
        // Owner only: what people write is stored in clear.
        try makeDirectory(data.path, mode: 0o700)
        let key = try makeKey(at: data.signingKey)
        #if FAIL_POINTS
            FailPoint.setupKeyMade.pass()
        #endif
        var random = SystemRandom()
        let identity = ULID(at: SystemClock.now(), using: &random)
        try await makeDatabase(data, identity: identity, epoch: ULID(at: SystemClock.now(), using: &random))
        #if FAIL_POINTS
            FailPoint.setupDatabaseMade.pass()
        #endif
        if let text = plan.text { try write(text, to: plan.configPath) }
        return Made(
            configPath: plan.configPath, dataDirectory: data.path, identity: identity, publicKey: key.publicKey.description)
    }

    private static func refuseNode(in data: NodeDirectory) throws(CommandFailure) {
        for path in [data.database, data.signingKey] where access(path, F_OK) == 0 {
            throw CommandFailure(.alreadyInitialised, ["path": path])
        }
    }

    private static func refuse(_ problems: [ConfigProblem], of path: String) throws(CommandFailure) {
        guard problems.isEmpty else { throw CommandFailure(.configProblems, list: problems.map { $0.line(in: path) }) }
    }

    private static func configuration(
        name: String, listen: String?, interval: String?, data: String
    ) throws(CommandFailure) -> String {
        var problems: [String] = []
        var address: ListenAddress?
        if !PeerName.isValid(name) { problems.append("--name: \(ConfigProblem.Reason.notAName(name).text)") }
        if let listen {
            do throws(ListenAddress.Fault) { address = try ListenAddress(listen) } catch { problems.append("--listen: \(ConfigProblem.Reason.listen(error, found: listen).text)") }
        }
        guard problems.isEmpty else { throw CommandFailure(.configProblems, list: problems) }
        let text = ConfigTemplate.text(name: name, listen: address, data: data, interval: interval)
        let found: [ConfigProblem]
        switch Config.decode(Array(text.utf8)) {
        case .success(let decoded): found = decoded.openings(hasEnvironmentKey: AccessKeys.isInEnvironment)
        case .failure(let problems): found = problems.problems
        }
        try refuse(found, of: "federation.yaml")
        return text
    }

    /// Makes also what it stands in, where that is missing.
    private static func makeDirectory(_ path: String, mode: mode_t) throws(CommandFailure) {
        guard mkdir(path, mode) != 0, errno != EEXIST else { return }
        if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            try makeDirectory(String(path[..<slash]), mode: mode)
            guard mkdir(path, mode) != 0, errno != EEXIST else { return }
        }
        throw CommandFailure(.dataDirectory, ["directory": path, "why": SystemText.of(errno)])
    }

    private static func makeKey(at path: String) throws(CommandFailure) -> SigningKey {
        do {
            let key = try SigningKey.generate()
            try SigningKeyFile.write(key, to: path)
            return key
        } catch let failure as KeyFileFailure {
            throw CommandFailure(failure, path: path)
        } catch {
            throw CommandFailure(.keyFile, ["file": path, "case": "crypto", "why": "no key could be made"])
        }
    }

    private static func makeDatabase(_ data: NodeDirectory, identity: ULID, epoch: ULID) async throws(CommandFailure) {
        do throws(StoreFailure) {
            let store = try SQLiteStore(path: data.database)
            let file = try DatabaseFileIdentity(of: data.database)
            try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                try log.setMeta(.identity, identity.description)
                try log.setMeta(.epoch, epoch.description)
                try log.setMeta(.ownNumber, "0")
                try log.setMeta(.databaseFile, file.description)
                try log.setMeta(.machine, machineIdentity(sha256)?.hex)
                try log.setMeta(.recordVersion, String(RecordFunction.version))
                try log.setMeta(.program, programVersion)
            }
            await store.close()
        } catch {
            throw CommandFailure(error)
        }
    }

    private static func write(_ text: String, to path: String) throws(CommandFailure) {
        do { try AtomicFile.write(Array(text.utf8), to: path, mode: 0o644) } catch {
            throw CommandFailure(.file, ["file": path, "why": SystemText.of(error.code)])
        }
    }
}
