import Federation
import FederationCore

/// What commands have in common that go on until somebody stops them.
extension Session {
    /// How soon it is noticed that nobody reads.
    private static let look = Duration.milliseconds(250)

    /// Runs `body` until it gives a status, a signal asks for the end, or nobody reads any more.
    func untilStopped(_ body: @escaping @Sendable () async -> ExitStatus?) async -> ExitStatus {
        await withTaskGroup(of: ExitStatus?.self) { group in
            group.addTask { await body() }
            group.addTask {
                await StopSignals().first()
                return Task.isCancelled ? nil : .ok
            }
            group.addTask {
                while !Task.isCancelled {
                    if console.isAbandoned { return .ok }
                    try? await Task.sleep(for: Session.look)
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
}

extension CommandFailure {
    /// A daemon that stops or starts is between the two ways to the database for a moment: asked again, it may do.
    var isOfAChangeOfDaemon: Bool { code == .unreachableDaemon || facts["store"] == "busy" }
}
