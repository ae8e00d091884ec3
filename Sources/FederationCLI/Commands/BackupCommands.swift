import Federation
import FederationCore

let backupCommand = CommandDefinition(
    name: "backup", summary: "write everything this node knows into one file",
    details: """
        The file is one consistent state, whoever writes meanwhile: log, records, state, identity and configuration. Beside
        it FILE.sha256 is written, which sha256sum can check. The signing key is not in it: who has that key writes in this
        node's name. It is only needed to go on as the same node (restore --keep-identity).
        """,
    positionals: [.init(name: "FILE", count: .one)],
    options: [
        .init("--verify", "check the backup FILE instead: its hash, every page, hash, signature and record"),
        .init("--with-key", "put the signing key in as well: keep the file as you would keep the key"),
        .init("--force", "replace FILE"),
        .init("--dry-run", "only say what would be written"),
        CommandDefinition.progress,
    ],
    examples: [
        ("federation backup /mnt/backup/alpha-$(date +%F).db", "while the node runs"),
        ("federation backup --verify /mnt/backup/alpha-2026-05-01.db", "whether it is still what was written"),
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    let file = arguments.positionals[0]
    guard arguments.has("--verify") else {
        var backup = Backup(configPath: arguments.configPath, target: file)
        backup.includesKey = arguments.has("--with-key")
        backup.replaces = arguments.has("--force")
        backup.isDryRun = arguments.has("--dry-run")
        return await session.long("backup", unit: "bytes") { [backup] progress throws(CommandFailure) in
            try await backup.run(progress: progress)
        } render: { result in
            let what = "\(counted(result.count("log_events"), "event")), \(byteText(result.count("bytes")))"
            console.print("\(result.isTrue("dry_run") ? "would write" : "wrote") \(result.text("file")): \(what)")
            showDigests(result, console)
            if !result.isTrue("with_key") { console.note("federation: hint: the signing key is not in it: keep it elsewhere, or add --with-key") }
        }
    }
    guard !arguments.has("--with-key"), !arguments.has("--force") else {
        return session.usage("--verify changes nothing: give it without --with-key and --force")
    }
    return await session.long("verifying", unit: "steps") { progress throws(CommandFailure) in
        try await BackupCheck.run(file, progress: progress).json
    } status: { $0.isTrue("ok") ? .ok : .degraded
    } render: { result in
        let what = "\(counted(result.count("log_events"), "event")), made at \(result.text("made_at")) by \(result.text("name"))"
        console.print("\(result.text("file")): \(result.isTrue("ok") ? "everything is right" : "not as it was made"): \(what)")
        showDigests(result, console)
        for problem in result.texts("problems") { console.error(backupProblem(problem)) }
        if !result.isTrue("hash_compared"), !result.texts("problems").contains("hash_unreadable") {
            console.note("federation: hint: there is no \(result.text("file")).sha256: compare the hash with the one that you kept")
        }
    }
}

let restoreCommand = CommandDefinition(
    name: "restore", summary: "make a node of a backup",
    details: """
        Into the data directory that the configuration names, which must have nothing in it; where there is no
        configuration, the one in the backup is written. The backup is checked first, and nothing is changed if that fails.
        The node gets a new identity, and what the old one wrote stays in its log: peers know it under its new identity
        after 'federation reset-peer' there. With --keep-identity it goes on as the old one, which must not run anywhere
        any more, and writes nothing until 'federation identity recover' has fetched what it wrote after the backup.
        """,
    positionals: [.init(name: "FILE", count: .one)],
    options: [
        .init("--keep-identity", "go on as the node that was backed up"),
        .init("--force", "restore also what the check finds fault with"),
        .init("--dry-run", "only check the backup, and the place where it would go"),
        CommandDefinition.progress,
    ],
    examples: [
        ("federation restore alpha.db -c alpha/federation.yaml", "as a new node"),
        ("federation restore alpha.db --keep-identity", "then 'federation identity recover' and 'federation run'"),
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    var restore = Restore(file: arguments.positionals[0], configPath: arguments.configPath)
    restore.keepsIdentity = arguments.has("--keep-identity")
    restore.isForced = arguments.has("--force")
    restore.isDryRun = arguments.has("--dry-run")
    return await session.long("restore", unit: "steps") { [restore] progress throws(CommandFailure) in
        try await restore.run(progress: progress)
    } render: { result in
        let done = result.isTrue("dry_run") ? "would restore" : "restored"
        console.print("\(done) \(counted(result.count("log_events"), "event")) of \(result.text("made_at"))")
        if result.isTrue("config_written") { console.print("  with the configuration that is in the backup") }
        if result.isTrue("dry_run") { console.print("  into \(result.text("data"))") }
        for problem in result.texts("problems") { console.warning(backupProblem(problem)) }
        guard !result.isTrue("dry_run") else { return }
        if result.isTrue("kept_identity") {
            console.print("this is \(result.text("id")) again, and writes nothing yet")
            console.note("federation: hint: fetch what it wrote after the backup: 'federation identity recover'")
        } else {
            console.print("this is the new node \(result.text("id")), in place of \(result.text("was"))")
            console.note("federation: hint: its peers know the old one: 'federation reset-peer' there")
        }
    }
}

private func showDigests(_ result: JSON, _ console: Console) {
    console.print("  log digest  \(result.text("digest"))")
    if !result.text("sha256").isEmpty { console.print("  sha256      \(result.text("sha256"))") }
}

private func backupProblem(_ code: String) -> String {
    switch code {
    case "hash_differs": "the file is not the one whose hash stands beside it"
    case "hash_unreadable": "the hash beside it cannot be read"
    case "digest_differs": "its log is not the one that it says it has"
    case "damaged": "the database in it is damaged"
    default: LogFinding.Kind(rawValue: code)?.words ?? code
    }
}

extension Session {
    /// Runs long work of this process, with its progress, and prints its facts.
    func long(
        _ label: String, unit: String,
        _ work: (@escaping @Sendable (Int64, Int64) -> Void) async throws(CommandFailure) -> [UInt8],
        status: (JSON) -> ExitStatus = { _ in .ok }, render: (JSON) -> Void
    ) async -> ExitStatus {
        let display = ProgressDisplay.forCommand(label, unit: unit, self)
        let (steps, step) = AsyncStream.makeStream(of: (Int64, Int64).self, bufferingPolicy: .bufferingNewest(1))
        let showing = Task { for await (done, total) in steps { await display?.reached(done, of: total) } }
        let answer: Result<[UInt8], CommandFailure>
        do throws(CommandFailure) { answer = .success(try await work { step.yield(($0, $1)) }) } catch { answer = .failure(error) }
        step.finish()
        await showing.value
        await display?.end()
        do throws(CommandFailure) {
            let bytes = try answer.get()
            guard let result = try? JSON(bytes) else { return .failure }
            if arguments.json { console.print(String(decoding: bytes, as: UTF8.self)) } else { render(result) }
            return status(result)
        } catch {
            return report(error)
        }
    }
}
