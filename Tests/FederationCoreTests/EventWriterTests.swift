import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

@Suite struct EventWriterTests {
    private let subject = "20260101-note"

    private func snapshot(_ body: String = "body", _ change: (inout Snapshot) -> Void = { _ in }) -> Snapshot {
        var snapshot = Snapshot()
        snapshot.title = "Title"
        snapshot.type = "note"
        snapshot.body = body
        change(&snapshot)
        return snapshot
    }

    private func refusal(_ body: () throws(WriteFailure) -> Written) -> WriteRefusal? {
        do throws(WriteFailure) { _ = try body() } catch {
            if case .refused(let refusal) = error { return refusal }
        }
        return nil
    }

    /// Two nodes that edited one record without knowing of each other, and then all of it on the first.
    private func diverged() throws -> (node: SampleNode, mine: ULID, theirs: ULID) {
        var one = SampleNode(1)
        try one.write(.create(subject: subject, snapshot()))
        var two = SampleNode(2)
        try two.pull(from: one)
        two.now = Sample.time(5000)
        let mine = try one.write(.update(subject: subject, snapshot("mine"), base: .current)).events[0]
        let theirs = try two.write(.update(subject: subject, snapshot("theirs"), base: .current)).events[0]
        try one.pull(from: two)
        #expect(one.log.record(subject)?.heads == [mine, theirs])
        one.now = Sample.time(9000)
        return (one, mine, theirs)
    }

