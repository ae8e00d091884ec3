import Federation
import FederationCore
import FederationCrypto
import FederationTestKit
import Glibc
import Testing

@testable import FederationCLI

/// Rings of nodes made of production code, with everything going wrong that a seed says (`SimulatedRing`).
///
/// `FEDERATION_SEED=7` runs one seed and tells what happens, `FEDERATION_SEEDS=5000` runs more than usual.
@Suite struct SimulationTests {
    private static func number(_ name: String) -> UInt64? { getenv(name).flatMap { UInt64(String(cString: $0)) } }

    private static func simulate(
        _ plan: SimulationPlan, tells: Bool = false, compares: Bool = true, mends: Bool = true
    ) throws -> SimulatedRing.Summary {
        var simulation = RingSimulation(plan)
        (simulation.compares, simulation.mends) = (compares, mends)
        if tells { simulation.narrator = { print($0) } }
        return try simulation.run()
    }

    /// One test for all seeds: as a case each, they would flood the log and starve the other tests.
    @Test func afterTheFaultsEndAllNodesAgree() async throws {
        if let seed = SimulationTests.number("FEDERATION_SEED") {
            print(try SimulationTests.simulate(SimulationPlan(seed: seed), tells: true))
            return
        }
        let count = SimulationTests.number("FEDERATION_SEEDS") ?? 100
        await withTaskGroup(of: [String].self) { group in
            // Two at a time: each is a value of its own.
            for first in UInt64(1)...2 {
                group.addTask {
                    var found: [String] = []
                    for seed in stride(from: first, through: count, by: 2) {
                        let plan = SimulationPlan(seed: seed)
                        do { _ = try SimulationTests.simulate(plan) } catch { found.append("\(error)") }
                    }
                    return found
                }
            }
            for await found in group {
                for violation in found { Issue.record("\(violation)") }
            }
        }
    }

    /// Nodes check signatures and follow chains while everything goes wrong, and backups that go on unnoticed make
    /// origins that give one number to two events: the nodes agree all the same, and each has noticed.
    @Test func originsThatEquivocateAreNoticedByAll() throws {
        let only = SimulationTests.number("FEDERATION_CHAIN_SEED")
        var (attested, equivocations) = (0, 0)
        let count = min(SimulationTests.number("FEDERATION_SEEDS") ?? 30, 100)
        for seed in only.map({ $0...$0 }) ?? 1...count {
            var plan = SimulationPlan(seed: seed)
            (plan.signatures, plan.restores, plan.noemaNodes, plan.olderNodes) = (.enforce, 3, [], 0)
            let summary = try SimulationTests.simulate(plan, tells: only != nil)
            attested += summary.attested
            equivocations += summary.equivocations
        }
        // A few seeds need not show it.
        let isShown = attested > 20 && equivocations > 0
        #expect(only != nil || count < 20 || isShown, "\(attested) followed, \(equivocations) noticed")
    }

    /// Some nodes remove what was overtaken, at any moment and again and again, while everything goes wrong: no record
    /// shows it, and in the end all agree, whoever got what as a stub.
    @Test func whoeverHasCompactedAgreesWithWhoeverHasNot() throws {
        let only = SimulationTests.number("FEDERATION_COMPACT_SEED")
        var stubs = 0
        let count = min(SimulationTests.number("FEDERATION_SEEDS") ?? 24, 24)
        for seed in only.map({ $0...$0 }) ?? 1...count {
            var plan = SimulationPlan(seed: seed)
            (plan.signatures, plan.compactions, plan.writes) = (seed % 2 == 0 ? .enforce : .warn, 20, 60)
            plan.olderNodes = 0
            // They sign nothing.
            if plan.signatures == .enforce { plan.noemaNodes = [] }
            stubs += try SimulationTests.simulate(plan, tells: only != nil).stubs
        }
        #expect(only != nil || count < 20 || stubs > 100, "\(stubs) stubs")
    }

    /// Half of the nodes speak as version 0.1 did, among everything else that goes wrong.
    @Test func nodesOfTwoVersionsAgree() throws {
        for seed in UInt64(1)...8 {
            var plan = SimulationPlan(seed: seed)
            plan.mixVersions(plan.nodes / 2)
            _ = try SimulationTests.simulate(plan)
        }
    }

    /// A star whose leaves nobody can reach: what they write they push, and everybody comes to the same.
    @Test func leavesThatNobodyCanReachAreHeard() throws {
        let only = SimulationTests.number("FEDERATION_LEAF_SEED")
        var pushes = 0
        let count = min(SimulationTests.number("FEDERATION_SEEDS") ?? 40, 100)
        for seed in only.map({ $0...$0 }) ?? 1...count {
            var plan = SimulationPlan(seed: seed)
            (plan.shape, plan.hasLeaves, plan.olderNodes) = (.star, true, 0)
            pushes += try SimulationTests.simulate(plan, tells: only != nil).pushes
        }
        #expect(pushes > 100 || only != nil || count < 20)
    }

    @Test func theSameSeedIsTheSameRun() throws {
        let plan = SimulationPlan(seed: SimulationTests.number("FEDERATION_SEED") ?? 10)
        let first = try SimulationTests.simulate(plan)
        #expect(try SimulationTests.simulate(plan) == first)
    }

    /// A ring in which nothing goes wrong but that events vanish and positions move.
    private static func quietPlan(_ seed: UInt64) -> SimulationPlan {
        var plan = SimulationPlan(seed: seed)
        (plan.loss, plan.duplication, plan.partitions, plan.crashes, plan.crashAtCommit) = (0, 0, 0, 0, 0)
        (plan.fullDisks, plan.clockJumps, plan.restores, plan.noemaNodes, plan.olderNodes) = (0, 0, 0, [], 0)
        (plan.losses, plan.skips) = (6, 6)
        return plan
    }

    /// Holes are asked for by number; what leaves no hole, comparisons bring. Without both it stays away.
    @Test func comparisonsMendWhatCursorsCannotSee() throws {
        var lost = 0
        var skipped = 0
        var filled = 0
        var stayed = 0
        for seed in UInt64(1)...4 {
            let summary = try SimulationTests.simulate(SimulationTests.quietPlan(seed))
            lost += summary.lost
            skipped += summary.skipped
            filled += summary.filled
            var plan = SimulationTests.quietPlan(seed)
            plan.fillsHoles = false
            let compared = try SimulationTests.simulate(plan)
            #expect(compared.filled == 0 && compared.lost > 0)
            if case .failure = Result(catching: { try SimulationTests.simulate(plan, compares: false) }) { stayed += 1 }
        }
        #expect(lost > 12 && skipped > 0 && filled > 12, "\(lost) lost, \(skipped) skipped, \(filled) filled")
        #expect(stayed >= 3, "\(stayed) of 4 stayed apart; \(lost) lost, \(skipped) skipped")
    }

    /// The node in the middle of a star cannot ask for what vanished there: the leaves notice, and bring it.
    @Test func whatTheMiddleLosesIsBroughtBack() throws {
        var stayed = 0
        for seed in UInt64(1)...6 {
            var plan = SimulationTests.quietPlan(seed)
            (plan.shape, plan.hasLeaves, plan.losses) = (.star, true, 12)
            _ = try SimulationTests.simulate(plan)
            let without = Result { try SimulationTests.simulate(plan, mends: false) }
            if case .failure = without { stayed += 1 }
        }
        #expect(stayed >= 2, "\(stayed) of 6 stayed apart without it")
    }
}
