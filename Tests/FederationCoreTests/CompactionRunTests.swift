import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

@Suite struct CompactionRunTests {
    /// A node that has written `edits` updates of each of some records.
    private func edited(records: Int, edits: Int) throws -> SampleNode {
        var node = SampleNode(1)
        for number in 0..<records {
            let subject = "20260101-note-\(number)"
            var snapshot = Snapshot()
            snapshot.type = "note"
            snapshot.title = "Note"
            snapshot.body = "first"
            try node.write(.create(subject: subject, snapshot))
            for edit in 0..<edits {
                snapshot.body = "edit \(edit) " + String(repeating: "x", count: 200)
                node.now = node.now.advanced(by: .seconds(1))
                try node.write(.update(subject: subject, snapshot, base: .current))
            }
        }
        return node
    }

    private func run(_ node: inout SampleNode, keptFor kept: Duration = .zero, records: Int = 5) throws -> CompactionRun.Step {
        let run = CompactionRun(keptFor: kept, now: node.now, records: records, sha256: sha256)
        var sum = CompactionRun.Step()
        repeat {
            let step = try run.run(after: sum.last, in: &node.log)
            sum.last = step.last
            sum.seen += step.seen
            sum.stubs += step.stubs
            sum.records += step.records
            sum.bytes += step.bytes
        } while sum.last != nil
        return sum
    }

    @Test func everyRecordIsLookedAtOnceAndShowsNothingOfIt() throws {
        let records = 12
        var node = try edited(records: records, edits: 2)
        let before = node.log
        let plan = CompactionRun(keptFor: .zero, now: node.now, records: 5, sha256: sha256)
        let planned = try plan.rehearse(after: nil, in: node.log)
        #expect(planned.stubs == 5 && planned.last != nil)
        let sum = try run(&node)
        #expect(sum.stubs == Int64(records) && sum.records == Int64(records) && sum.seen == Int64(3 * records))
        #expect(try node.log.itemTotal() == before.itemTotal())
        for subject in before.subjects(after: nil, limit: .max) {
            #expect(node.log.record(subject) == before.record(subject))
            let events = node.log.events(of: subject)
            #expect(events.map(\.event.isStub) == [false, true, false])
            #expect(events.map(\.digest) == before.events(of: subject).map(\.digest))
            #expect(events.map(\.seq) == before.events(of: subject).map(\.seq))
            #expect(RecordFunction.record(of: subject, from: events.map(\.event)).record == before.record(subject))
        }
        #expect(try run(&node).stubs == 0)
    }

    @Test func whatWasOvertakenNotLongAgoKeepsItsText() throws {
        var node = try edited(records: 1, edits: 3)
        // The last update came this very second, the one before it a second ago.
        #expect(try run(&node, keptFor: .seconds(1)).stubs == 1)
        #expect(node.log.events(of: "20260101-note-0").map(\.event.isStub) == [false, true, false, false])
        node.now = node.now.advanced(by: .seconds(1))
        #expect(try run(&node, keptFor: .seconds(1)).stubs == 1)
    }

    @Test func aStretchEndsWithTheRecordThatPassesItsBytes() throws {
        var node = try edited(records: 2, edits: 1)
        var snapshot = Snapshot()
        snapshot.type = "note"
        snapshot.body = String(repeating: "y", count: 3 << 20)
        for _ in 0..<7 { try node.write(.update(subject: "20260101-note-0", snapshot, base: .current)) }
        let step = try CompactionRun(keptFor: .zero, now: node.now, sha256: sha256).run(after: nil, in: &node.log)
        #expect(step.last == "20260101-note-0" && step.stubs == 7)
        #expect(step.bytes > 6 * 3 << 20)
    }

    /// What a stub was made of does not bring it back; a stub that is a current version elsewhere is filled.
    @Test func stubsTravelAndAreFilledWhereTheyAreShown() throws {
        var node = try edited(records: 1, edits: 2)
        let full = node.log.events(after: 0, limit: .max, bytes: .max).map(\.event)
        _ = try run(&node)
        let stubbed = node.log.events(after: 0, limit: .max, bytes: .max).map(\.event)
        var other = SampleNode(2, pinned: [1])
        #expect(try other.take(stubbed).applied == 3)
        #expect(other.log.record("20260101-note-0") == node.log.record("20260101-note-0"))
        #expect(try other.log.itemTotal() == node.log.itemTotal())
        #expect(try other.take(full).duplicates == 3)
        #expect(other.log.event(full[1].id)?.event.isStub == true)

        // Without the update that overtook it, the stub is what the record shows, until its text comes.
        var behind = SampleNode(3, pinned: [1])
        try behind.take(Array(stubbed.prefix(2)))
        #expect(behind.log.record("20260101-note-0")?.isIncomplete == true)
        #expect(behind.log.incompleteHeads(limit: 10) == [full[1].id])
        #expect(try behind.take([full[1]]).duplicates == 1)
        #expect(behind.log.record("20260101-note-0")?.isIncomplete == false)
        #expect(behind.log.incompleteHeads(limit: 10).isEmpty)
        #expect(behind.log.event(full[1].id)?.seq == 3)
    }
}
