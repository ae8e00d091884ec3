import FederationCore
import FederationCrypto

/// What users have written, and what each of them had seen when they wrote it.
struct WriteHistory: Sendable {
    private struct Written {
        var place: DottedClock
        /// What its writer had seen, and what the writers of that had: its causal past.
        var past: Set<ULID>
    }

    private var content: [String: [Written]] = [:]
    /// Events that a user was told are written, and that no disk has lost since.
    private(set) var acknowledged: Set<ULID> = []
    /// Nodes that were put back to a backup: their numbers may name two events.
    var reusesNumbers: Set<ULID> = []

    mutating func acknowledge(_ id: ULID) { acknowledged.insert(id) }

    /// Takes back what went with a disk, unless somebody else has it.
    mutating func forget(_ ids: Set<ULID>, unless isElsewhere: (ULID) -> Bool) {
        let gone = ids.filter { !isElsewhere($0) }
        acknowledged.subtract(gone)
        for subject in content.keys { content[subject]?.removeAll { gone.contains($0.place.id) } }
    }

    /// Notes a create or update and what its writer had seen of the subject.
    ///
    /// An edit may hide what none but its forerunners' writers had seen: a comparison brings events in no order, so a
    /// node may have the edit that resolved two others before it has these.
    ///
    /// - Returns: an event that it hides, or that hides it, and that its writer had not seen.
    mutating func note(_ event: Event, seen: Set<ULID>) -> ULID? {
        let earlier = content[event.subject] ?? []
        let past = earlier.reduce(into: seen) { if seen.contains($1.place.id) { $0.formUnion($1.past) } }
        let new = Written(place: DottedClock(event), past: past)
        var hidden: ULID?
        for old in earlier {
            if new.place.dominates(old.place), !new.past.contains(old.place.id) { hidden = old.place.id }
            // Who wrote first cannot have seen what came later.
            if old.place.dominates(new.place) { hidden = old.place.id }
        }
        content[event.subject, default: []].append(new)
        return hidden
    }
}

extension SimulatedRing {
    // MARK: After every step

    /// What a node has told its users is on its disk, and nothing was applied twice.
    func checkStore(of index: Int) throws {
        let node = nodes[index]
        for id in node.acknowledged where node.storage.event(id) == nil {
            throw violation("node \(index) has lost \(id), which it had acknowledged")
        }
        for (id, forms) in try node.storage.replayerValues() where !CountingReplayer.isOnce(forms) {
            throw violation("node \(index) has applied \(id) \(forms.count) times")
        }
    }

    /// The records of these subjects are what their events make them.
    func checkRecords(of index: Int, _ subjects: Set<String>) throws {
        for subject in subjects.sorted() where !nodes[index].staleSubjects.contains(subject) {
            let events = nodes[index].storage.events(of: subject).map(\.event)
            let record = nodes[index].storage.record(subject)
            guard record == RecordFunction.record(of: subject, from: events).record else {
                throw violation("node \(index) has a record of \(subject) that its events do not make")
            }
            let hasContent = events.contains { $0.knownAction?.isContent == true }
            if hasContent, let record, record.heldCount < events.count, record.heads.isEmpty, record.purge == nil,
                events.contains(where: { $0.knownAction?.isContent == true && isApplied($0, index) })
            {
                throw violation("node \(index) has a record of \(subject) without heads")
            }
        }
    }

    private func isApplied(_ event: Event, _ index: Int) -> Bool {
        nodes[index].storage.event(event.id)?.hold == nil
    }

    /// No position says more than what is here: everything up to it is in the log, or listed with the reason.
    func checkCursor(of index: Int, _ peer: Int) throws {
        try checkPosition(of: index, in: nodes[index].peers[peer])
    }

