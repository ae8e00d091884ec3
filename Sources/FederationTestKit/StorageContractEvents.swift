import FederationCore
import FederationCrypto

/// The rules of the log itself.
extension StorageContract {
    func emptyLog(_ log: inout some LogWriting) throws {
        try expectEqual(log.head(), nil)
        try expectEqual(log.place(receivedBefore: Sample.epoch), nil)
        try expectEqual(log.event(Sample.id(1)), nil)
        for seq in [Int64.min, -1, 0, 1, Int64.max] { try expectEqual(log.id(at: seq), nil) }
        try expectEqual(log.events(after: 0, limit: 10, bytes: 1000), [])
        try expectEqual(log.events(after: nil, through: .max, limit: 10, bytes: .max), [])
        try expectEqual(log.events(of: ""), [])
        try expectEqual(log.places(of: ""), [])
        try expectEqual(log.greatestID(through: .max), nil)
        try expectEqual(log.greatestID(of: "s"), nil)
        try expectEqual(log.eventCount(), 0)
        try expectEqual(log.subjects(after: nil, limit: 10), [])
        try expectEqual(log.origins(), [])
        try expectEqual(log.highestNumber(of: ""), nil)
        try expectEqual(log.heldEvents(peer: nil, after: nil, limit: 10), [])
        try expectEqual(log.heldCount(peer: nil), 0)
        try expectEqual(log.record("s"), nil)
        try expectEqual(log.records(RecordFilter(limit: 10)), [])
        try expect(try log.state("vclock") == nil && log.states(prefix: "").isEmpty, "state in an empty log")
        try expect(try log.wireValues("native", peer: "a").isEmpty, "wire values in an empty log")
        try expectEqual(log.quarantine(kind: nil, peer: nil, limit: 10), [])
        try expectEqual(log.quarantineCount(kind: .refused, peer: nil), 0)
        try expectEqual(log.quarantineEntry(1), nil)
        try expectEqual(log.quarantineDue(at: WallTime(milliseconds: .max), limit: 10, bytes: .max), [])
    }

