import Federation
import FederationCore

/// `status --watch`: draws the status over and over on a terminal; elsewhere it prints it anew whenever it has changed.
struct StatusWatch: Sendable {
    let session: Session

    /// How often it is asked for, and how long a daemon that starts or stops is given.
    private static let pause = Duration.seconds(1)

    func run() async -> ExitStatus {
        if draws { session.console.beginScreen() }
        defer { if draws { session.console.endScreen() } }
        return await session.untilStopped { await watch() }
    }

    private var draws: Bool { session.console.canRedraw && !session.arguments.json }

    private func watch() async -> ExitStatus? {
        var last: StatusDigest?
        while !Task.isCancelled {
            do throws(CommandFailure) {
                let status = try await session.call(.status)
                let digest = StatusDigest(status)
                if draws {
                    let isBrief = session.arguments.has("--brief")
                    session.console.drawScreen(isBrief ? StatusText.brief(status) : StatusTable.text(status))
                } else if digest != last {
                    show(status)
                }
                last = digest
            } catch {
                if Task.isCancelled { return nil }
                guard last != nil, error.isOfAChangeOfDaemon else { return session.report(error) }
            }
            try? await Task.sleep(for: StatusWatch.pause)
        }
        return nil
    }

    private func show(_ status: JSON) {
        if session.arguments.json {
            session.console.print(String(decoding: status.raw, as: UTF8.self))
        } else if session.arguments.has("--brief") {
            session.console.print(StatusText.brief(status))
        } else {
            session.console.print(StatusText.full(status) + "\n")
        }
    }
}

/// What of a status is worth a new block: not the seconds that pass, nor which step of a poll that goes well is under way.
struct StatusDigest: Equatable {
    private static let ofNode = [
        "state", "running", "events", "records", "divergences", "held", "refused", "deferred", "warnings", "config", "announced",
    ]
    private static let ofPeer = [
        "name", "endpoint", "mode", "wire", "id", "key", "pairing", "version", "in_sync", "consecutive_failures", "held", "refused",
        "deferred", "withheld", "busy_since", "push",
    ]
    private var texts: [String] = []

    init(_ status: JSON) {
        texts = StatusDigest.ofNode.map { StatusDigest.text(status[$0]) }
        for peer in status.items("peers") {
            texts += StatusDigest.ofPeer.map { StatusDigest.text(peer[$0]) }
            texts += [
                peer["last_error"]?.text("reason") ?? "", StatusDigest.text(peer["lag"]?["events"]),
                StatusDigest.text(peer["progress"]?["pulled"]),
            ]
        }
    }

    private static func text(_ value: JSON?) -> String { value.map { String(decoding: $0.raw, as: UTF8.self) } ?? "" }
}
