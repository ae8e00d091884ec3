internal import FederationCore

/// The tasks that a daemon's pollers run in, so that one can end while the others go on.
actor PollTasks {
    private var tasks: [String: Task<Void, Never>] = [:]
    private var isEnding = false

    /// Begins to poll a peer that is not polled; nothing, once all have been told to end.
    func begin(_ name: String, _ poller: Node.Poller) {
        guard !isEnding, tasks[name] == nil else { return }
        tasks[name] = Task { await poller.run() }
    }

    /// Ends the polling of these peers. Returns once what was begun has ended: a request is cut short, a commit is
    /// carried through.
    func end(_ names: [String]) async {
        let ending = names.compactMap { tasks.removeValue(forKey: $0) }
        for task in ending { task.cancel() }
        for task in ending { await task.value }
    }

    func endAll() async {
        isEnding = true
        await end(Array(tasks.keys))
    }
}
