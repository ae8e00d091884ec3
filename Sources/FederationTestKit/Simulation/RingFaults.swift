import FederationCore

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
        }
    }

    private mutating func restore(_ index: Int, isNoticed: Bool) throws {
        guard let backup = nodes[index].backups.first else { return }
        crash(index)
        trace.add(7, index)
        let lost = nodes[index].acknowledged.subtracting(backup.acknowledged)
        history.forget(lost) { id in nodes.contains { $0.index != index && $0.storage.event(id) != nil } }
        let writesUntilFull = nodes[index].storage.writesUntilFull
        nodes[index].storage = backup.storage
        nodes[index].storage.writesUntilFull = nil
        nodes[index].acknowledged = backup.acknowledged
        if isNoticed { try nodes[index].storage.setMeta(.stopped, StopReason.moved.stored) }
        nodes[index].storage.writesUntilFull = writesUntilFull
        if !isNoticed { history.reusesNumbers.insert(nodes[index].identity.id) }
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
        for peer in nodes[index].peers {
            for what in [StateKey.OfPeer.lastEvent, .position] {
                try nodes[index].storage.setState(StateKey.peer(SimulatedNode.name(of: peer), what), nil)
            }
        }
    }
}
