/// How long a command waits for a data directory that another process has: another command, or a daemon that starts or ends,
/// has it for less.
struct LockPatience: Sendable {
    private static let most = Duration.seconds(5)
    private static let pause = Duration.milliseconds(50)

    private let begun = ContinuousClock.now

    /// Waits a moment; `false` if it has waited for long enough, or the failure is another.
    func waits(after failure: CommandFailure) async -> Bool {
        guard failure.code == .locked, begun.duration(to: .now) < LockPatience.most else { return false }
        return (try? await Task.sleep(for: LockPatience.pause)) != nil
    }
}
