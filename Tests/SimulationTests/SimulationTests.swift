import Federation
import FederationCore
import FederationTestKit
import Glibc
import Testing

/// Rings of nodes made of production code, with everything going wrong that a seed says (`SimulatedRing`).
///
/// `FEDERATION_SEED=7` runs one seed and tells what happens, `FEDERATION_SEEDS=5000` runs more than usual.
@Suite struct SimulationTests {
    private static func number(_ name: String) -> UInt64? { getenv(name).flatMap { UInt64(String(cString: $0)) } }

    private static func simulate(_ plan: SimulationPlan, tells: Bool = false) throws -> SimulatedRing.Summary {
        // Pages of a few events, or no ring of this size would ever have two under way at one time.
        let pageEvents = plan.seed % 3 == 0 ? Limits.pageEvents : 1 + Int(plan.seed % 7)
        var ring = SimulatedRing(plan, wires: [NativeWire(), NoemaWire()]) { AutoExchange(pageEvents: pageEvents) }
        if tells { ring.narrator = { print($0) } }
        return try ring.run()
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
            for await found in group { for violation in found { Issue.record("\(violation)") } }
        }
    }

    @Test func theSameSeedIsTheSameRun() throws {
        let plan = SimulationPlan(seed: SimulationTests.number("FEDERATION_SEED") ?? 10)
        let first = try SimulationTests.simulate(plan)
        #expect(try SimulationTests.simulate(plan) == first)
    }
}
