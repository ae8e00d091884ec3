internal import FederationConfig
internal import FederationCore
internal import FederationStore

/// How a peer's log compares with ours, as `verify` says it.
struct VerifiedPeer: Sendable {
    enum State: String, Sendable {
        case inSync = "in_sync"
        case different
        /// It speaks a wire, or is of a version, that cannot show its log to be equal.
        case notProvable = "not_provable"
        case failed, paused
        /// It cannot be asked: it compares when it comes to us.
        case comesToUs = "comes_to_us"
    }

    var name: String
    var state: State
    var failure: ExchangeFailure?
    var wire: WireName?
    var comparison: ReconcileReport?
    /// What came during the command.
    var fetched = 0
    /// The events that only we have, where they are to be listed.
    var missingThere: [StoredEvent] = []
}

/// Proving that logs are equal.
extension CommandService {
    /// The time that peers are given to fetch what they lack, unless it is said.
    static let verifyWait = Duration.seconds(10)

    func verify(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let names = try known(arguments)
        let lists = arguments["list"]?.bool ?? false
        let wait = arguments["wait_ms"]?.integer.map { Duration.milliseconds(max(0, min($0, 3_600_000))) }
        let peers = try await node.verify(names, wait: wait ?? CommandService.verifyWait, lists: lists)
        return jsonObject { writer in
            if node.isRehearsal { writer.member("dry_run", true) }
            writer.key("peers")
            writer.array { writer in for peer in peers { writer.object { peer.members(lists: lists, &$0) } } }
        }
    }
}

extension VerifiedPeer {
    fileprivate func members(lists: Bool, _ writer: inout JSONWriter) {
        writer.member("name", name)
        writer.member("state", state.rawValue)
        if let failure { writer.member("reason", failure.reason.rawValue) }
        if let wire { writer.member("wire", wire.rawValue) }
        guard let found = comparison else { return }
        writer.member("compared_at", WallTime(milliseconds: Int64(clamping: found.ours.below)).rfc3339)
        writer.member("events", found.ours.all.count)
        writer.member("digest", found.ours.all.digest.hex)
        writer.member("peer_events", found.theirs.all.count)
        writer.member("peer_digest", found.theirs.all.digest.hex)
        writer.member("fetched", fetched)
        writer.member("missing_here", found.missingHereCount)
        writer.member("missing_there", found.missingThereCount)
        writer.member("refused", found.asideCount)
        origins(found, &writer)
        if lists { list(found, &writer) }
    }

    /// Both sides, origin by origin, where both told.
    private func origins(_ found: ReconcileReport, _ writer: inout JSONWriter) {
        guard let ours = found.ours.origins, let theirs = found.theirs.origins else { return }
        var pairs: [ExactText: (ours: SetDigest?, theirs: SetDigest?)] = [:]
        for each in ours { pairs[ExactText(each.origin), default: (nil, nil)].ours = each.digest }
        for each in theirs { pairs[ExactText(each.origin), default: (nil, nil)].theirs = each.digest }
        writer.key("origins")
        writer.array { writer in
            for (origin, pair) in pairs.sorted(by: { $0.key < $1.key }) {
                writer.object {
                    $0.member("origin", origin.text)
                    $0.member("equal", pair.ours == pair.theirs)
                    $0.member("events", pair.ours?.count ?? 0)
                    if let digest = pair.ours?.digest { $0.member("digest", digest.hex) }
                    $0.member("peer_events", pair.theirs?.count ?? 0)
                    if let digest = pair.theirs?.digest { $0.member("peer_digest", digest.hex) }
                }
            }
        }
    }

    private func list(_ found: ReconcileReport, _ writer: inout JSONWriter) {
        writer.key("differences")
        writer.array { writer in
            for stored in missingThere {
                writer.object {
                    $0.member("lacks", "peer")
                    $0.member("id", stored.event.id.description)
                    $0.member("origin", stored.event.origin)
                    $0.member("digest", stored.digest.hex)
                }
            }
            for item in found.aside {
                writer.object {
                    $0.member("lacks", "here")
                    $0.member("id", item.eventID)
                    $0.member("origin", item.origin)
                    $0.member("digest", item.digest.hex)
                    $0.member("kind", item.kind.rawValue)
                    $0.member("reason", item.reason.rawValue)
                    $0.member("code", item.code)
                }
            }
            for item in found.missingHere {
                writer.object {
                    $0.member("lacks", "here")
                    $0.member("digest", item.digest.hex)
                }
            }
        }
    }
}