    func eventsComeBack(_ log: inout some LogWriting) throws {
        let clock = ReceivedClock(json: Array(#"{"name":3,"01HV0000000000000000000CTX":9223372036854775807}"#.utf8))
        var event = Sample.event(Sample.id(5), "update", signature: "ed25519:sig")
        event.clock = try required(clock)
        event.payload = .full(Array(#"{ "b" : "\u003c", "a":1.50e1 }"#.utf8))
        let entry = try Sample.entry(event, verification: .provisional, peer: "beta", at: Sample.time(77))
        let seq = try log.append(entry)
        let stored = try required(log.event(event.id))
        try expectEqual(
            stored,
            StoredEvent(
                seq: seq, event: event, digest: entry.fingerprint.digest, signedHash: entry.fingerprint.signedHash,
                verification: .provisional, peer: "beta", receivedAt: Sample.time(77)))
        try expect(stored.dataSeen, "a full event was seen")
        try expectEqual(stored.event.clock.entries, event.clock.entries)

        let stub = try Sample.event(Sample.id(6), "update").stubbed()
        _ = try log.append(try Sample.entry(stub))
        let storedStub = try required(log.event(stub.id))
        try expectEqual(storedStub.event, stub)
        try expect(!storedStub.dataSeen, "a stub that came as one was not seen")

        let made = try Sample.event(Sample.id(7), "update").stubbed()
        var madeHere = try Sample.entry(made, peer: "")
        madeHere.dataSeen = true
        _ = try log.append(madeHere)
        try expectEqual(log.event(made.id)?.dataSeen, true)

        var odd = Sample.event(Sample.id(8), "update")
        (odd.subject, odd.originName, odd.timestamp) = ("\"\\\u{1}\u{1F}é\u{2028}🙂", "", "then\n")
        odd.publicKey = "ed25519:key"
        _ = try log.append(try Sample.entry(odd))
        try expectLines(log, room: .max, count: 4)
    }

    /// The lines are what the events write, whatever is in them.
    private func expectLines(_ log: some LogReading, limit: Int = 10, room: Int, count: Int) throws {
        let events = try log.events(after: 0, limit: count, bytes: .max)
        let lines = try log.lines(after: 0, through: .max, limit: limit, room: room)
        try expect(lines.places.count == count, "limit \(limit), room \(room): \(lines.places.count) lines, not \(count)")
        try expectEqual(
            String(decoding: lines.bytes, as: UTF8.self),
            events.map { String(decoding: $0.event.json, as: UTF8.self) + "\n" }.joined())
        try expectEqual(lines.places.map(\.seq), events.map(\.seq))
        try expectEqual(lines.places.map(\.id), events.map(\.event.id))
        try expectEqual(lines.places.map(\.dot?.number), events.map { $0.event.originID == nil ? nil : $0.event.number })
        try expectEqual(lines.places.map(\.dot?.origin), events.map { $0.event.number == nil ? nil : $0.event.originID })
        guard let last = events.last else { return }
        try expectEqual(log.lines(after: 0, through: last.seq - 1, limit: limit, room: room).places.count, count - 1)
        try expectEqual(log.lines(after: last.seq - 1, through: .max, limit: 1, room: 0).places.map(\.seq), [last.seq])
    }

    func arrival(_ log: inout some LogWriting) throws {
        var last: Int64 = 0
        let ids = [5, 1, 9, 3].map { Sample.id($0) }
        for id in ids {
            let seq = try log.append(Sample.entry(Sample.event(id)))
            try expect(seq > last, "seq \(seq) after \(last)")
            last = seq
            try expectEqual(log.head(), LogPosition(seq: seq, id: id))
            try expectEqual(log.id(at: seq), id)
        }
        try expectEqual(log.events(after: 0, limit: 10, bytes: .max).map(\.event.id), ids)
        try expectEqual(log.events(after: Int64.min, limit: 10, bytes: .max).map(\.event.id), ids)
        let first = try required(log.events(after: 0, limit: 1, bytes: .max).first)
        try expectEqual(log.events(after: first.seq, limit: 2, bytes: .max).map(\.event.id), Array(ids[1...2]))
        try expectEqual(log.events(after: last, limit: 10, bytes: .max), [])
        try expectEqual(log.events(after: Int64.max, limit: 10, bytes: .max), [])
        try expectEqual(log.eventCount(), 4)
        try expectEqual(log.id(at: last + 1), nil)
        // By when they came: a clock that was set back takes nothing out.
        let later = try log.append(Sample.entry(Sample.event(Sample.id(20)), at: Sample.time(500)))
        let earlier = try log.append(Sample.entry(Sample.event(Sample.id(21)), at: Sample.time(400)))
        try expectEqual(log.place(receivedBefore: Sample.time(-1)), nil)
        try expectEqual(log.place(receivedBefore: Sample.time(450)), LogPosition(seq: last, id: ids[3]))
        try expectEqual(log.place(receivedBefore: Sample.time(500)), LogPosition(seq: last, id: ids[3]))
        try expectEqual(log.place(receivedBefore: Sample.time(501)), LogPosition(seq: earlier, id: Sample.id(21)))
        try expect(later < earlier, "in order of arrival")
    }

    func pages(_ log: inout some LogWriting) throws {
        let events = (1...3).map { Sample.event(Sample.id($0)) }
        for event in events { _ = try log.append(Sample.entry(event)) }
        let length = events[0].json.count
        for (limit, bytes, wanted) in [
            (3, 3 * length, 3), (3, 3 * length - 1, 2), (3, 2 * length, 2), (3, length - 1, 1), (3, 0, 1), (3, -1, 1),
            (2, .max, 2), (0, .max, 0), (-1, .max, 0), (.max, .max, 3),
        ] {
            let page = try log.events(after: 0, limit: limit, bytes: bytes)
            try expect(page.count == wanted, "limit \(limit), bytes \(bytes): \(page.count) events, not \(wanted)")
            let byID = try log.events(after: nil, through: .max, limit: limit, bytes: bytes)
            try expect(byID.count == wanted, "limit \(limit), bytes \(bytes): \(byID.count) by id, not \(wanted)")
        }
        let line = length + 1
        for (limit, room, wanted) in [
            (3, 3 * line, 3), (3, 3 * line - 1, 2), (3, line - 1, 1), (3, 0, 1), (2, .max, 2), (0, .max, 0), (-1, .max, 0),
        ] { try expectLines(log, limit: limit, room: room, count: wanted) }
        try expectEqual(log.events(after: nil, through: .max, limit: -1, bytes: .max), [])
        try expectEqual(log.subjects(after: nil, limit: -1), [])
    }

    func orderOfIDs(_ log: inout some LogWriting) throws {
        for moment in [30, 10, 40, 20] as [Int64] {
            _ = try log.append(Sample.entry(Sample.event(Sample.id(moment), "update", moment < 35 ? "s" : "t")))
        }
        func ids(_ after: Int64?, _ through: Int64, _ limit: Int = 10) throws -> [ULID] {
            let page = try log.events(
                after: after.map { Sample.id($0) }, through: Sample.id(through), limit: limit, bytes: .max)
            return page.map(\.event.id)
        }
        try expectEqual(ids(nil, 40), [10, 20, 30, 40].map { Sample.id($0) })
        try expectEqual(ids(10, 30), [20, 30].map { Sample.id($0) })
        try expectEqual(ids(15, 35), [20, 30].map { Sample.id($0) })
        try expectEqual(ids(nil, 40, 2), [10, 20].map { Sample.id($0) })
        try expectEqual(ids(40, 20), [])
        try expectEqual(log.greatestID(through: Sample.id(30)), Sample.id(30))
        try expectEqual(log.greatestID(through: Sample.id(29)), Sample.id(20))
        try expectEqual(log.greatestID(through: Sample.id(9)), nil)
        try expectEqual(log.greatestID(through: .max), Sample.id(40))
        try expectEqual(log.greatestID(of: "s"), Sample.id(30))
        try expectEqual(log.events(of: "s").map(\.event.id), [10, 20, 30].map { Sample.id($0) })
        let places = try log.events(of: "s").sorted { $0.seq < $1.seq }
        try expectEqual(
            log.places(of: "s"), places.map { EventPlace(seq: $0.seq, id: $0.event.id, isHeld: $0.hold != nil) })
    }

    func subjectsAreBytes(_ log: inout some LogWriting) throws {
        // One letter in two spellings, which `==` on texts takes for one; a NUL ends nothing.
        let subjects = ["cafe\u{301}", "caf\u{E9}", "a", "a\0b", "a\0c", ""]
        for (index, subject) in subjects.enumerated() {
            _ = try log.append(Sample.entry(Sample.event(Sample.id(Int64(index)), "vote", subject)))
        }
        let ordered = ["", "a", "a\0b", "a\0c", "cafe\u{301}", "caf\u{E9}"]
        try expectExactly(log.subjects(after: nil, limit: 10), ordered)
        try expectExactly(log.subjects(after: "a", limit: 2), ["a\0b", "a\0c"])
        try expectExactly(log.subjects(after: "cafe\u{301}", limit: 10), ["caf\u{E9}"])
        try expectEqual(log.subjects(from: "a", through: "a\0b", events: 2), [ExactText("a"), ExactText("a\0b")])
        try expectEqual(log.subjects(from: "a", through: "a\0b", events: 1), nil)
        try expectEqual(log.subjects(from: "cafe", through: "caf\u{E9}", events: 9), Set(subjects.prefix(2).map(ExactText.init)))
        try expectEqual(log.subjects(from: "b", through: "c", events: 0), [])
        try expectEqual(log.subjects(from: "z", through: "a", events: 9), [])
        for (index, subject) in subjects.enumerated() {
            try expectEqual(log.events(of: subject).map(\.event.id), [Sample.id(Int64(index))])
            try expectEqual(log.greatestID(of: subject), Sample.id(Int64(index)))
        }
    }

    func markers(_ log: inout some LogWriting) throws {
        let id = Sample.id(1)
        let first = try log.append(Sample.entry(Sample.event(id, body: "one")))
        let other = try log.append(Sample.entry(Sample.event(Sample.id(2), "update", "t")))
        let second = try log.replace(with: Sample.entry(Sample.event(id, body: "two")), counted: true)
        let third = try log.replace(with: Sample.entry(Sample.event(id, body: "three")), counted: false)
        try expect(first < other && other < second && second < third, "seqs \([first, other, second, third])")
        for seq in [first, second, third] { try expectEqual(log.id(at: seq), id) }
        try expectEqual(log.id(at: other), Sample.id(2))
        try expectEqual(log.event(id)?.seq, third)
        try expectEqual(log.event(id)?.event, Sample.event(id, body: "three"))
        try expectEqual(log.events(after: 0, limit: 10, bytes: .max).map(\.seq), [other, third])
        try expectEqual(log.events(after: first, limit: 1, bytes: .max).map(\.seq), [other])
        try expectEqual(log.events(after: second, limit: 10, bytes: .max).map(\.seq), [third])
        try expectEqual(log.head(), LogPosition(seq: third, id: id))
        try expectEqual(log.eventCount(), 2)
        let byID = try log.events(after: nil, through: .max, limit: 10, bytes: .max)
        try expectEqual(byID.map(\.event.id), [id, Sample.id(2)])
    }

    func replacements(_ log: inout some LogWriting) throws {
        let id = Sample.id(1)
        _ = try log.append(Sample.entry(Sample.event(id, body: "one")))
        try log.setHold(id, .unknownType)
        let one = try required(log.event(id))
        try expect(one.replacements == 0 && one.replacedAt == nil, "replaced before it was: \(one)")
        _ = try log.replace(with: Sample.entry(Sample.event(id, body: "two"), at: Sample.time(50)), counted: true)
        let two = try required(log.event(id))
        try expect(two.replacements == 1 && two.replacedAt == Sample.time(50) && two.hold == nil, "\(two)")
        _ = try log.replace(with: Sample.entry(Sample.event(id, body: "three"), at: Sample.time(60)), counted: false)
        let three = try required(log.event(id))
        try expect(three.replacements == 1 && three.replacedAt == Sample.time(50), "\(three)")
        try expectEqual(three.receivedAt, Sample.time(60))
    }

    func movedSubject(_ log: inout some LogWriting) throws {
        let id = Sample.id(1)
        _ = try log.append(Sample.entry(Sample.event(id, "create", "s", origin: 1, clock: [1: 4])))
        let other = Sample.event(id, "create", "t", origin: 2, clock: [2: 9])
        _ = try log.replace(with: Sample.entry(other), counted: true)
        try expectEqual(log.events(of: "s"), [])
        try expectEqual(log.greatestID(of: "s"), nil)
        try expectEqual(log.events(of: "t").map(\.event.id), [id])
        try expectExactly(log.subjects(after: nil, limit: 10), ["t"])
        try expectEqual(log.origins().map(\.origin), [Sample.node(2).description])
        try expectEqual(log.highestNumber(of: Sample.node(1).description), nil)
        try expectEqual(log.highestNumber(of: Sample.node(2).description), 9)
    }

    func sealing(_ log: inout some LogWriting) throws {
        let event = Sample.event(Sample.id(1), "update", clock: [1: 1])
        let entry = try Sample.entry(event)
        let seq = try log.append(entry)
        try log.seal(event.id, signature: "ed25519:s", publicKey: "ed25519:k", verification: .pinned, proofTime: nil)
        let sealed = try required(log.event(event.id))
        try expect(sealed.event.signature == "ed25519:s" && sealed.event.publicKey == "ed25519:k", "\(sealed)")
        try expect(sealed.verification == .pinned && sealed.seq == seq, "\(sealed)")

        let stub = Event.Stub(dataHash: entry.fingerprint.dataHash, normalHash: entry.fingerprint.normalHash)
        try log.strip(event.id, to: stub)
        let stripped = try required(log.event(event.id))
        try expectEqual(stripped.event.payload, .stub(stub))
        try expect(stripped.seq == seq && stripped.dataSeen, "\(stripped)")
        try expectEqual(stripped.digest, entry.fingerprint.digest)
        try expect(stripped.event.signature == "ed25519:s" && stripped.verification == .pinned, "\(stripped)")
        try expectEqual(log.events(after: 0, limit: 9, bytes: .max).map(\.event.isStub), [true])
    }

    func holds(_ log: inout some LogWriting) throws {
        let reasons: [HoldReason] = [
            .unknownAction, .unknownType, .unknownTier, .invalidTraceID, .waits, .replayer(.other), .replayer(.auth),
        ]
        for (index, reason) in reasons.enumerated().reversed() {
            let id = Sample.id(Int64(index))
            _ = try log.append(Sample.entry(Sample.event(id), peer: index < 3 ? "a" : "b"))
            try log.setHold(id, reason)
        }
        _ = try log.append(Sample.entry(Sample.event(Sample.id(100)), peer: "a"))
        try expectEqual(log.heldEvents(peer: nil, after: nil, limit: 10).map(\.hold), reasons)
        try expectEqual(log.heldEvents(peer: nil, after: nil, limit: 2).map(\.hold), Array(reasons.prefix(2)))
        try expectEqual(log.heldEvents(peer: nil, after: Sample.id(2), limit: 2).map(\.hold), Array(reasons[3...4]))
        try expectEqual(log.heldEvents(peer: "a", after: nil, limit: 10).map(\.hold), Array(reasons.prefix(3)))
        try expectEqual(log.heldEvents(peer: "b", after: Sample.id(6), limit: 10), [])
        try expectEqual(log.held(after: nil, limit: 10).map(\.hold), reasons)
        try expectEqual(log.held(after: Sample.id(2), limit: 2).map(\.hold), Array(reasons[3...4]))
        try expectEqual(log.newestHeld(limit: 2).map(\.hold), Array(reasons.suffix(2).reversed()))
        try expectEqual(log.newestHeld(limit: 0), [])
        try expectEqual(log.heldCount(peer: nil), 7)
        try expectEqual(log.heldCount(peer: "b"), 4)
        try expectEqual(log.heldCount(peer: "c"), 0)
        try log.setHold(Sample.id(0), nil)
        try expectEqual(log.heldCount(peer: "a"), 2)
        try expectEqual(log.event(Sample.id(0))?.hold, nil)
        try expectEqual(log.events(after: 0, limit: 10, bytes: .max).count, 8)
    }

    func origins(_ log: inout some LogWriting) throws {
        for (index, number) in ([3, 1, 3, 0] as [UInt64]).enumerated() {
            let clock: [UInt64: UInt64] = number == 0 ? [:] : [1: number, 2: 50]
            _ = try log.append(Sample.entry(Sample.event(Sample.id(Int64(index)), origin: 1, clock: clock)))
        }
        var old = Sample.event(Sample.id(10))
        old.origin = "a name"
        _ = try log.append(Sample.entry(old))
        var highest = Sample.event(Sample.id(11), origin: 2)
        highest.clock = ReceivedClock(VectorClock([Sample.node(2): Limits.counter - 1]))
        _ = try log.append(Sample.entry(highest))
        let one = Sample.node(1).description
        let two = Sample.node(2).description
        try expectEqual(
            log.origins().map { OriginSummary(
                origin: $0.origin, events: $0.events, distinctNumbers: $0.distinctNumbers, highestNumber: $0.highestNumber)
            },
            [
                OriginSummary(origin: one, events: 4, distinctNumbers: 2, highestNumber: 3),
                OriginSummary(origin: two, events: 1, distinctNumbers: 1, highestNumber: Limits.counter - 1),
                OriginSummary(origin: "a name", events: 1, distinctNumbers: 0, highestNumber: 0),
            ])
        try expectEqual(log.highestNumber(of: one), 3)
        try expectEqual(log.highestNumber(of: two), Limits.counter - 1)
        try expectEqual(log.highestNumber(of: "a name"), nil)
    }

    func required<Value>(_ value: Value?, line: UInt = #line) throws -> Value {
        guard let value else { throw Violation(rule: self, what: "nothing found", line: line) }
        return value
    }
}
