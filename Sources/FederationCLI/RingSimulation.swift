import Federation
import FederationCore
import FederationCrypto
import FederationTestKit

/// A ring in virtual time whose nodes are the production engine and the production wires.
struct RingSimulation {
    var plan: SimulationPlan
    /// Whether nodes compare their logs, and whether what a leaf pushes is mended.
    var compares = true
    var mends = true
    /// Is told what happens, if anybody listens.
    var narrator: (@Sendable (String) -> Void)?

    init(_ plan: SimulationPlan) { self.plan = plan }

    /// - Throws: `SimulationViolation` where the ring did what no ring may do.
    func run() throws -> SimulatedRing.Summary {
        let (compares, mends) = (compares, mends)
        // Pages of a few events, or no ring of this size would ever have two under way at one time.
        let pageEvents = plan.seed % 3 == 0 ? Limits.pageEvents : 1 + Int(plan.seed % 7)
        var ring = SimulatedRing(
            plan, wires: [NativeWire(), NoemaWire()],
            reconcile: { (question, log) throws(StoreFailure) in
                guard compares else { return .malformed }
                return try LogReconciliation.answer(question, in: log)
            },
            exchange: { AutoExchange(pageEvents: pageEvents) })
        ring.pushing = SimulatedPushing(
            page: { (position, bytes, log) throws(StoreFailure) in
                try PushPage.next(after: position, bytes: bytes, limit: pageEvents, in: log)
            },
            mending: { (items, position, last, bytes, log) throws(StoreFailure) in
                guard mends else { return (nil, items.count) }
                return try PushPage.mending(items, holding: position, upTo: last, bytes: bytes, in: log)
            },
            request: { page, node, receiver, sign in
                let push = NativePush(page, from: node, to: receiver, sha256: sha256)
                return push.request(signature: sign(push.preimage))
            },
            answer: { NativePush.answer($0, to: $1, from: $2) })
        ring.narrator = narrator
        return try ring.run()
    }
}

/// What can go wrong in a simulation, by the names that `federation simulate --faults` takes.
enum SimulationFault: String, CaseIterable, Sendable {
    case partition, crash, skew, loss, duplication, delay, disk, jump, restore, vanish, skip, noema, compact, older

    var words: String {
        switch self {
        case .partition: "the network falls in two"
        case .crash: "nodes crash, also in the middle of a commit"
        case .skew: "clocks are off by up to ten minutes"
        case .loss: "a tenth of the messages is lost"
        case .duplication: "a tenth of the messages arrives twice"
        case .delay: "messages take up to ten seconds"
        case .disk: "disks are full for a while"
        case .jump: "clocks are set anew"
        case .restore: "a node is put back to its backup"
        case .vanish: "events vanish from a log"
        case .skip: "a position moves past what was not read"
        case .noema: "stock Noema nodes are in the ring"
        case .compact: "nodes remove texts that were overtaken"
        case .older: "half of the nodes speak as version 0.1 did"
        }
    }

    func add(to plan: inout SimulationPlan) {
        switch self {
        case .partition: plan.partitions = 3
        case .crash: (plan.crashes, plan.crashAtCommit) = (4, 0.1)
        case .skew: plan.skew = .seconds(600)
        case .loss: plan.loss = 0.1
        case .duplication: plan.duplication = 0.1
        case .delay: plan.delay = .seconds(10)
        case .disk: plan.fullDisks = 2
        case .jump: plan.clockJumps = 2
        case .restore: plan.restores = 1
        case .vanish: plan.losses = 3
        case .skip: plan.skips = 3
        case .noema: plan.noemaNodes = [.go, .rust]
        case .compact: plan.compactions = 4
        case .older: plan.olderNodes = plan.nodes / 2
        }
    }
}

extension SimulationPlan {
    /// A plan in which these faults happen and no other.
    init(seed: UInt64, faults: [SimulationFault]) {
        self.init(seed: seed)
        (loss, duplication, delay, skew) = (0, 0, .milliseconds(50), .zero)
        (partitions, crashes, crashAtCommit, fullDisks, clockJumps, restores) = (0, 0, 0, 0, 0, 0)
        (losses, skips, compactions, noemaNodes, olderNodes) = (0, 0, 0, [], 0)
        for fault in faults { fault.add(to: &self) }
    }
}