extension Node {
    /// Compares our log with each peer's, as they were when this began.
    ///
    /// What is missing here is fetched. What the peer lacks it fetches by itself, if we serve it, and is given `wait`
    /// for: it is asked again about the same moment, so events that are written meanwhile do not matter.
    func verify(_ names: [String], wait: Duration, lists: Bool) async throws(CommandFailure) -> [VerifiedPeer] {
        if let stopped { throw stopped.failure }
        let isDaemon = isDaemon
        if !isDaemon { try takeAccess() }
        let pollers = startPollers(listener: PollLog(node: self), firstPoll: Instant(Limits.controlDeadline))
        let wanted = names.compactMap { name in pollers[name].map { (name, $0.driver) } }
        let wires = await pinnedWires(of: names)
        let results = await withTaskGroup(of: VerifiedPeer.self) { group in
            let running = isDaemon ? [] : wanted.map { (_, driver) in Task { await driver.run() } }
            for (name, driver) in wanted {
                if let wire = wires[name], wire != .native {
                    group.addTask { VerifiedPeer(name: name, state: .notProvable, wire: wire) }
                } else {
                    group.addTask { await self.verify(name, driver, wait: isDaemon ? wait : .zero) }
                }
            }
            var results: [String: VerifiedPeer] = [:]
            for await result in group { results[result.name] = result }
            for task in running { task.cancel() }
            for task in running { await task.value }
            for peer in config.peers where peer.comesToUs {
                results[peer.name] = VerifiedPeer(name: peer.name, state: .comesToUs)
            }
            return names.compactMap { results[$0] }
        }
        guard lists else { return results }
        var listed: [VerifiedPeer] = []
        for var result in results {
            let items = result.comparison?.missingThere ?? []
            do throws(StoreFailure) {
                result.missingThere = try await store.read { (log) throws(StoreFailure) in
                    var events: [StoredEvent] = []
                    for item in items { if let event = try log.event(of: item) { events.append(event) } }
                    return events
                }
            } catch {
                throw CommandFailure(error)
            }
            listed.append(result)
        }
        return listed
    }

    private func verify(
        _ name: String, _ driver: PollDriver<ContinuousClock>, wait: Duration
    ) async -> VerifiedPeer {
        let clock = ContinuousClock()
        let start = clock.now
        let moment = SystemClock.now()
        var result = VerifiedPeer(name: name, state: .failed)
        // A peer that was never met is met first; that poll compares nothing.
        var mayBeNew = true
        while true {
            let report = await driver.reconcileNow(at: moment)
            result.wire = report.wire ?? result.wire
            switch report.result {
            case .failed(let failure):
                result.state = .failed
                result.failure = failure
                return result
            case .paused, .stopped, .pending, .busy:
                result.state = report.result == .paused ? .paused : .failed
                return result
            case .complete, .incomplete: break
            }
            guard let found = report.reconciliation else {
                // There was more to fetch than one comparison takes.
                if report.result == .incomplete { continue }
                if mayBeNew, report.wire == .native {
                    mayBeNew = false
                    continue
                }
                result.state = .notProvable
                return result
            }
            mayBeNew = false
            result.comparison = found
            result.fetched += found.fetched
            result.state = found.isEqual ? .inSync : .different
            let maySettle = found.missingThereCount > 0 || found.missingHereCount > 0
            guard !found.isEqual, maySettle, clock.now - start < wait else { return result }
            guard (try? await Task.sleep(for: .milliseconds(300))) != nil else { return result }
        }
    }

    private func pinnedWires(of names: [String]) async -> [String: WireName] {
        let found = try? await store.read { (log) throws(StoreFailure) in
            var wires: [String: WireName] = [:]
            for name in names {
                wires[name] = try log.state(StateKey.peer(name, .wire)).flatMap { WireName(rawValue: $0) }
            }
            return wires
        }
        return found ?? [:]
    }
}
