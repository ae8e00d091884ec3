import FederationCore
import FederationTestKit
import Testing

/// A program that stores the (seq, id) of each event with its effect, as docs/replayers.md asks for exactly once.
private struct StoringProgram {
    var stored: Set<String> = []
    /// The effects, by record, in the order in which they were made.
    var effects: [String: [Int64]] = [:]
    var deliveries = 0

    mutating func take(_ event: JSON) -> Int64 {
        let seq = event["seq"]?.integer ?? 0
        deliveries += 1
        if stored.insert("\(seq) \(event["id"]?.string ?? "")").inserted {
            effects[event["subject"]?.string ?? "", default: []].append(seq)
        }
        return seq
    }
}

@Suite struct ReplayerPropertyTests {
    /// Kills of the program and of the node at any moment, refusals, a store that fails, events that keep coming.
    @Test func eachEventHasItsEffectOnceWhateverIsKilled() throws {
        for seed in UInt64(1)...60 {
            var random = SeededRandom(seed: seed)
            var bench = ReplayerBench(window: Int.random(in: 1...6, using: &random), attempts: 1000, seed: seed)
            bench.heedsSignals = true
            var program = StoringProgram()
            var written: Int64 = 0
            bench.send(.tick)
            for step in 0..<400 {
                let isCalm = step >= 250
                if written < 40, Int.random(in: 0..<4, using: &random) == 0 {
                    written += 1
                    let subject = "20260407-\(Int.random(in: 1...5, using: &random))"
                    let action = bench.node.log.record(subject) == nil ? "create" : "update"
                    try bench.node.take([Sample.event(Sample.id(written), action, subject, clock: [1: UInt64(written)])])
                    bench.send(.news)
                }
                advance(&bench, &program, isCalm: isCalm, &random)
            }
            #expect(written == 40)
            for _ in 0..<2000 where try bench.kept.cursor.position?.seq != 40 || !bench.kept.lanes.isEmpty {
                advance(&bench, &program, isCalm: true, &random)
            }
            #expect(try bench.kept.cursor.position?.seq == 40, "seed \(seed)")
            #expect(try bench.kept.lanes.isEmpty, "seed \(seed)")
            #expect(program.stored.count == 40, "seed \(seed)")
            for (subject, order) in program.effects { #expect(order == order.sorted(), "seed \(seed): \(subject)") }
        }
    }

    private func advance(
        _ bench: inout ReplayerBench, _ program: inout StoringProgram, isCalm: Bool, _ random: inout SeededRandom
    ) {
        bench.storeFails = !isCalm && Int.random(in: 0..<12, using: &random) == 0
        switch Int.random(in: 0..<(isCalm ? 6 : 10), using: &random) {
        case 0...4:
            if bench.machine.status.state == .starting, bench.isAlive { bench.greet() }
            guard bench.isAlive, let place = bench.lines.firstIndex(where: { $0["type"]?.string == "event" }) else {
                return bench.wake()
            }
            let event = bench.lines.remove(at: place)
            if !isCalm, Int.random(in: 0..<6, using: &random) == 0 {
                bench.fail(event["seq"]?.integer ?? 0, "busy")
            } else {
                let seq = program.take(event)
                // Killed between the effect and the answer, now and then.
                if isCalm || Int.random(in: 0..<10, using: &random) > 0 { bench.ok(seq) } else { bench.end() }
            }
        case 5: bench.wake()
        case 6, 7: if bench.isAlive { bench.end() }
        case 8: bench.restart()
        default: bench.send(.news)
        }
    }
}
