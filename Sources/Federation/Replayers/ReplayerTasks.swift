internal import FederationConfig
internal import FederationCore

/// The replayers that a daemon runs, each in a task of its own, so that one can end while the others go on.
actor ReplayerTasks {
    private let node: Node
    private var tasks: [String: Task<Void, Never>] = [:]
    private var isEnding = false
    private var inHand: Task<Void, Never>?

    init(node: Node) { self.node = node }

    /// Runs what the configuration says, until its task is cancelled. Returns once all have ended.
    func run() async {
        await take(node.config.replayers)
        let (never, end) = AsyncStream.makeStream(of: Never.self)
        for await _ in never {}
        end.finish()
        isEnding = true
        await take([])
    }

    /// Ends what is no longer named, or is named otherwise, and begins what is new.
    func take(_ entries: [Config.Replayer]) async {
        let before = inHand
        let task = Task {
            await before?.value
            await self.takeNext(entries)
        }
        inHand = task
        await task.value
    }

    private func takeNext(_ entries: [Config.Replayer]) async {
        let running = node.changeRunning { $0.replayers }
        let gone = running.values.filter { replayer in !entries.contains(replayer.entry) }.map(\.entry.name)
        let ending = gone.compactMap { tasks.removeValue(forKey: $0) }
        for task in ending { task.cancel() }
        for task in ending { await task.value }
        node.changeRunning { running in for name in gone { running.replayers[name] = nil } }
        guard !isEnding else { return }
        for entry in entries where tasks[entry.name] == nil {
            let replayer = make(entry)
            node.changeRunning { $0.replayers[entry.name] = replayer }
            tasks[entry.name] = Task { await replayer.runToEnd() }
        }
    }

    private func make(_ entry: Config.Replayer) -> any RunningReplayer {
        switch entry.kind {
        case .exec(let exec): ReplayerDriver(entry, exec, node: node, directory: node.configDirectory)
        case .files(let files): NoteFolder(entry, files, node: node)
        }
    }
}

extension Node {
    /// The directory of the configuration file, as this process would name it.
    var configDirectory: String {
        guard let slash = opened.file.path.lastIndex(of: "/") else { return "." }
        return String(opened.file.path[...slash])
    }
}
