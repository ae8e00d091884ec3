internal import Negentropy

extension LossSearch {
    /// Sessions in which messages are altered on the way, or made up: whatever is said, both sides go on within their
    /// limits, and the initiator ends, by itself, by a refusal or at a cap.
    public func adversary(_ pairs: Int) throws -> Finding {
        var numbers = SeededNumbers(seed)
        var finding = Finding()
        for number in 0..<pairs {
            let shape = SetPair.Shape.allCases[number % SetPair.Shape.allCases.count]
            let pair = SetPair(shape, most: 300, using: &numbers)
            finding.sessions += 1
            if let problem = try LyingSession(pair).run(&numbers), finding.failures.count < 10 {
                finding.failures.append("altered \(shape.rawValue) pair \(number): \(problem)")
            }
        }
        return finding
    }
}

/// One session over a channel that lies.
private struct LyingSession {
    static let frame = 4096
    static let rounds = 60
    static let differences = 400

    let pair: SetPair
    let settings: ReconcileSettings

    init(_ pair: SetPair) throws {
        self.pair = pair
        settings = try ReconcileSettings(
            frameLimit: LyingSession.frame, maxRounds: LyingSession.rounds, maxDifferences: LyingSession.differences)
    }

    /// - Returns: what should not have happened.
    func run(_ numbers: inout SeededNumbers) throws -> String? {
        var initiator = Initiator(store: try OrderedStore(pair.a), settings: settings, hash: quickHash)
        let own = Set(pair.a.map(\.id))
        let store = try SealedStore(pair.b)
        var message = try initiator.open()
        for _ in 0...LyingSession.rounds {
            var responder = Responder(store: store, settings: settings, hash: quickHash)
            let asked = altered(message, &numbers)
            // One that refuses says nothing; a liar makes something up.
            var answer = (try? responder.answer(asked)) ?? [0x61, 0, 0, 1] + numbers.id().bytes.prefix(16)
            if answer.count > LyingSession.frame { return "an answer of \(answer.count) bytes" }
            answer = altered(answer, &numbers)
            guard case .send(let next)? = try? initiator.receive(answer) else { return judge(initiator, own) }
            if next.count > LyingSession.frame { return "a question of \(next.count) bytes" }
            message = next
        }
        return "it does not end"
    }

    private func judge(_ initiator: Initiator<OrderedStore>, _ own: Set<ItemID>) -> String? {
        if !initiator.have.isSubset(of: own) { return "it claims to have what it has not" }
        let found = initiator.have.count + initiator.need.count
        return found > LyingSession.differences ? "it keeps \(found) ids" : nil
    }

    private func altered(_ message: [UInt8], _ numbers: inout SeededNumbers) -> [UInt8] {
        var message = message
        switch Int.random(in: 0..<8, using: &numbers) {
        case 0: message = [0x61] + (0..<40).map { _ in UInt8(numbers.next() & 0x83) }
        case 1: message.removeSubrange(Int.random(in: 0..<message.count, using: &numbers)...)
        case 2:
            for _ in 0..<3 {
                message[Int.random(in: 0..<message.count, using: &numbers)] = UInt8(truncatingIfNeeded: numbers.next())
            }
        case 3: message = [0x61, 0, 0, 1] + numbers.id().bytes.prefix(16)
        case 4:
            message = [0x61, 0, 0, 2, 30]
            for _ in 0..<30 { message += numbers.id().bytes }
        default: break
        }
        return message
    }
}
