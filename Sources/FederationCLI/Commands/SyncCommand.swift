import Federation
import FederationCore

let syncCommand = CommandDefinition(
    name: "sync", summary: "poll peers now, until caught up",
    details: """
        Long catching up shows progress on standard error. With --dry-run the peers are asked, and what they have is taken
        into a copy of the database, which is thrown away.
        """,
    positionals: [.init(name: "PEER", count: .any)],
    options: [.init("--dry-run", "only say what would come"), CommandDefinition.progress],
    examples: [
        ("federation sync", "every peer"), ("federation sync beta", "one of them"),
        ("federation sync --dry-run", "what they have that this node lacks"),
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    do throws(CommandFailure) {
        let result = try await session.watched(.sync, as: "sync") { $0.member("peers", arguments.positionals) }
        if arguments.json {
            console.print(String(decoding: result.raw, as: UTF8.self))
        } else {
            printSync(result, isDryRun: arguments.has("--dry-run"), console)
        }
        return syncStatus(result)
    } catch {
        return session.report(error)
    }
}

extension Session {
    /// Has peers polled, and meanwhile asks the same node how far its polls have come.
    func watched(
        _ name: CommandName, as label: String, _ body: (inout JSONWriter) -> Void
    ) async throws(CommandFailure) -> JSON {
        let channel =
            arguments.has("--dry-run")
            ? try await CommandChannel(rehearsing: arguments.configPath)
            : try await CommandChannel(configPath: arguments.configPath)
        let display = ProgressDisplay.forCommand(label, unit: "events", self)
        let watching = Task {
            guard let display else { return }
            var tally = SyncProgress()
            while (try? await Task.sleep(for: .milliseconds(200))) != nil {
                guard let answer = try? await channel.perform(.progress, Array("{}".utf8)), let json = try? JSON(answer) else { return }
                tally.note(json.items("peers"))
                if tally.pulled > 0 { await display.reached(tally.pulled, of: tally.total) }
            }
        }
        var writer = JSONWriter()
        writer.object(body)
        let answer: Result<[UInt8], CommandFailure>
        do throws(CommandFailure) {
            answer = .success(try await channel.perform(name, writer.bytes))
        } catch {
            answer = .failure(error)
        }
        watching.cancel()
        await watching.value
        await display?.end()
        await channel.close()
        do { return try JSON(try answer.get()) } catch let failure as CommandFailure { throw failure } catch {
            throw CommandFailure(.badRequest)
        }
    }
}

/// The progress of several peers as one: a peer that has caught up keeps what it came to.
struct SyncProgress {
    private var peers: [String: (pulled: Int64, remaining: Int64?)] = [:]

    mutating func note(_ polls: [JSON]) {
        let polling = Set(polls.map { $0.text("name") })
        for name in peers.keys where !polling.contains(name) { peers[name]?.remaining = 0 }
        for poll in polls {
            let pulled = max(poll.count("pulled"), peers[poll.text("name")]?.pulled ?? 0)
            peers[poll.text("name")] = (pulled, poll["remaining"]?.integer)
        }
    }

    var pulled: Int64 { peers.values.reduce(0) { $0 + $1.pulled } }

    /// `nil` while any of them does not say.
    var total: Int64? {
        var total: Int64 = 0
        for peer in peers.values {
            guard let remaining = peer.remaining else { return nil }
            total += peer.pulled + remaining
        }
        return total
    }
}

private func syncStatus(_ result: JSON) -> ExitStatus {
    let failed = result.items("peers").filter { !$0.isTrue("ok") }
    if failed.isEmpty { return .ok }
    if failed.contains(where: { $0.isTrue("pending") }) { return .identity }
    return ExitStatus(failures: failed.map { Reason(stored: $0.text("reason")) })
}

extension ExitStatus {
    /// How a command ends that met peers, given why it failed with each that it failed with.
    init(failures: [Reason]) {
        if failures.contains(where: { [.auth, .identityMismatch, .identityMissing].contains($0) }) {
            self = .identity
        } else if failures.contains(where: \.isNetwork) {
            self = .unreachable
        } else {
            self = failures.isEmpty ? .ok : .failure
        }
    }
}

private func printSync(_ result: JSON, isDryRun: Bool, _ console: Console) {
    for peer in result.items("peers") {
        if peer.isTrue("comes_to_us") {
            console.print("\(peer.text("name")): comes to us, and cannot be polled")
        } else if peer.isTrue("pending") {
            console.error(
                "\(peer.text("name")): it waits for a person to say that it is who it should be",
                hint: "compare the words: federation pair \(peer.text("name"))")
        } else if peer.isTrue("busy") {
            console.error("\(peer.text("name")): it is busy, and is asked again later")
        } else if peer.isTrue("paused") {
            console.print("\(peer.text("name")): paused, and not asked")
        } else if peer.isTrue("ok") {
            console.print("\(peer.text("name")): \(counted(peer.count("applied"), "new event"))\(isDryRun ? " would come" : "")")
        } else {
            let reason = Reason(stored: peer.text("reason"))
            console.error("\(peer.text("name")): \(reason.rawValue): \(reason.words)", hint: reason.hint)
        }
    }
}