    @Test func aCreateIsSignedNumberedAndHashed() throws {
        var node = SampleNode(1)
        let written = try node.write(.create(subject: subject, snapshot("hello")))
        let stored = try #require(node.log.event(written.events[0]))
        #expect(stored.event.number == 1 && stored.verification == .pinned && stored.peer == "")
        #expect(stored.event.originName == "node-1" && stored.event.timestamp == "2026-01-01T00:00:00Z")
        let preimage = stored.event.signingPreimage(dataHash: try stored.event.fingerprint(sha256).dataHash)
        #expect(Sample.isSeal(stored.event.signature ?? "", over: preimage, by: 1))
        let written2 = try Snapshot(data: try #require(stored.event.data))
        #expect(written2.contentHash == Snapshot.contentHash(of: "hello", sha256) && written2.origin == "node-1")
        #expect(node.log.record(subject)?.heads == written.events)
        #expect(node.log.state("vclock") == #"{"\#(Sample.node(1))":1}"#)
        #expect(node.log.meta(.ownNumber) == "1")
    }

    @Test func everyEventTakesTheNextNumber() throws {
        var node = SampleNode(1)
        try node.write(.create(subject: subject, snapshot()))
        try node.write(.change(subject: subject, .archive))
        try node.write(.purge(subject: subject, reason: ""))
        let numbers = node.log.events(after: 0, limit: 9, bytes: .max).map(\.event.number)
        #expect(numbers == [1, 2, 3, 4])
        #expect(node.log.events(of: subject).map(\.event.action) == ["create", "archive", "trash", "purge"])
    }

    @Test func anUpdateOnOldHeadsIsRefusedWithTheNewOnes() throws {
        var node = SampleNode(1)
        let first = try node.write(.create(subject: subject, snapshot())).events
        let second = try node.write(.update(subject: subject, snapshot("2"), base: .heads(first))).events
        #expect(refusal { () throws(WriteFailure) in
            try node.write(.update(subject: subject, snapshot("3"), base: .heads(first)))
        } == .headsChanged(heads: second))
        try node.write(.update(subject: subject, snapshot("3"), base: .heads(second)))
        #expect(node.log.record(subject)?.heads.count == 1)
        #expect(node.log.eventCount() == 3)
    }

    @Test func onADivergedRecordOnlyResolveWrites() throws {
        var (node, mine, theirs) = try diverged()
        let requests: [WriteRequest] = [
            .update(subject: subject, snapshot(), base: .current),
            .update(subject: subject, snapshot(), base: .heads([mine, theirs])),
            .change(subject: subject, .archive), .move(subject: subject, to: .mid),
        ]
        for request in requests {
            #expect(refusal { () throws(WriteFailure) in try node.write(request) } == .diverged(heads: [mine, theirs]))
        }
        // A decision on versions that are not these, as a third has come since or one is another, is none.
        for base in [[mine], [mine, theirs, Sample.node(1)]] {
            let request = WriteRequest.resolve(subject: subject, .accept(mine.description), base: .heads(base))
            #expect(refusal { () throws(WriteFailure) in try node.write(request) } == .headsChanged(heads: [mine, theirs]))
        }
        let resolved = try node.write(
            .resolve(subject: subject, .accept(Sample.node(2).description), base: .heads([theirs, mine]))).events
        #expect(node.log.record(subject)?.heads == resolved)
        #expect(node.log.event(resolved[0])?.event.data == node.log.event(theirs)?.event.data)
    }

    @Test func aVersionIsNamedByItsOriginOrItsEvent() throws {
        var (node, mine, theirs) = try diverged()
        func refused(_ name: String) -> WriteRefusal? {
            refusal { () throws(WriteFailure) in try node.write(.resolve(subject: subject, .accept(name))) }
        }
        #expect(refused("nobody") == .unknownVersion(origins: [1, 2].map { Sample.node($0).description }))
        // The identities of the samples differ in their last character only.
        #expect(refused(String(Sample.node(1).description.prefix(20))) == .ambiguousVersion(heads: [mine, theirs]))
        try node.write(.resolve(subject: subject, .accept(mine.description)))
        #expect(node.log.record(subject)?.isDiverged == false)
        #expect(refused("nobody") == .notDiverged)
    }

    @Test func aCustomBodyResolvesAndKeepsTheRest() throws {
        var (node, _, theirs) = try diverged()
        let id = try node.write(.resolve(subject: subject, .custom(body: "both"))).events[0]
        let merged = try Snapshot(data: try #require(node.log.event(id)?.event.data))
        #expect(merged.body == "both" && merged.title == "Title" && merged.origin == "node-2")
        #expect(merged.contentHash == Snapshot.contentHash(of: "both", sha256))
        #expect(id > theirs)
    }

    @Test func resolvingTrashesTheDivergenceTracesOfNoemaNodes() throws {
        var (node, _, _) = try diverged()
        let trace = #"{"title":"Divergence: Title","type":"divergence","derived_from":["\#(subject)"],"body":""}"#
        let other = #"{"title":"Divergence","type":"divergence","derived_from":["20260101-other"],"body":""}"#
        for (index, data) in [trace, other].enumerated() {
            let subject = "20260101-divergence-\(index == 0 ? "note" : "other")"
            let id = Sample.id(6000 + Int64(index))
            try node.take([
                Sample.event(id, "create", subject, origin: 3, clock: [3: UInt64(index + 1)], data: Array(data.utf8))
            ])
        }
        let events = try node.write(.resolve(subject: subject, .accept(Sample.node(1).description))).events
        #expect(events.map { node.log.event($0)?.event.action } == ["update", "trash"])
        #expect(node.log.record("20260101-divergence-note")?.lifecycle == .trashed)
        #expect(node.log.record("20260101-divergence-other")?.lifecycle == .active)
        #expect(refusal { () throws(WriteFailure) in
            try node.write(.resolve(subject: subject, .custom(body: "again")))
        } == .notDiverged)
    }

    @Test func aRetryWithTheSameRequestIDIsNotASecondEvent() throws {
        var node = SampleNode(1)
        let request = WriteRequest.create(subject: subject, snapshot())
        let first = try node.write(request, requestID: "r1")
        let again = try node.write(request, requestID: "r1")
        #expect(again.events == first.events && again.isRepeated && !first.isRepeated)
        // Its id has six random characters: a repeated create names another.
        let third = try node.write(.create(subject: "20260101-note-2", snapshot()), requestID: "r1")
        #expect(third == again && third.subject == subject)
        #expect(node.log.eventCount() == 1)
        #expect(refusal { () throws(WriteFailure) in
            try node.write(.purge(subject: subject, reason: ""), requestID: "r1")
        } == .requestIDReused)
        for id in ["", String(repeating: "x", count: 129)] {
            #expect(refusal { () throws(WriteFailure) in try node.write(request, requestID: id) } == .invalidRequestID)
        }
    }

    @Test func theLastThousandRequestsAreRemembered() throws {
        var node = SampleNode(1)
        try node.write(.create(subject: subject, snapshot()), requestID: "first")
        for number in 0..<1000 {
            let value = Array("\(Sample.id(Int64(number + 1))) x y".utf8)
            try node.log.setWireValue("writer", peer: "", key: "k\(number)", value)
        }
        node.now = Sample.time(60_000)
        try node.write(.change(subject: subject, .archive), requestID: "second")
        var kept = node.log.wireValues("writer", peer: "").map(\.key)
        #expect(kept.count == 1002, "to look for the oldest costs more than the write")
        for number in 3...63 { try node.write(.create(subject: "20260101-other-\(number)", snapshot())) }
        try node.write(.change(subject: subject, .unarchive), requestID: "last")
        kept = node.log.wireValues("writer", peer: "").map(\.key)
        #expect(kept.count == 1000 && kept.contains("last") && kept.contains("second"))
        // An older program kept no number: those are older than any that has one.
        #expect(!kept.contains("k0") && !kept.contains("k1") && !kept.contains("k2") && kept.contains("k3"))
        #expect(kept.contains("first"))
    }

    /// Ids follow the clock, and so do not say which write was before which.
    @Test func aClockThatWasSetBackForgetsNoRequest() throws {
        var node = SampleNode(1)
        for number in 1...1100 {
            let value = Array("\(Sample.id(Int64(number) + 86_400_000)),\(number) create x".utf8)
            try node.log.setWireValue("writer", peer: "", key: "ahead-\(number)", value)
        }
        try node.take([Sample.event(Sample.id(1), origin: 2, clock: [1: 1100, 2: 1])])
        for number in 0..<70 {
            let request = WriteRequest.create(subject: "20260101-back-\(number)", snapshot())
            let written = try node.write(request, requestID: "back-\(number)")
            let again = try node.write(request, requestID: "back-\(number)")
            #expect(again.isRepeated && again.events == written.events)
        }
        let kept = node.log.wireValues("writer", peer: "").map(\.key)
        #expect(kept.count < 1070 && kept.contains("back-0") && !kept.contains("ahead-1"))
    }

    /// The one that is the 64th may be one that nobody has named.
    @Test func requestsAreForgottenWhoeverWritesBesideThem() throws {
        var node = SampleNode(1)
        for number in 0..<1100 { try node.log.setWireValue("writer", peer: "", key: "k\(number)", Array("x y z".utf8)) }
        for number in 1...64 {
            let id = number % 2 == 1 ? "r\(number)" : nil
            try node.write(.create(subject: "20260101-note-\(number)", snapshot()), requestID: id)
        }
        #expect(node.log.wireValues("writer", peer: "").count == 1000)
    }

    @Test(arguments: [
        ("no date", "note", "", WriteRefusal.invalidTraceID("no date")),
        ("20260101-Upper", "note", "", .invalidTraceID("20260101-Upper")),
        ("20260101-note", "bar", "", .unknownType("bar")),
        ("20260101-note", "note", "forever", .unknownTier("forever")),
        ("20260101-note", "divergence", "", .reservedType),
    ])
    func aRecordThatPeersCouldNotTakeIsNotMade(
        subject: String, type: String, tier: String, wanted: WriteRefusal
    ) throws {
        var node = SampleNode(1)
        let snapshot = snapshot { ($0.type, $0.tier) = (type, tier) }
        #expect(refusal { () throws(WriteFailure) in try node.write(.create(subject: subject, snapshot)) } == wanted)
        #expect(node.log.eventCount() == 0)
    }

    @Test func aSubjectIsCreatedOnceAndChangedOnlyWhereItIs() throws {
        var node = SampleNode(1)
        for request: WriteRequest in [
            .update(subject: subject, snapshot(), base: .current), .change(subject: subject, .trash),
            .resolve(subject: subject, .custom(body: "")), .purge(subject: subject, reason: ""),
            .move(subject: subject, to: .mid),
        ] { #expect(refusal { () throws(WriteFailure) in try node.write(request) } == .unknownSubject) }
        try node.write(.create(subject: subject, snapshot()))
        #expect(refusal { () throws(WriteFailure) in try node.write(.create(subject: subject, snapshot())) } == .exists)
    }

    @Test func whatIsInTheTrashIsRecoveredBeforeItIsChanged() throws {
        var node = SampleNode(1)
        try node.write(.create(subject: subject, snapshot()))
        try node.write(.change(subject: subject, .trash))
        for request: WriteRequest in [
            .change(subject: subject, .archive), .change(subject: subject, .unarchive),
            .update(subject: subject, snapshot(), base: .current),
        ] { #expect(refusal { () throws(WriteFailure) in try node.write(request) } == .trashed) }
        #expect(try node.write(.change(subject: subject, .trash)).events.isEmpty)
        try node.write(.change(subject: subject, .recover))
        #expect(try node.write(.change(subject: subject, .recover)).events.isEmpty)
        try node.write(.change(subject: subject, .archive))
        #expect(node.log.record(subject)?.lifecycle == .archived)
    }

    @Test func whatIsPurgedTakesNoWrite() throws {
        var node = SampleNode(1)
        try node.write(.create(subject: subject, snapshot("secret")))
        let purged = try node.write(.purge(subject: subject, reason: ""))
        #expect(purged.events.count == 2)
        // Our own purge is proved, so the data is gone at once.
        #expect(node.log.events(of: subject).map(\.event.isStub) == [true, true, false])
        for request: WriteRequest in [
            .create(subject: subject, snapshot()), .update(subject: subject, snapshot(), base: .current),
            .change(subject: subject, .recover), .resolve(subject: subject, .custom(body: "")),
        ] { #expect(refusal { () throws(WriteFailure) in try node.write(request) } == .purged) }
        #expect(try node.write(.purge(subject: subject, reason: "")).events.isEmpty)
    }

    @Test func theContentOfALongTierRecordNeverChanges() throws {
        var node = SampleNode(1)
        try node.write(.create(subject: subject, snapshot()))
        try node.write(.update(subject: subject, snapshot("2") { $0.tier = "long" }, base: .current))
        #expect(node.log.events(of: subject).map(\.event.action) == ["create", "update", "promote"])
        #expect(node.log.record(subject)?.tier == "long")
        #expect(refusal { () throws(WriteFailure) in
            try node.write(.update(subject: subject, snapshot("3"), base: .current))
        } == .longTier)
        try node.write(.move(subject: subject, to: .short))
        #expect(node.log.record(subject)?.tier == "short")
        try node.write(.move(subject: subject, to: .long))
        try node.write(.purge(subject: subject, reason: "wrong"))
        #expect(node.log.record(subject)?.purge?.reason == "wrong")
        #expect(node.log.record(subject)?.purge?.action == "purge_long_term")
    }

    @Test func anEditKeepsTheTagsAndTheTierThatStandNow() throws {
        var node = SampleNode(1)
        try node.write(.create(subject: subject, snapshot { $0.tags = ["old"] }))
        try node.write(.move(subject: subject, to: .mid))
        let tags = Array(#"{"tags":["new"]}"#.utf8)
        try node.take([Sample.event(Sample.id(9), "tag_update", origin: 2, clock: [1: 2, 2: 1], data: tags)])
        let record = try #require(node.log.record(subject))
        let head = try #require(record.shown.flatMap { node.log.event($0)?.event.data })
        var edited = try Snapshot(editing: record, data: head)
        edited.body = "edited"
        #expect(try node.write(.update(subject: subject, edited, base: .current)).events.count == 1)
        #expect(node.log.record(subject)?.tags == ["new"] && node.log.record(subject)?.tier == "mid")
    }

    @Test func aRecordLockedByAnotherNodeIsItsOwners() throws {
        let locked = snapshot { $0.sourceLocked = true }
        var owner = SampleNode(1)
        try owner.write(.create(subject: subject, locked))
        var node = SampleNode(2)
        try node.pull(from: owner)
        let lock = WriteRefusal.sourceLocked(owner: Sample.node(1).description)
        for request: WriteRequest in [
            .update(subject: subject, snapshot(), base: .current), .change(subject: subject, .trash),
            .purge(subject: subject, reason: ""),
        ] { #expect(refusal { () throws(WriteFailure) in try node.write(request) } == lock) }
        try node.write(.change(subject: subject, .archive))
        try owner.write(.update(subject: subject, locked, base: .current))
    }

    @Test func aHeadWithoutItsDataIsNotWrittenOver() throws {
        var node = SampleNode(2)
        let event = Sample.event(Sample.id(1), clock: [1: 1])
        try node.take([event.stubbed()])
        #expect(refusal { () throws(WriteFailure) in
            try node.write(.update(subject: event.subject, snapshot(), base: .current))
        } == .incomplete(head: event.id))
        let other = Sample.event(Sample.id(2), "update", origin: 3, clock: [3: 1], body: "whole")
        try node.take([other])
        #expect(refusal { () throws(WriteFailure) in
            try node.write(.resolve(subject: event.subject, .accept(event.id.description)))
        } == .incomplete(head: event.id))
        try node.write(.resolve(subject: event.subject, .custom(body: "new")))
        #expect(node.log.record(event.subject)?.isDiverged == false)
    }

    @Test func whatIsTooLargeOrTooManyIsRefusedInWords() throws {
        var node = SampleNode(1)
        let long = snapshot(String(repeating: "x", count: Limits.eventDataBytes))
        let refused = refusal { () throws(WriteFailure) in try node.write(.create(subject: subject, long)) }
        guard case .tooLarge(_, Limits.eventDataBytes) = refused else { throw refused ?? .exists }
        let crowd = Dictionary(uniqueKeysWithValues: (2...258).map { (UInt64($0), UInt64(1)) })
        try node.take([Sample.event(Sample.id(1), origin: 2, clock: crowd)])
        #expect(refusal { () throws(WriteFailure) in
            try node.write(.update(subject: subject, snapshot(), base: .current))
        } == .clockTooLarge(entries: 258, limit: 257))
    }

    @Test func aNodeAtTheEndOfItsNumbersWritesNothing() throws {
        var node = SampleNode(1)
        try node.log.setMeta(.ownNumber, String(Limits.counter - 2))
        let last = try node.write(.create(subject: subject, snapshot()))
        #expect(node.log.event(last.events[0])?.event.number == Limits.counter - 1)
        #expect(refusal { () throws(WriteFailure) in
            try node.write(.change(subject: subject, .archive))
        } == .numbersExhausted)
    }

    @Test func aFailedWriteLeavesNothing() throws {
        var node = SampleNode(1)
        try node.write(.create(subject: subject, snapshot()))
        let before = (node.inventory, node.records, node.log.state("vclock"))
        for writes in 0..<5 {
            node.log.writesUntilFull = writes
            #expect(throws: WriteFailure.store(.full)) {
                try node.write(.update(subject: subject, snapshot("2"), base: .current), requestID: "r")
            }
            #expect(node.inventory == before.0 && node.records == before.1 && node.log.state("vclock") == before.2)
        }
        node.log.writesUntilFull = nil
        #expect(try !node.write(.update(subject: subject, snapshot("2"), base: .current), requestID: "r").isRepeated)
    }
}
