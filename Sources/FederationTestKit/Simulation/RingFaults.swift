import FederationCore
import FederationCrypto

/// One thing that goes wrong, or is mended.
enum RingFault: Sendable {
    case divide
    case heal
    case crash(Int)
    case fillDisk(Int)
    case freeDisk(Int)
    case setClock(Int)
    case backUp(Int)
    /// Puts a node back to its last backup. Whether the node notices by itself that its file is another one.
    case restore(Int, isNoticed: Bool)
    /// Events vanish from a node's log.
    case lose(Int)
    /// A node's position in a peer's log moves to its end, whatever was read.
    case skip(Int)
    /// A node makes stubs of what was overtaken, of all that it may or of what is not new.
    case compact(Int, keptFor: Duration)
}

extension SimulatedRing {
    mutating func planFaults() {
        func planPair(_ first: RingFault, _ second: RingFault, lasting longest: Int) {
            let at = randomInstant()
            queue.plan(.fault(first), at: at)
            queue.plan(.fault(second), at: at.advanced(by: .milliseconds(Int64(random.below(longest)))))
        }
        for _ in 0..<plan.partitions { planPair(.divide, .heal, lasting: 600_000) }
        for _ in 0..<plan.crashes { queue.plan(.fault(.crash(random.below(nodes.count))), at: randomInstant()) }
        for _ in 0..<plan.fullDisks {
            let node = random.below(nodes.count)
            planPair(.fillDisk(node), .freeDisk(node), lasting: 300_000)
        }
        for _ in 0..<plan.clockJumps { queue.plan(.fault(.setClock(random.below(nodes.count))), at: randomInstant()) }
        for _ in 0..<plan.restores {
            let node = random.below(nodes.count)
            planPair(.backUp(node), .restore(node, isNoticed: random.chance(0.5)), lasting: 600_000)
        }
        for _ in 0..<plan.losses { queue.plan(.fault(.lose(random.below(nodes.count))), at: randomInstant()) }
        for _ in 0..<plan.skips { queue.plan(.fault(.skip(random.below(nodes.count))), at: randomInstant()) }
        for _ in 0..<plan.compactions {
            let kept: Duration = random.chance(0.7) ? .zero : .seconds(60)
            queue.plan(.fault(.compact(random.below(nodes.count), keptFor: kept)), at: randomInstant())
        }
    }

    mutating func happen(_ fault: RingFault) throws {
        guard !isMended else { return }
        tell("\(fault)")
        switch fault {
        case .divide: network.divide((0..<nodes.count + noema.count).map { _ in random.below(2) })
        case .heal: network.heal()
        case .crash(let node): crash(node)
        case .fillDisk(let node): nodes[node].storage.writesUntilFull = random.below(20)
        case .freeDisk(let node): nodes[node].storage.writesUntilFull = nil
        case .setClock(let node): nodes[node].offset = randomOffset()
        case .backUp(let node):
            nodes[node].backups = [
                SimulatedNode.Backup(storage: nodes[node].storage, acknowledged: nodes[node].acknowledged)
            ]
        case .restore(let node, let isNoticed): try restore(node, isNoticed: isNoticed)
        case .lose(let node): try lose(node)
        case .skip(let node): try skip(node)
        case .compact(let node, let kept): try compact(node, keptFor: kept)
        }
    }

    /// No record shows it, and the log stays the same set.
    private mutating func compact(_ index: Int, keptFor kept: Duration) throws {
        let before = nodes[index].storage
        let run = CompactionRun(keptFor: kept, now: nodes[index].wall(at: now), sha256: sha256)
        do throws(StoreFailure) {
            var last: String?
            repeat {
                let step = try nodes[index].storage.transaction { log throws(StoreFailure) in
                    try run.run(after: last, in: &log)
                }
                last = step.last
                summary.stubs += Int(step.stubs)
            } while last != nil
        } catch {
            // The disk is full: what was done stays done.
        }
        trace.add(10, index)
        let after = nodes[index].storage
        let subjects = Set(after.subjects(after: nil, limit: .max))
        guard try after.itemTotal() == before.itemTotal() else { throw violation("compacting node \(index) changed its log") }
        for subject in subjects where after.record(subject) != before.record(subject) {
            throw violation("compacting node \(index) changed its record of \(subject)")
        }
        try checkRecords(of: index, subjects)
    }

