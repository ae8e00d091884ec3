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
    /// How long a daemon that starts or stops is given.
    private static let pause = Duration.milliseconds(250)

    func run() async -> ExitStatus {
        await session.untilStopped { await follow() }
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
                guard since != nil, error.isOfAChangeOfDaemon else { return session.report(error) }
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