    func checkPosition(of index: Int, in other: Int) throws {
        guard other < nodes.count else { return }
        let storage = nodes[index].storage
        let name = SimulatedNode.name(of: other)
        let parts = (storage.state(StateKey.peer(name, .position)) ?? "").split(separator: ".")
        guard parts.count == 3, let seq = Int64(parts[1]), let id = ULID(parts[2]) else { return }
        let source = nodes[other].storage
        // After a restore the position may be one of a log that is no more; the peer will say so.
        let good = LogEpochs(stored: source.meta(.epoch) ?? "")?.last(of: String(parts[0]), head: source.head()?.seq ?? 0)
        guard let good, seq > 0, seq <= good, source.id(at: seq) == id else { return }
        var missing: [ULID] = []
        for place in 1...seq {
            // Of an event whose place was taken by another variant, that one stands further on and is still to come.
            guard let id = source.id(at: place), (source.event(id)?.seq ?? 0) <= seq else { continue }
            if storage.event(id) == nil { missing.append(id) }
        }
        guard !missing.isEmpty else { return }
        let listed = Set(storage.quarantine(kind: nil, peer: nil, limit: .max).map(\.eventID))
        for id in missing where !listed.contains(id.description) && !nodes[index].excused.contains(id) {
            throw violation("node \(index) is past \(id) in the log of node \(other), and does not have it")
        }
    }

    // MARK: After the last fault

    /// Why the nodes do not agree yet.
    func disagreement() throws -> String? {
        guard nodes.allSatisfy(\.isUp) else { return "a node is down" }
        let first = nodes[0].storage
        for node in nodes.dropFirst() where node.storage.eventCount() != first.eventCount() {
            return "node \(node.index) has \(node.storage.eventCount()) events, node 0 has \(first.eventCount())"
        }
        for id in history.acknowledged.sorted() where first.event(id) == nil { return "nobody has \(id) yet" }
        for id in noema.flatMap({ $0.standIn.events.map(\.id) }) {
            guard let id = ULID(id), first.event(id) == nil else { continue }
            return "node 0 does not have \(id), which a Noema node holds"
        }
        let logs = nodes.map { contents(of: $0.storage) }
        for index in nodes.indices where logs[index] != logs[0] { return "nodes 0 and \(index) have different events" }
        return noemaTrouble()
    }

    private func contents(of storage: MemoryStorage) -> [ULID: Digest] {
        var digests: [ULID: Digest] = [:]
        for subject in storage.subjects(after: nil, limit: .max) {
            for event in storage.events(of: subject) { digests[event.event.id] = event.digest }
        }
        return digests
    }

    /// The same events, the same records, the same divergences; nothing held back, nothing twice.
    mutating func checkEnd() throws {
        let first = nodes[0].storage
        let subjects = first.subjects(after: nil, limit: .max)
        summary.events = Int(first.eventCount())
        for index in nodes.indices {
            nodes[index].staleSubjects = []
            try checkStore(of: index)
            try checkRecords(of: index, Set(subjects))
            let storage = nodes[index].storage
            for subject in subjects {
                guard storage.record(subject) == first.record(subject) else {
                    throw violation("nodes 0 and \(index) have different records of \(subject)")
                }
                guard divergence(of: subject, in: storage) == divergence(of: subject, in: first) else {
                    throw violation("nodes 0 and \(index) show different divergences of \(subject)")
                }
            }
        }
        for index in nodes.indices { try checkNumbers(of: index) }
        summary.diverged = subjects.count { first.record($0)?.isDiverged == true }
    }

    /// Whoever has two events under one number of an origin has noticed it.
    private mutating func checkNumbers(of index: Int) throws {
        let storage = nodes[index].storage
        let noted = Set(try Equivocation.all(in: storage).map(\.origin))
        summary.equivocations += noted.count
        for node in nodes {
            let origin = node.identity.id
            if node.index != index, storage.attestedOrigins()[origin] != nil { summary.attested += 1 }
            let links = storage.chainLinks(of: origin, after: 0, through: .max, limit: .max)
                .filter { storage.event($0.id)?.verification.rank ?? 0 > 0 }
            for (a, b) in zip(links, links.dropFirst()) where a.number == b.number && !noted.contains(origin) {
                throw violation("node \(index) has not noticed that \(a.id) and \(b.id) are number \(a.number) of \(origin)")
            }
        }
    }

    private func divergence(of subject: String, in storage: MemoryStorage) -> String? {
        guard let record = storage.record(subject) else { return nil }
        return Divergence(of: record, events: storage.events(of: subject).map(\.event))?.text
    }
}
