import FederationCore
import FederationCrypto

/// Something a user wants written, which he repeats until he is told that it is.
struct UserWrite: Sendable {
    var node: Int
    /// `nil` until he has looked at the record.
    var request: WriteRequest?
    var id: String
}

extension SimulatedRing {
    /// How many subjects the users share: few enough that they meet.
    private var subjectCount: Int { max(4, plan.writes / 4) }

    mutating func write(_ write: UserWrite) throws {
        let index = write.node
        guard nodes[index].isUp else { return tryAgain(write) }
        // A claim is looked into before anything is written.
        guard !nodes[index].isInDoubt else { return tryAgain(write) }
        let request = write.request ?? choose(on: index)
        let storage = nodes[index].storage
        let seen = Set(storage.events(of: request.subject).filter { $0.hold == nil }.map(\.event.id))
        let crashes = !isMended && random.chance(plan.crashAtCommit)
        if crashes, random.chance(0.5) {
            crash(index)
            return tryAgain(UserWrite(node: index, request: request, id: write.id))
        }
        let writer = nodes[index].writer
        let wall = nodes[index].wall(at: now)
        let written: Written
        do throws(WriteFailure) {
            var numbers = random.split()
            written = try nodes[index].storage.transaction { log throws(WriteFailure) in
                try writer.write(request, requestID: write.id, now: wall, random: &numbers, into: &log)
            }
        } catch {
            // A refusal is an answer; a full disk is tried again.
            if case .store = error { tryAgain(UserWrite(node: index, request: request, id: write.id)) }
            return
        }
        tell("node \(index) writes \(written.events) \(request.words)\(written.isRepeated ? " again" : "")")
        try note(written, seen: seen, by: index)
        if crashes {
            crash(index)
            return tryAgain(UserWrite(node: index, request: request, id: write.id))
        }
        // A request that is repeated is answered by what it wrote, also where the disk has lost that since.
        for id in written.events where nodes[index].storage.event(id) != nil {
            nodes[index].acknowledged.insert(id)
            history.acknowledge(id)
            trace.add(id)
        }
    }

    private mutating func tryAgain(_ write: UserWrite) {
        guard !isMended else { return }
        queue.plan(.write(write), at: now.advanced(by: .seconds(Int64(1 + random.below(60)))))
    }

    private mutating func note(_ written: Written, seen: Set<ULID>, by index: Int) throws {
        guard !written.isRepeated else { return }
        try checkRecords(of: index, [written.subject])
        for id in written.events {
            guard let event = nodes[index].storage.event(id)?.event, event.knownAction?.isContent == true else {
                continue
            }
            let hidden = history.note(event, seen: seen)
            // Numbers that were used twice, and clocks of nodes that claim what they never read, may hide an edit.
            if let hidden, noema.isEmpty, history.reusesNumbers.isEmpty {
                throw violation("\(id) of node \(index) hides \(hidden) or is hidden by it, unseen")
            }
        }
    }

    private mutating func choose(on index: Int) -> WriteRequest {
        let subject = "20260101-note-\(random.below(subjectCount))"
        var snapshot = Snapshot()
        snapshot.title = "Note"
        snapshot.type = "note"
        snapshot.body = "\(random.next())"
        guard let record = nodes[index].storage.record(subject), !record.heads.isEmpty else {
            return .create(subject: subject, snapshot)
        }
        if record.isDiverged {
            return random.chance(0.5)
                ? .resolve(subject: subject, .custom(body: snapshot.body))
                : .resolve(subject: subject, .accept(record.heads[random.below(record.heads.count)].description))
        }
        switch random.below(20) {
        case 0: return .purge(subject: subject, reason: "")
        case 1...4:
            let changes = WriteRequest.LifecycleChange.allCases
            return .change(subject: subject, changes[random.below(changes.count)])
        case 5, 6: return .move(subject: subject, to: Tier.allCases[random.below(3)])
        default:
            snapshot.tags = ["tag-\(random.below(3))"]
            return .update(subject: subject, snapshot, base: random.chance(0.5) ? .current : .heads(record.heads))
        }
    }

    mutating func writeNoema(_ number: Int) {
        let wall = noema[number].wall(at: now)
        let before = noema[number].standIn.events.count
        defer { tell("noema \(number) writes \(noema[number].standIn.events.dropFirst(before).map(\.words))") }
        let traces = noema[number].standIn.traces.keys.sorted()
        let body = "\(random.next())"
        guard let trace = traces.isEmpty ? nil : traces[random.below(traces.count)], random.chance(0.7) else {
            _ = try? noema[number].standIn.create(
                NoemaStandIn.Draft("Noema \(number) \(random.below(1000))", body: body), now: wall)
            return
        }
        let actions: [NoemaAction] = [.archive, .unarchive, .trash, .recover]
        switch random.below(10) {
        case 0, 1: _ = try? noema[number].standIn.change(trace, actions[random.below(4)], now: wall)
        case 2: _ = try? noema[number].standIn.vote(trace, up: true, now: wall)
        case 3: _ = try? noema[number].standIn.setTier(trace, to: Tier.allCases[random.below(3)], now: wall)
        default: _ = try? noema[number].standIn.update(trace, body: body, now: wall)
        }
    }
}

extension NoemaEvent {
    fileprivate var words: String { "\(id) \(action) \(traceID)" }
}

extension WriteRequest {
    fileprivate var words: String {
        switch self {
        case .create(let subject, _): "create \(subject)"
        case .update(let subject, _, let base): "update \(subject) on \(base)"
        case .resolve(let subject, let resolution, _): "resolve \(subject) \(resolution)"
        case .change(let subject, let change): "\(change.rawValue) \(subject)"
        case .move(let subject, let tier): "move \(subject) to \(tier.rawValue)"
        case .purge(let subject, _): "purge \(subject)"
        }
    }
}

extension SimulatedNode {
    var writer: EventWriter {
        let key = key
        return EventWriter(node: identity.id, name: identity.name, sha256: sha256) { preimage in
            EventSeal(signature: key.sign(preimage).description, publicKey: key.publicKey.description)
        }
    }
}
