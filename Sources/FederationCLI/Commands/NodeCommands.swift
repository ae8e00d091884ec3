import Federation
import FederationConfig
import FederationCore
import Glibc

let initCommand = CommandDefinition(
    name: "init", summary: "make a node: a configuration, a database, an identity and its key",
    details: "With --config FILE, which is there already, all but the configuration: where its 'data' says.",
    positionals: [.init(name: "DIR", count: .optional)],
    options: [
        .init("--name", value: "NAME", "what the node is called (default: the directory's name)"),
        .init("--listen", value: "ADDR:PORT", "where peers reach it; without it the node polls and is not polled"),
        .init("--interval", value: "TIME", "how often peers are polled (default: 30s)"),
        .init("--data", value: "DIR", "where the database and the key are (default: data, beside the configuration)"),
        .init("--user", "in the user's own directories, where commands look by themselves"),
        .init("--dry-run", "only say what would be made"),
    ],
    examples: [
        ("federation init alpha --name alpha --listen 127.0.0.1:4001", "in a new directory 'alpha'"),
        ("federation init --user", "a node of one's own, found without --config"),
        ("federation init --config beta/federation.yaml", "of a configuration that you have written"),
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    do throws(CommandFailure) {
        let plan: NodeSetup.Plan
        if let path = arguments.value("--config") {
            guard !saysMore(arguments) else {
                return session.usage(
                    "--config names a configuration that says the rest", hint: "leave out --config to have one made")
            }
            plan = try NodeSetup.plan(configuredBy: path)
        } else {
            let place: NewPlace
            do throws(SetupProblem) { place = try NewPlace(arguments) } catch { return session.usage(error.what, hint: error.hint) }
            plan = try NodeSetup.plan(
                in: place.directory, name: place.name, listen: arguments.value("--listen"),
                interval: arguments.value("--interval"), data: place.data)
        }
        return show(plan, arguments.has("--dry-run") ? nil : try await NodeSetup.make(plan), session)
    } catch {
        return session.report(error)
    }
}

/// Whether anything is asked for that a configuration says.
private func saysMore(_ arguments: ParsedArguments) -> Bool {
    !arguments.positionals.isEmpty || arguments.has("--user")
        || ["--name", "--listen", "--interval", "--data"].contains { arguments.value($0) != nil }
}

private struct SetupProblem: Error {
    var what: String
    var hint: String
}

/// Where a node with a new configuration comes to be, and what it is called.
private struct NewPlace {
    var directory: String
    var name: String
    var data: String?

    init(_ arguments: ParsedArguments) throws(SetupProblem) {
        let isUsers = arguments.has("--user")
        guard !isUsers || arguments.positionals.isEmpty else {
            throw SetupProblem(what: "--user has directories of its own", hint: "leave out DIR, or --user")
        }
        guard let directory = isUsers ? ConfigPlace.user?.config : arguments.positionals.first ?? "." else {
            throw SetupProblem(what: "there is no home directory", hint: "set HOME or XDG_CONFIG_HOME and XDG_STATE_HOME")
        }
        let isSystems = directory == ConfigPlace.system
        let ownName = isUsers || isSystems ? ConfigPlace.hostName : lastComponent(of: directory)
        guard let name = arguments.value("--name") ?? ownName else {
            let file = "\(directory)/\(ConfigPlace.fileName)"
            throw SetupProblem(
                what: "give the node a name",
                hint: access(file, F_OK) == 0
                    ? "or with 'federation init --config \(ConfigPlace.fileName)' a database to the one that is here" : "federation init --name alpha")
        }
        self.directory = directory
        self.name = name
        data = arguments.value("--data") ?? (isUsers ? ConfigPlace.user?.data : isSystems ? ConfigPlace.stateDirectory : nil)
    }
}

/// - Parameter made: `nil` of a dry run.
private func show(_ plan: NodeSetup.Plan, _ made: NodeSetup.Made?, _ session: Session) -> ExitStatus {
    let console = session.console
    if session.arguments.json {
        var writer = JSONWriter()
        writer.object {
            if made == nil { $0.member("dry_run", true) }
            $0.member("config", plan.configPath)
            $0.member("data", plan.dataDirectory)
            if let made {
                $0.member("id", made.identity.description)
                $0.member("public_key", made.publicKey)
            }
        }
        console.print(String(decoding: writer.bytes, as: UTF8.self))
        return .ok
    }
    console.print(made.map { "made node \(plan.name) \($0.identity)" } ?? "would make node \(plan.name)")
    console.print("  configuration  \(plan.configPath)")
    console.print("  data           \(plan.dataDirectory)")
    if made != nil {
        let isSystems = plan.configPath == "\(ConfigPlace.system)/\(ConfigPlace.fileName)"
        console.print("next: " + (isSystems ? "systemctl enable --now federation" : "federation run --config \(plan.configPath)"))
    }
    return .ok
}

/// The last part of a path that can serve as a name; `nil` for `.` and the like.
private func lastComponent(of path: String) -> String? {
    let parts = path.split(separator: "/").map(String.init)
    guard let last = parts.last, last != ".", last != ".." else { return nil }
    return last
}

let runCommand = CommandDefinition(
    name: "run", summary: "serve and poll until SIGTERM or SIGINT",
    details: "Logs one line a fact to standard error. A second daemon of the same data directory is refused.",
    options: [
        .init("--log-level", value: "LEVEL", "debug, info, warning or error (default: from the configuration)"),
        .init("--log-format", value: "FORMAT", "auto, text, journal or json (default: from the configuration)"),
    ],
    printsFacts: false,
    examples: [("federation run --config alpha/federation.yaml", "in the foreground; stop it with Ctrl-C")]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    let levels: [String: Logger.Level] = ["debug": .debug, "info": .info, "warning": .warning, "error": .error]
    var level: Logger.Level?
    if let word = arguments.value("--log-level") {
        guard let known = levels[word] else { return session.usage("--log-level is debug, info, warning or error") }
        level = known
    }
    var asked: Config.LogFormat?
    if let word = arguments.value("--log-format") {
        guard let known = Config.LogFormat(rawValue: word) else { return session.usage("--log-format is auto, text, journal or json") }
        asked = known
    }
    let format = Logger.Format(asked: asked, configPath: arguments.configPath)
    do throws(CommandFailure) {
        try await Daemon.run(configPath: arguments.configPath, level: level, format: format) { console.note($0) }
        return .ok
    } catch {
        return format == .text ? session.report(error) : log(error, in: format, console)
    }
}

/// Whoever reads the log as JSON or from the journal reads there why it ends, too.
private func log(_ failure: CommandFailure, in format: Logger.Format, _ console: Console) -> ExitStatus {
    let logger = Logger(level: .error, format: format, now: SystemClock.now) { console.note($0) }
    let text = FailureText(failure)
    for line in text.lines { logger.error("problem", ["problem": line]) }
    logger.error("the daemon cannot run", ["code": failure.code.rawValue, "what": text.what, "hint": text.hint ?? ""])
    return text.status
}

let checkCommand = CommandDefinition(
    name: "check", summary: "name every problem of the configuration, the database and the identity",
    details: """
        The configuration is only read, and nobody is contacted. Exits 3 with problems, 0 without.

        What is allowed and has consequences that are hardly meant is named with them: broken (something that is asked for
        cannot happen), risk, or notice.
        """,
    options: [.init("--deep", "also check the whole database, as 'verify --self' does")],
    examples: [("federation check --config alpha/federation.yaml", "before starting it")]
) { arguments, console in
    let result = await NodeCheck.run(configPath: arguments.configPath, deep: arguments.has("--deep"))
    if arguments.json {
        console.print(String(decoding: result.json, as: UTF8.self))
    } else {
        for line in result.lines { console.note(line) }
        for problem in result.problems { console.note(problem) }
        console.note(
            result.problems.isEmpty
                ? "\(arguments.configPath): no problems" : "\(arguments.configPath): \(counted(Int64(result.problems.count), "problem"))")
    }
    return result.problems.isEmpty ? .ok : result.isIdentity ? .identity : .config
}
