import FederationCore
import FederationCrypto
import Testing

struct TraceFileTests {
    private func file(
        _ body: String = "hello", place: TraceFile.Place = .active, updated: WallTime? = eventID(1).time, title: String = "Hello",
        locked: Bool = false, of subject: String = subject
    ) -> TraceFile {
        var snapshot = Snapshot()
        snapshot.title = title
        snapshot.type = "note"
        snapshot.body = body
        snapshot.sourceLocked = locked
        return TraceFile(subject: subject, place: place, snapshot: snapshot, updated: updated)
    }

    private func decide(_ file: TraceFile, _ events: [Event], holds: [ULID: HoldReason] = [:]) -> ImportDecision {
        let outcome = RecordFunction.record(of: subject, from: events)
        let stored = events.map { event in
            event.stored(hold: holds[event.id] ?? outcome.standings.first { $0.id == event.id }?.hold)
        }
        return file.decision(record: outcome.record, events: stored, sha256)
    }

    private func words(_ decision: ImportDecision) -> [String] {
        guard case .write(let requests) = decision else { return ["\(decision)"] }
        return requests.map { request in
            switch request {
            case .create: "create"
            case .update(_, _, let base): "update on \(base)"
            case .change(_, let change): change.rawValue
            case .resolve, .move, .purge: "another"
            }
        }
    }

    @Test func aFileThatSaysWhatTheLogSaysIsLeftAlone() {
        #expect(decide(file(), [event(1, "create", [1: 1])]) == .agrees)
        let archived = [event(1, "create", [1: 1]), event(2, "archive", [1: 2])]
        #expect(decide(file(place: .archived), archived) == .agrees)
        #expect(decide(file(place: .archived, updated: nil), archived) == .agrees)
    }

    @Test func aTraceWithoutContentInTheLogIsCreated() {
        #expect(words(decide(file(), [])) == ["create"])
        #expect(words(decide(file(place: .archived), [])) == ["create", "archive"])
        #expect(words(decide(file(place: .trashed), [])) == ["create", "trash"])
        // Its lifecycle is told by an event from when there was a log.
        #expect(words(decide(file(place: .archived), [event(2, "archive", [1: 2])])) == ["create"])
        #expect(words(decide(file(), [event(2, "vote", [1: 2], json: #"{"delta":1,"actor":"human"}"#)])) == ["create"])
    }

    @Test func aNewerTextIsAnUpdateOfTheOneVersionThereIs() {
        let create = event(1, "create", [1: 1])
        let expected = "update on \(WriteRequest.Base.heads([create.id]))"
        #expect(words(decide(file("edited"), [create])) == [expected])
        #expect(words(decide(file("edited", updated: eventID(100).time), [create])) == [expected])
        #expect(words(decide(file(title: "Renamed"), [create])) == [expected])
        // As much as a cortex may take between the file and the event.
        #expect(words(decide(file("edited", updated: create.id.time.advanced(by: .seconds(-59))), [create])) == [expected])
    }

    @Test func whatCouldHideAnEditIsLeft() {
        let create = event(1, "create", [1: 1])
        #expect(decide(file("edited", updated: create.id.time.advanced(by: .seconds(-61))), [create]) == .leave(.fileOlder))
        #expect(decide(file("edited", updated: nil), [create]) == .leave(.fileUndated))
        let two = [
            create, event(2, "update", [1: 2], data: snapshot(body: "a")), event(3, "update", by: 2, [1: 1, 2: 1], data: snapshot(body: "b")),
        ]
        #expect(decide(file("c", updated: eventID(9).time), two) == .leave(.diverged))
        #expect(decide(file("a", updated: eventID(9).time), two) == .agrees)
        #expect(decide(file(locked: true), []) == .leave(.sourceLocked))
        #expect(decide(file(), [create, event(2, "purge", [1: 2])]) == .leave(.purged))
        #expect(decide(file(), [event(1, "create", [1: 1], data: snapshot(type: "sonnet"))]) == .leave(.eventsHeld))
        #expect(decide(file("edited"), [create.stubbed]) == .leave(.incomplete))
        #expect(decide(file(of: "no id"), []) == .leave(.refused(.invalidTraceID("no id"))))
    }

    @Test func whereAFileLiesCountsOnlyWhereNoEventSaysIt() {
        let create = event(1, "create", [1: 1])
        #expect(words(decide(file(place: .trashed), [create])) == ["trash"])
        #expect(words(decide(file(place: .archived), [create])) == ["archive"])
        let recovered = [create, event(2, "trash", [1: 2]), event(3, "recover", [1: 3])]
        #expect(decide(file(place: .trashed), recovered) == .leave(.lifecycleDiffers))
        #expect(decide(file(place: .active), [create, event(2, "archive", [1: 2])]) == .leave(.lifecycleDiffers))
        // An edit of the text is taken all the same.
        #expect(words(decide(file("edited", place: .trashed), recovered)).count == 1)
    }
}

struct TreeFileTests {
    private let hash = sha256(Array("text".utf8))

    private func memory(_ text: String = "text", heads: [ULID] = [eventID(1)]) -> TreeFileMemory {
        TreeFileMemory(path: "a/b.md", subject: subject, hash: sha256(Array(text.utf8)), heads: heads)
    }

