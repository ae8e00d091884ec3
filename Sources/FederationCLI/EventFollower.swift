import Federation
import FederationCore

/// `events --follow`: prints events as they come, until somebody stops it or nobody reads any more.
struct EventFollower: Sendable {
    let session: Session
    let subject: String?
    /// How many to print; `nil` for all that come.
    let wanted: Int?

    /// Events asked for at once: what has piled up is printed in parts.
    private static let batch = 500
    /// How soon it is noticed that nobody reads, and how long a daemon that starts or stops is given.
    private static let pause = Duration.milliseconds(250)

    func run() async -> ExitStatus {
        await withTaskGroup(of: ExitStatus?.self) { group in
            group.addTask { await follow() }
            group.addTask {
                await StopSignals().first()
                return Task.isCancelled ? nil : .ok
            }
            group.addTask {
                while !Task.isCancelled {
                    if session.console.isAbandoned { return .ok }
                    try? await Task.sleep(for: EventFollower.pause)
                }
                return nil
            }
            for await status in group {
                guard let status else { continue }
                group.cancelAll()
                return status
            }
            return .ok
        }
    }

    private func follow() async -> ExitStatus? {
        var since = session.arguments.value("--since")
        var printed = 0
        while !Task.isCancelled {
            let limit = min(EventFollower.batch, wanted.map { $0 - printed } ?? EventFollower.batch)
            do throws(CommandFailure) {
                let result = try await session.call(.events) { writer in
                    if let subject { writer.member("id", subject) }
                    if let since { writer.member("since", since) }
                    writer.member("limit", limit)
                    writer.member("wait", Limits.followWait.components.seconds * 1000)
                }
                for event in result.items("events") { show(event) }
                printed += result.items("events").count
                since = String(result.count("through"))
                if let wanted, printed >= wanted { return .ok }
            } catch {
                if Task.isCancelled { return nil }
                // A daemon that stops or starts is between the two ways to the log for a moment.
                guard since != nil, error.code == .unreachableDaemon || error.facts["store"] == "busy" else {
                    return session.report(error)
                }
                try? await Task.sleep(for: EventFollower.pause)
            }
        }
        return nil
    }

    private func show(_ event: JSON) {
        let line = session.arguments.json ? String(decoding: event.raw, as: UTF8.self) : eventRow(event).joined(separator: "  ")
        session.console.print(line)
    }
}
