/// How a command gets at a node: by its daemon, or by its database where none runs.
///
/// Another process may have the database: another command, or a daemon that starts or ends, has it for less than what is waited here.
enum NodeWay {
    private static let most = Duration.seconds(5)
    private static let pause = Duration.milliseconds(50)

    /// - Parameters:
    ///   - daemon: asks it; `nil` where none answers.
    ///   - database: opens the node for what is to be done.
    /// - Throws: what either does; `locked` only once it was waited for.
    static func take<Value: Sendable>(
        daemon: () async throws(CommandFailure) -> Value?, database: () async throws(CommandFailure) -> Value
    ) async throws(CommandFailure) -> Value {
        let begun = ContinuousClock.now
        while true {
            if let value = try await daemon() { return value }
            do throws(CommandFailure) { return try await database() } catch {
                guard error.code == .locked, begun.duration(to: .now) < most,
                    (try? await Task.sleep(for: pause)) != nil
                else { throw error }
            }
        }
    }
}