    private func decide(
        id: String? = nil, base: [ULID] = [], memory: TreeFileMemory? = nil, heads: [Int] = [], before: String? = nil,
        body: String = "new"
    ) -> ImportDecision {
        let record = heads.isEmpty ? nil : Record(subject: subject, heads: heads.map(eventID))
        var snapshot: Snapshot?
        if let before {
            snapshot = Snapshot()
            snapshot?.body = before
        }
        return TreeFile(hash: hash, id: id, base: base).decision(memory: memory, record: record, before: snapshot) {
            var said = $0
            said.body = body
            return said
        } mint: { _ in "20260405-minted" }
    }

    private func base(_ decision: ImportDecision) -> WriteRequest.Base? {
        if case .write(let requests) = decision, case .update(_, _, let base) = requests[0] { base } else { nil }
    }

    @Test func aFileIsMadeOnceAndThenItsRecordFollowsIt() {
        guard case .write(let requests) = decide(), case .create("20260405-minted", let snapshot) = requests[0] else {
            Issue.record("no create")
            return
        }
        #expect(snapshot.body == "new" && snapshot.type == "note")
        #expect(decide(memory: memory(), heads: [1], before: "anything") == .agrees)
        // The base is what it was when the file was taken in: an edit made since is not written over.
        #expect(base(decide(memory: memory("old"), heads: [2], before: "edited here")) == .heads([eventID(1)]))
        #expect(decide(memory: memory("old"), heads: [2], before: "new") == .agrees)
        #expect(base(decide(memory: memory("old"), heads: [2, 3], before: "new")) == .heads([eventID(1)]))
    }

    @Test func whatAFileSaysOfItselfWins() {
        guard case .write(let requests) = decide(id: subject), case .create(subject, _) = requests[0] else {
            Issue.record("no create under its own id")
            return
        }
        #expect(base(decide(id: subject, heads: [4], before: "old")) == .current)
        #expect(base(decide(id: subject, base: [eventID(3)], memory: memory("old"), heads: [4], before: "old")) == .heads([eventID(3)]))
        // Another record than the one it was: its memory says nothing of that.
        #expect(base(decide(id: "20260101-other", memory: memory(), heads: [4], before: "old")) == .current)
    }

    @Test func aMemoryIsReadAsItWasKept() {
        let memory = memory(heads: [eventID(1), eventID(2)])
        #expect(TreeFileMemory(stored: memory.stored) == memory)
        for bad in ["", "{}", #"{"path":"a","id":"b","sha256":"zz","heads":[]}"#] {
            #expect(TreeFileMemory(stored: Array(bad.utf8)) == nil)
        }
    }
}

struct NoemaRowTests {
    private func row(_ change: (inout NoemaRow.Columns) -> Void) -> PulledItem {
        var columns = NoemaRow.Columns()
        columns.id = Array(eventID(1).description.utf8)
        columns.action = Array("create".utf8)
        columns.subject = Array(subject.utf8)
        columns.origin = Array(node(1).description.utf8)
        columns.originName = Array("alpha".utf8)
        columns.timestamp = Array("2026-04-05T12:00:00Z".utf8)
        columns.data = snapshot()
        columns.clock = Array(#"{"\#(node(1))":3}"#.utf8)
        change(&columns)
        return columns.item
    }

    private func refusal(_ change: (inout NoemaRow.Columns) -> Void) -> EventRefusal? {
        if case .unreadable(let refusal, _, _, _) = row(change) { refusal } else { nil }
    }

    @Test func aRowIsTheEventItWas() throws {
        guard case .event(let event, let bytes) = row({ $0.data = Array(#"{ "title" : "\u003c", "type":"note" }"#.utf8) })
        else {
            Issue.record("no event")
            return
        }
        #expect(event.id == eventID(1))
        #expect(event.data == Array(#"{ "title" : "\u003c", "type":"note" }"#.utf8))
        #expect(event.number == 3)
        #expect(event.signature == nil)
        #expect(try Event(json: bytes) == event)
        guard case .event(let bare, _) = row({
            ($0.data, $0.clock, $0.signature, $0.publicKey, $0.origin) = (nil, [], [], nil, [])
        }) else {
            Issue.record("no event")
            return
        }
        #expect(bare.data == Array("{}".utf8) && bare.clock.isEmpty && bare.origin.isEmpty)
    }

    @Test func noColumnCanPretendToBeAnother() {
        #expect(refusal { $0.data = Array(#"{},"action":"purge""#.utf8) } != nil)
        #expect(refusal { $0.clock = Array(#"{},"signature":"x""#.utf8) } != nil)
        guard case .event(let event, _) = row({ $0.action = Array(#"create","trace_id":"x"#.utf8) }) else {
            Issue.record("no event")
            return
        }
        #expect(event.action == #"create","trace_id":"x"#)
        #expect(event.subject == subject)
    }

    @Test func whatIsNoEventSaysWhy() {
        #expect(refusal { $0.id = nil } == .missing(.id))
        #expect(refusal { $0.timestamp = nil } == .missing(.timestamp))
        #expect(refusal { $0.originName = [0xFF] } == .wrongType(.origin))
        #expect(refusal { $0.subject = [UInt8](repeating: 0x61, count: 2000) } == .textTooLong(.traceID, bytes: 2000))
        #expect(refusal { $0.data = Array("7".utf8) } == .wrongType(.data))
        #expect(refusal { $0.data = [UInt8](repeating: 0x20, count: 5 << 20) } == .tooLarge(bytes: 5 << 20))
        #expect(refusal { $0.signature = [UInt8](repeating: 0x61, count: 2000) } == .textTooLong(.signature, bytes: 2000))
        #expect(refusal { $0.id = Array("lower".utf8) } == .invalidID)
    }
}