    private mutating func restore(_ index: Int, isNoticed: Bool) throws {
        guard let backup = nodes[index].backups.first else { return }
        crash(index)
        trace.add(7, index)
        // Its own, also what nobody was told of yet, and the last copy of what another's disk has lost.
        let (had, has) = (nodes[index].storage, backup.storage)
        let newer = had.events(after: 0, limit: .max, bytes: .max).map(\.event.id).filter { has.event($0) == nil }
        let lost = nodes[index].acknowledged.subtracting(backup.acknowledged).union(newer)
        history.forget(lost) { id in nodes.contains { $0.index != index && $0.storage.event(id) != nil } }
        let writesUntilFull = nodes[index].storage.writesUntilFull
        nodes[index].storage = backup.storage
        nodes[index].storage.writesUntilFull = nil
        nodes[index].acknowledged = backup.acknowledged
        if isNoticed { try nodes[index].storage.setMeta(.stopped, StopReason.moved.stored) }
        nodes[index].storage.writesUntilFull = writesUntilFull
        if !isNoticed { history.reusesNumbers.insert(nodes[index].identity.id) }
    }

    /// Takes events out of a log that somebody else still has: what nobody has, nothing brings back.
    private mutating func lose(_ index: Int) throws {
        let all = nodes[index].storage.events(after: 0, limit: .max, bytes: .max).map(\.event.id)
        for _ in 0..<1 + random.below(3) where !all.isEmpty {
            let id = all[random.below(all.count)]
            let isElsewhere = nodes.contains { $0.index != index && $0.storage.event(id) != nil }
            guard isElsewhere, nodes[index].storage.event(id) != nil else { continue }
            tell("node \(index) loses \(id)")
            trace.add(8, index)
            summary.lost += 1
            nodes[index].staleSubjects.insert(nodes[index].storage.event(id)?.event.subject ?? "")
            nodes[index].storage.lose(id, at: nodes[index].wall(at: now))
            let writesUntilFull = nodes[index].storage.writesUntilFull
            nodes[index].storage.writesUntilFull = nil
            // The host's effect is taken back with the event, or its return would be a second one.
            try nodes[index].storage.setWireValue("replayer", peer: "", key: id.description, nil)
            nodes[index].storage.writesUntilFull = writesUntilFull
            nodes[index].acknowledged.remove(id)
            nodes[index].excused.insert(id)
        }
        // What a node does not remember writing it cannot take into account.
        history.reusesNumbers.insert(nodes[index].identity.id)
    }

    private mutating func skip(_ index: Int) throws {
        let native = nodes[index].peers.filter { $0 < nodes.count }
        guard !native.isEmpty else { return }
        let peer = native[random.below(native.count)]
        let key = StateKey.peer(SimulatedNode.name(of: peer), .position)
        let source = nodes[peer].storage
        guard nodes[index].storage.state(key) != nil, let head = source.head(),
            let epoch = LogEpochs(stored: source.meta(.epoch) ?? "")?.current
        else { return }
        for place in 1...head.seq {
            guard let id = source.id(at: place), nodes[index].storage.event(id) == nil else { continue }
            nodes[index].excused.insert(id)
            summary.skipped += 1
        }
        tell("node \(index) skips to \(head.seq) of node \(peer)")
        trace.add(9, index)
        let writesUntilFull = nodes[index].storage.writesUntilFull
        nodes[index].storage.writesUntilFull = nil
        try nodes[index].storage.setState(key, "\(epoch).\(head.seq).\(head.id)")
        nodes[index].storage.writesUntilFull = writesUntilFull
    }

    /// Everything that is wrong is mended, by people where it takes people.
    mutating func mend() throws {
        isMended = true
        tell("everything is mended")
        network.heal()
        for index in nodes.indices {
            nodes[index].storage.writesUntilFull = nil
            try recover(index)
            if !nodes[index].isUp { try boot(index) }
        }
        mendNoema()
    }

    /// What `identity recover` does: the node writes again, above every number that peers give back.
    private mutating func recover(_ index: Int) throws {
        guard nodes[index].storage.meta(.stopped) != nil else { return }
        if nodes[index].isUp { crash(index) }
        try nodes[index].storage.setMeta(.stopped, nil)
        // Who comes to it is told from the beginning as well.
        for peer in nodes[index].peers + (plan.hasLeaves && index == 0 ? Array(1..<plan.nodes) : []) {
            for what in [StateKey.OfPeer.lastEvent, .position] {
                try nodes[index].storage.setState(StateKey.peer(SimulatedNode.name(of: peer), what), nil)
            }
        }
    }
}
