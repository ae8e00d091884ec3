package import FederationCore

/// Who polls whom.
package enum RingShape: String, Hashable, Sendable, CaseIterable { case line, star, ring, mesh }

/// What goes wrong in a simulation, how often, and how long. All of it follows from the seed.
package struct SimulationPlan: Sendable {
    package var seed: UInt64
    package var nodes = 5
    package var shape = RingShape.ring
    /// In a star, nobody can reach any node but the one in the middle: the others ask it, and push.
    package var hasLeaves = false
    /// Stock Noema nodes beside them, each polling and polled by one of them.
    package var noemaNodes: [NoemaRules] = []
    /// How many of the nodes, the last ones, speak as version 0.1 did (`OlderVersion`).
    package var olderNodes = 0
    /// How long things go wrong. After it nothing does, and everything is to agree.
    package var faultsLast: Duration = .seconds(12 * 60)
    package var interval: Duration = .seconds(30)
    package var writes = 40
    /// Whether each node has a host's replayer, which counts what it is given.
    package var countsReplays = true
    /// Whether holes in the numbers of origins are asked for.
    package var fillsHoles = true

    /// What nodes do about signatures; unless it is `off` they also sign checkpoints over what they wrote.
    package var signatures = SignatureMode.off

    /// Of a request or its answer: that it never arrives, that it arrives twice.
    package var loss = 0.0
    package var duplication = 0.0
    /// The longest a message takes.
    package var delay: Duration = .milliseconds(50)
    /// Times that the network falls in two, that a node crashes between two events, that its disk is full for a while,
    /// that its clock is set anew, and that it is put back to a backup.
    package var partitions = 0
    package var crashes = 0
    package var fullDisks = 0
    package var clockJumps = 0
    package var restores = 0
    /// Times that events vanish from a node's log, and that a position is moved past what was not read.
    package var losses = 0
    package var skips = 0
    /// Times that a node removes the text of what was overtaken.
    package var compactions = 0
    /// That a node crashes at a commit: half of them before it is on disk, half before anybody is told.
    package var crashAtCommit = 0.0
    /// How far a wall clock is off, at most.
    package var skew: Duration = .zero

    package init(seed: UInt64) {
        self.seed = seed
        var random = SeededRandom(seed: seed)
        shape = RingShape.allCases[Int(seed % 4)]
        nodes = 5 + random.below(3)
        writes = 15 + random.below(30)
        countsReplays = random.chance(0.5)
        // Each fault is missing from half of the seeds: what one fault hides, another seed shows.
        if random.chance(0.5) { loss = [0.02, 0.1, 0.3][random.below(3)] }
        if random.chance(0.5) { duplication = 0.1 }
        if random.chance(0.5) { delay = [.seconds(1), .seconds(10), .seconds(45)][random.below(3)] }
        if random.chance(0.5) { partitions = 1 + random.below(4) }
        if random.chance(0.5) { crashes = 1 + random.below(6) }
        if random.chance(0.5) { crashAtCommit = [0.01, 0.1, 0.3][random.below(3)] }
        if random.chance(0.5) { fullDisks = 1 + random.below(3) }
        if random.chance(0.5) { skew = [.seconds(5), .seconds(120), .seconds(600)][random.below(3)] }
        if random.chance(0.3) { clockJumps = 1 + random.below(3) }
        if random.chance(0.25) { restores = 1 + random.below(2) }
        if random.chance(0.3) { noemaNodes = [[.go], [.rust], [.go, .rust]][random.below(3)] }
        if random.chance(0.4) { losses = 1 + random.below(4) }
        if random.chance(0.4) { skips = 1 + random.below(4) }
        if random.chance(0.4) { compactions = 1 + random.below(8) }
        if random.chance(0.3) { mixVersions(1 + random.below(nodes - 2)) }
    }

    /// Some nodes are of an older version. It knows no comparison, no numbers and no stubs: what only these mend, or make,
    /// does not happen then.
    package mutating func mixVersions(_ count: Int) {
        olderNodes = count
        (losses, skips, compactions) = (0, 0, 0)
    }

    package func isOlder(_ node: Int) -> Bool { (nodes - olderNodes..<nodes).contains(node) }

    /// The nodes that `node` polls, in order.
    func neighbours(of node: Int) -> [Int] {
        switch shape {
        case .line: [node - 1, node + 1].filter { (0..<nodes).contains($0) }
        case .star: node == 0 ? hasLeaves ? [] : Array(1..<nodes) : [0]
        // One way round: what a node writes reaches the one before it through all the others.
        case .ring: [(node + nodes - 1) % nodes]
        case .mesh: (0..<nodes).filter { $0 != node }
        }
    }
}

/// What a simulation found that must not be.
package struct SimulationViolation: Error, CustomStringConvertible {
    package var seed: UInt64
    package var at: Instant
    package var what: String

    package var description: String {
        "seed \(seed), at \(at.sinceStart): \(what); replay with: make simulate SEED=\(seed)"
    }
}
