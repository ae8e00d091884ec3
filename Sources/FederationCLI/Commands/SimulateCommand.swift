import Federation
import FederationCore
import FederationTestKit

let simulateCommand = CommandDefinition(
    name: "simulate", summary: "run a ring in virtual time, with everything going wrong that a seed says",
    details: """
        Nodes of the same engine that 'federation run' uses write, poll and compare over a simulated network for minutes of
        virtual time, which take a second or so. Once the faults are over, all logs and records must be equal, nothing
        that was acknowledged may be lost, and nothing applied twice. A seed is a whole run: the same seed does the same.
        Nothing here is touched, and no node is needed.

        Faults: \(SimulationFault.allCases.map { "\($0.rawValue) (\($0.words))" }.joined(separator: ", ")). Without
        --faults each seed draws some of them. With --verify enforce no Noema nodes take part, for they sign nothing.
        """,
    options: [
        .init("--seed", value: "N", "the first seed (default: 1)"),
        .init("--seeds", value: "N", "how many seeds, one after another (default: 1)"),
        .init("--nodes", value: "N", "2 to 50 nodes (default: 5 to 7, as the seed says)"),
        .init("--shape", value: "SHAPE", "line, star, ring or mesh (default: as the seed says)"),
        .init("--faults", value: "LIST", "these faults alone, with commas between; 'none' for none"),
        .init("--writes", value: "N", "how many records are written and edited, 1 to 2000"),
        .init("--verify", value: "MODE", "what nodes do about signatures: off, warn or enforce (default: off)"),
        .init("--tell", "tell what happens"),
    ],
    examples: [
        ("federation simulate --nodes 5 --seed 42 --faults partition,crash,skew", "one ring, three kinds of trouble"),
        ("federation simulate --seeds 100", "a hundred rings, each with its own"),
        ("federation simulate --seed 17 --tell", "what happens in one of them"),
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    let request: SimulationRequest
    do throws(OptionProblem) { request = try SimulationRequest(session) } catch { return session.usage(error.what) }
    return request.run(session)
}

/// What the options ask for.
private struct SimulationRequest {
    var seeds: Range<UInt64>
    var nodes: Int?
    var shape: RingShape?
    var faults: [SimulationFault]?
    var writes: Int?
    var signatures = SignatureMode.off

    init(_ session: Session) throws(OptionProblem) {
        let first = try session.number("--seed", default: 1, in: 0...Int.max / 2)
        let count = try session.number("--seeds", default: 1, in: 1...1_000_000)
        seeds = UInt64(first)..<UInt64(first + count)
        let arguments = session.arguments
        if arguments.value("--nodes") != nil { nodes = try session.number("--nodes", default: 5, in: 2...50) }
        if arguments.value("--writes") != nil { writes = try session.number("--writes", default: 30, in: 1...2000) }
        if let word = arguments.value("--shape") {
            shape = RingShape(rawValue: word)
            if shape == nil { throw OptionProblem(what: "--shape is line, star, ring or mesh") }
        }
        if let word = arguments.value("--verify") {
            guard let mode = SignatureMode(rawValue: word) else { throw OptionProblem(what: "--verify is off, warn or enforce") }
            signatures = mode
        }
        guard let list = arguments.value("--faults") else { return }
        faults = []
        for word in list.split(separator: ",").map(String.init) where list != "none" {
            guard let fault = SimulationFault(rawValue: word) else {
                let names = SimulationFault.allCases.map(\.rawValue)
                let known = closest(to: word, among: names).map { "did you mean '\($0)'?" } ?? names.joined(separator: ", ")
                throw OptionProblem(what: "no fault '\(word.escapedForTerminal)': \(known)")
            }
            faults?.append(fault)
        }
    }

    private func plan(_ seed: UInt64) -> SimulationPlan {
        var plan = faults.map { SimulationPlan(seed: seed, faults: $0) } ?? SimulationPlan(seed: seed)
        if let nodes { plan.nodes = nodes }
        if let shape { plan.shape = shape }
        if let writes { plan.writes = writes }
        plan.signatures = signatures
        // They sign nothing: what they write would be refused, and that is no fault of the ring.
        if signatures == .enforce { plan.noemaNodes = [] }
        return plan
    }

    func run(_ session: Session) -> ExitStatus {
        let console = session.console
        var runs: [SimulationRun] = []
        for seed in seeds {
            var simulation = RingSimulation(plan(seed))
            if session.arguments.has("--tell") { simulation.narrator = { console.note($0) } }
            let run = SimulationRun(simulation)
            if !session.arguments.json { run.print(console) }
            runs.append(run)
        }
        let failed = runs.count { $0.violation != nil }
        if session.arguments.json {
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("ok", failed == 0)
                writer.key("runs")
                writer.array { for run in runs { run.write(to: &$0) } }
            }
            console.print(String(decoding: writer.bytes, as: UTF8.self))
        } else if runs.count > 1 {
            console.print("\(counted(Int64(runs.count), "run")), \(counted(Int64(failed), "violation"))")
        }
        return failed == 0 ? .ok : .failure
    }
}

/// One seed, and what came of it.
private struct SimulationRun {
    let plan: SimulationPlan
    private(set) var summary: SimulatedRing.Summary?
    private(set) var violation: String?

    init(_ simulation: RingSimulation) {
        plan = simulation.plan
        do { summary = try simulation.run() } catch let found as SimulationViolation {
            violation = "at \(found.at.sinceStart): \(found.what)"
        } catch { violation = "\(error)" }
    }

    func print(_ console: Console) {
        let ring = "seed \(plan.seed): \(plan.nodes) nodes in a \(plan.shape.rawValue)"
        guard let summary else { return console.error("\(ring): \(violation ?? "")") }
        console.print(
            "\(ring): \(counted(Int64(summary.events), "event")), \(counted(Int64(summary.polls), "poll")) of which "
                + "\(grouped(Int64(summary.failedPolls))) failed, \(grouped(Int64(summary.crashes))) \(summary.crashes == 1 ? "crash" : "crashes"): "
                + "all equal \(summary.agreedAfter.components.seconds) s after the last fault")
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("seed", plan.seed)
            writer.member("nodes", plan.nodes)
            writer.member("shape", plan.shape.rawValue)
            if let violation { writer.member("violation", violation) }
            guard let summary else { return }
            writer.member("events", summary.events)
            writer.member("polls", summary.polls)
            writer.member("failed_polls", summary.failedPolls)
            writer.member("crashes", summary.crashes)
            writer.member("lost", summary.lost)
            writer.member("skipped", summary.skipped)
            writer.member("filled", summary.filled)
            writer.member("diverged", summary.diverged)
            writer.member("agreed_after_seconds", summary.agreedAfter.components.seconds)
            writer.member("trace", String(summary.trace, radix: 16))
        }
    }
}
