internal import FederationCore
internal import FederationHTTP
internal import FederationStore
internal import Synchronization

/// Feeds the watchdog of the service manager, as long as what the daemon is there for gets on.
struct DaemonPulse: Sendable {
    let node: Node
    let manager: ServiceManager
    /// How often it looks; without a watchdog only for the status line.
    private let pause: Duration
    private let state: State

    /// What the questions that are under way share.
    private final class State: Sendable {
        let heartbeat: Mutex<Heartbeat>
        /// As the polls were when they were last asked.
        let peers = Mutex<[(name: String, status: PollStatus)]>([])

        init(_ heartbeat: Heartbeat) { self.heartbeat = Mutex(heartbeat) }
    }

    init(node: Node, manager: ServiceManager) {
        self.node = node
        self.manager = manager
        let watchdog = manager.watchdog ?? .seconds(40)
        pause = watchdog / 4
        state = State(Heartbeat(patience: watchdog / 2))
    }

    /// Until its task is cancelled. A machine that sleeps is no daemon that hangs: the clock stands still with it.
    func run() async {
        let clock = SuspendingClock()
        let start = clock.now
        func now() -> Instant { Instant(start.duration(to: clock.now)) }
        var work: UInt64?
        while !Task.isCancelled {
            for part in state.heartbeat.withLock({ $0.beat(at: now()) }) {
                // Nobody waits for it: a part that hangs must not hold up the look at the others.
                Task.detached { [self] in
                    let good = await isAlive(part)
                    state.heartbeat.withLock { $0.ended(part, good: good) }
                }
            }
            guard (try? await Task.sleep(for: pause)) != nil else { return }
            // Whoever writes waits for a rewriting of the file, which takes as long as the file is large.
            let before = work
            work = node.store.rewriteWork
            if let work, work != before {
                state.heartbeat.withLock { heartbeat in for part in [Heartbeat.Part.writer, .polls] { heartbeat.getsOn(part, at: now()) } }
            }
            let instant = now()
            let (stalled, news) = state.heartbeat.withLock { ($0.stalled(at: instant), $0.news(at: instant)) }
            let line = HealthLine.text(
                peers: state.peers.withLock { $0 }, stopped: node.stopped?.rawValue, stalled: stalled)
            if stalled.isEmpty { manager.alive(line) } else { manager.status(line) }
            if let news { log(news) }
        }
    }

    private func log(_ news: Heartbeat.News) {
        switch news {
        case .recovered: node.logger.info("the daemon gets on again")
        case .stalled(let stalls):
            for stall in stalls {
                node.logger.error(
                    "a part of the daemon does not get on; the watchdog is not fed",
                    ["part": stall.part.rawValue, "seconds": String(stall.lasted.wholeMilliseconds / 1000)])
            }
        }
    }

    /// Returns once the part has answered; that can be never.
    private func isAlive(_ part: Heartbeat.Part) async -> Bool {
        switch part {
        case .writer:
            await node.store.answers()
            return true
        case .polls: return await pollsGetOn()
        case .control: return await controlAnswers()
        }
    }

    /// Whether each poll takes what comes to it, and none has waited in vain for its timer.
    private func pollsGetOn() async -> Bool {
        var peers: [(name: String, status: PollStatus)] = []
        var isLate = false
        let patience = state.heartbeat.withLock { $0.patience }
        for (name, poller) in node.allPollers {
            peers.append((name, await poller.driver.status().status))
            if await poller.driver.lateness() > patience { isLate = true }
        }
        state.peers.withLock { $0 = peers }
        return !isLate
    }

    /// Whether a command gets an answer, whatever it is, the way that commands come.
    private func controlAnswers() async -> Bool {
        let request = HTTPRequest(
            .post, CommandName.progress.target, fields: ["Content-Type": "application/json"], body: Array("{}".utf8),
            maxAnswerBytes: Limits.smallAnswerBytes, deadline: max(pause, .seconds(1)))
        return await node.opened.directory.withControlSocketPath { path in
            do throws(TransportFailure) {
                _ = try await node.client.perform(request, unixSocket: path)
                return true
            } catch {
                return false
            }
        }
    }
}
