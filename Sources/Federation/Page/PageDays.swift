internal import FederationConfig
internal import FederationCore
internal import FederationStore

/// The last day of the polls of each peer, for a list of them: of each step no more than how many went well and failed,
/// of `Limits.pagePeers` peers an answer.
///
/// One answer is made at a time, and kept for as long as a page waits before it asks again: tabs cost no more than one.
actor PageDays {
    private static let kept: Duration = .seconds(10)

    private let node: Node
    private var last: [Int: (json: [UInt8], at: ContinuousClock.Instant)] = [:]
    private var making: (place: Int, task: Task<Result<[UInt8], CommandFailure>, Never>)?

    init(_ node: Node) { self.node = node }

    /// - Parameter place: of the first peer, among those that are configured.
    func json(from place: Int) async throws(CommandFailure) -> [UInt8] {
        let configured = node.config.peers.count
        guard place >= 0, place % Limits.pagePeers == 0, place == 0 || place < configured else {
            throw CommandFailure(.badRequest)
        }
        while true {
            if let last = last[place], last.at.duration(to: .now) < PageDays.kept { return last.json }
            guard let making else { break }
            done(making.task, of: making.place, await making.task.value)
        }
        let task = Task { [node] () -> Result<[UInt8], CommandFailure> in
            do throws(CommandFailure) { return .success(try await PageDays.make(node, from: place)) } catch {
                return .failure(error)
            }
        }
        making = (place, task)
        let result = await task.value
        done(task, of: place, result)
        return try result.get()
    }

    /// Said by the first of those who waited for it.
    private func done(
        _ task: Task<Result<[UInt8], CommandFailure>, Never>, of place: Int, _ result: Result<[UInt8], CommandFailure>
    ) {
        guard making?.task == task else { return }
        making = nil
        last = last.filter { $0.value.at.duration(to: .now) < PageDays.kept }
        if case .success(let json) = result { last[place] = (json, .now) }
    }

    private static func make(_ node: Node, from place: Int) async throws(CommandFailure) -> [UInt8] {
        let names = node.config.peers.dropFirst(place).prefix(Limits.pagePeers).map(\.name)
        let yesterday = SystemClock.now().advanced(by: .zero - Limits.historyFine)
        return try await CommandService(node: node).histories(of: names, endingAfter: yesterday) { bucket, writer in
            if bucket.succeeded > 0 { writer.member("succeeded", bucket.succeeded) }
            if bucket.failed > 0 { writer.member("failed", bucket.failed) }
        }
    }
}
