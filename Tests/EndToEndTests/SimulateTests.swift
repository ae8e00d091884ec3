import FederationCore
import Testing

/// `federation simulate`.
struct SimulateTests {
    private let scratch = ScratchDirectory()

    @Test func aSeedIsAWholeRun() async throws {
        let words = ["simulate", "--nodes", "5", "--seed", "42", "--faults", "partition,crash,skew", "--writes", "8", "--json"]
        let first = try await Program.run(words, in: scratch)
        #expect(first.status == 0, "\(first.out)\(first.err)")
        let run = try #require(try first.json["runs"]?.array?.first)
        #expect(run["nodes"]?.integer == 5 && run["seed"]?.integer == 42)
        #expect(run["events"]?.integer ?? 0 >= 8 && run["crashes"]?.integer ?? 0 > 0 && run["failed_polls"]?.integer ?? 0 > 0)
        #expect(try await Program.run(words, in: scratch).out == first.out)
    }

    @Test func withoutFaultsNothingFails() async throws {
        let result = try await Program.run(
            ["simulate", "--faults", "none", "--nodes", "3", "--writes", "4", "--seeds", "2", "--shape", "mesh"], in: scratch)
        #expect(result.status == 0 && result.out.hasSuffix("2 runs, 0 violations\n"), "\(result.out)\(result.err)")
        #expect(result.out.contains("seed 2: 3 nodes in a mesh: ") && result.out.contains(" of which 0 failed, 0 crashes"))
    }

    @Test func aWrongFaultHasAHint() async throws {
        let result = try await Program.run(["simulate", "--faults", "partitoin"], in: scratch)
        #expect(result.status == 2 && result.err.contains("did you mean 'partition'?"), "\(result.err)")
    }
}
