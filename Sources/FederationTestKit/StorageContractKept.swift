import FederationCore
import FederationCrypto

/// The rules of what is kept beside the log.
extension StorageContract {
    func recordFilters(_ log: inout some LogWriting) throws {
        func keep(_ subject: String, heads: Int = 1, _ change: (inout Record) -> Void = { _ in }) throws {
            var record = Record(subject: subject, heads: (0..<heads).map { Sample.id(Int64($0)) })
            record.type = "note"
            change(&record)
            try log.setRecord(subject, record)
        }
        try keep("f", heads: 0)
        try keep("e") { $0.lifecycle = .trashed }
        try keep("d") { $0.purge = Record.Purge(eventID: Sample.id(9), action: "purge", reason: "") }
        try keep("c", heads: 2)
        try keep("b") {
            $0.type = "divergence"
            $0.derivedFrom = ["c", "caf\u{E9}"]
            $0.tags = ["x", "caf\u{E9}"]
        }
        try keep("a") { $0.lifecycle = .archived }
        func names(_ limit: Int = 10, _ change: (inout RecordFilter) -> Void = { _ in }) throws -> [String] {
            var filter = RecordFilter(limit: limit)
            change(&filter)
            return try log.records(filter).map(\.subject)
        }
        try expectEqual(names(), ["a", "b", "c"])
        try expectEqual(names(2), ["a", "b"])
        try expectEqual(names(0), [])
        try expectEqual(names { $0.after = "a" }, ["b", "c"])
        try expectEqual(names { $0.includeTrashed = true }, ["a", "b", "c", "e"])
        try expectEqual(names { $0.includePurged = true }, ["a", "b", "c", "d"])
        try expectEqual(names { $0.divergedOnly = true }, ["c"])
        try expectEqual(names { $0.tag = "caf\u{E9}" }, ["b"])
        try expectEqual(names { $0.tag = "cafe\u{301}" }, [])
        try expectEqual(names { $0.tag = "X" }, [])
        let states: [RecordFilter.State: [String]] = [
            .active: ["b", "c"], .archived: ["a"], .trashed: ["e"], .purged: ["d"], .diverged: ["c"],
            .all: ["a", "b", "c", "d", "e"],
        ]
        for (state, subjects) in states { try expectEqual(names { $0.select(state) }, subjects) }
        try expectEqual(names { $0.subject = "b" }, ["b"])
        try expectEqual(names { $0.type = "divergence" }, ["b"])
        try expectEqual(names { $0.derivedFrom = "c" }, ["b"])
        try expectEqual(names { $0.derivedFrom = "cafe\u{301}" }, [])
        try expectEqual(names { $0.derivedFrom = "a" }, [])
        try expectEqual(log.recordCount(divergedOnly: false), 3)
        try expectEqual(log.recordCount(divergedOnly: true), 1)
        try log.setRecord("b", nil)
        try expectEqual(names { $0.derivedFrom = "c" }, [])
        try expectEqual(log.record("b"), nil)
    }

    func wholeRecords(_ log: inout some LogWriting) throws {
        var record = Record(subject: "s", heads: [Sample.id(1), Sample.id(2)])
        record.isIncomplete = true
        record.title = "T\0\u{E9}\"'"
        record.type = "decision"
        record.author = "someone"
        record.tags = ["b", "a", "b", ""]
        record.derivedFrom = ["x", "y"]
        record.tier = "long"
        record.lifecycle = .trashed
        record.votes = -3
        record.purge = Record.Purge(eventID: Sample.id(3), action: "purge_hard", reason: "why\nnot")
        record.created = "2026-01-01T00:00:00Z"
        record.updated = "yesterday"
        record.origin = "name"
        record.heldCount = 7
        try log.setRecord("s", record)
        try expectEqual(log.record("s"), record)
        record.subject = "r"
        try log.setRecord("r", record)
        try expectEqual(log.record("r"), record)
        try expectEqual(log.incompleteHeads(limit: 9), [Sample.id(2), Sample.id(2)])
        try expectEqual(log.incompleteHeads(limit: 1), [Sample.id(2)])
        try expectEqual(log.incompleteHeads(limit: 0), [])
        try log.setRecord("r", nil)
        let plain = Record(subject: "s")
        try log.setRecord("s", plain)
        try expectEqual(log.record("s"), plain)
        try expectEqual(log.incompleteHeads(limit: 9), [])
    }

    func state(_ log: inout some LogWriting) throws {
        let keys = [
            "peer:a:health", "peer:a:last_event", "peer:a\0:x", "peer:ab:health", "peer:caf\u{E9}", "peer:cafe\u{301}",
        ]
        for key in keys { try log.setState(key, "value of \(key)") }
        for key in keys { try expectEqual(log.state(key), "value of \(key)") }
        try expectExactly(log.states(prefix: "peer:a:").map(\.key), ["peer:a:health", "peer:a:last_event"])
        try expectExactly(
            log.states(prefix: "peer:").map(\.key), keys.map(ExactText.init).sorted().map(\.text))
        try expectExactly(log.states(prefix: "peer:caf\u{E9}").map(\.key), ["peer:caf\u{E9}"])
        // What a pattern would take for a wildcard is a character here.
        for prefix in ["peer:%", "peer_", "*"] { try expectExactly(log.states(prefix: prefix).map(\.key), []) }
        try log.setState("peer:a:health", nil)
        try log.setState("peer:a:health", nil)
        try expectEqual(log.state("peer:a:health"), nil)
        try log.setState("peer:a:last_event", "")
        try expectEqual(log.state("peer:a:last_event"), "")
        try log.setState("vclock", "a\0b")
        try expectEqual(log.state("vclock"), "a\0b")
        try expectExactly(log.states(prefix: "vclock\0").map(\.key), [])
    }

    func metaAndWires(_ log: inout some LogWriting) throws {
        for key in MetaKey.allCases { try log.setMeta(key, key.rawValue) }
        for key in MetaKey.allCases { try expectEqual(log.meta(key), key.rawValue) }
        try expectEqual(log.state(MetaKey.epoch.rawValue), nil)
        try log.setMeta(.stopped, nil)
        try expectEqual(log.meta(.stopped), nil)

        let bytes: [UInt8] = [0, 255, 10, 0]
        try log.setWireValue("native", peer: "a", key: "k2", bytes)
        try log.setWireValue("native", peer: "a", key: "k1", [])
        try log.setWireValue("native", peer: "b", key: "k1", [1])
        try log.setWireValue("noema", peer: "a", key: "k1", [2])
        try expectEqual(log.wireValue("native", peer: "a", key: "k2"), bytes)
        try expectEqual(log.wireValue("native", peer: "a", key: "k1"), [])
        let values = try log.wireValues("native", peer: "a")
        try expect(values.map(\.key) == ["k1", "k2"] && values.map(\.value) == [[], bytes], "\(values)")
        try log.setWireValue("native", peer: "a", key: "k1", nil)
        try expectEqual(log.wireValue("native", peer: "a", key: "k1"), nil)
        try expectEqual(log.wireValue("native", peer: "b", key: "k1"), [1])
    }

    /// A row whose bytes are the number.
    private func row(
        _ number: Int, kind: QuarantineEntry.Kind = .refused, peer: String = "a", at time: Int64 = 0,
        retryAt: WallTime? = nil
    ) -> QuarantineEntry {
        let bytes = Array(String(number).utf8)
        return QuarantineEntry(
            kind: kind, peer: peer, reason: .other, code: "not_json", eventID: "id", subject: "s\0s", bytes: bytes,
            hash: sha256(bytes), firstSeen: Sample.time(time), lastSeen: Sample.time(time), retryAt: retryAt)
    }

    func quarantineCounts(_ log: inout some LogWriting) throws {
        try log.quarantine(row(1, at: 5))
        let first = try required(log.quarantine(kind: nil, peer: nil, limit: 9).first)
        var wanted = row(1, at: 5)
        wanted.row = first.row
        try expect(first == wanted && first.row != 0, "\(first)")

        var again = row(1, kind: .deferred, peer: "b", at: 9, retryAt: Sample.time(60))
        again.code = "losing_variant"
        again.reason = .invalidTraceID
        try log.quarantine(again)
        let counted = try required(log.quarantineEntry(first.row))
        wanted.kind = .deferred
        wanted.code = "losing_variant"
        wanted.reason = .invalidTraceID
        wanted.lastSeen = Sample.time(9)
        wanted.retryAt = Sample.time(60)
        wanted.count = 2
        try expectEqual(counted, wanted)
        try expectEqual(log.quarantineEntry(hash: wanted.hash), wanted)
        try expectEqual(log.quarantineCount(kind: .refused, peer: nil), 0)
        try expectEqual(log.quarantineCount(kind: .deferred, peer: "a"), 1)

        try log.quarantine(row(2, peer: "b", at: 1))
        try expectEqual(log.quarantine(kind: nil, peer: nil, limit: 9).map(\.bytes), [[0x32], [0x31]])
        try expectEqual(log.quarantine(kind: .refused, peer: nil, limit: 9).map(\.bytes), [[0x32]])
        try expectEqual(log.quarantine(kind: nil, peer: "a", limit: 9).map(\.bytes), [[0x31]])
        try expectEqual(log.quarantine(kind: nil, peer: nil, limit: 1).count, 1)
        let newest = try log.newestQuarantine(limit: 9)
        try expectEqual(newest.map(\.hash), [row(1).hash, row(2, peer: "b").hash])
        try expect(newest.allSatisfy { $0.bytes.isEmpty && $0.digest == nil }, "a list has the bytes")
        try expectEqual(log.newestQuarantine(limit: 1).map(\.hash), [row(1).hash])
        try expectEqual(log.newestQuarantine(limit: 0), [])
        try log.removeQuarantine(first.row)
        try expectEqual(log.quarantineEntry(first.row), nil)
        try expectEqual(log.quarantineEntry(hash: wanted.hash), nil)
        try log.quarantine(row(3))
        let last = try required(log.quarantineEntry(hash: row(3).hash))
        try expect(last.row > first.row, "row \(last.row) was used again")
    }

    func oldestRefused(_ log: inout some LogWriting) throws {
        let limit = Limits.evidenceRowsPerPeer
        try log.quarantine(row(-1, peer: "b", at: -1))
        try log.quarantine(row(-2, kind: .deferred, at: -2))
        for number in 0..<limit { try log.quarantine(row(number, at: Int64(number))) }
        // Seen again, it is still the oldest.
        try log.quarantine(row(0, at: 1_000_000))
        try expectEqual(log.quarantineCount(kind: .refused, peer: "a"), limit)
        try log.quarantine(row(limit, at: Int64(limit)))
        try expectEqual(log.quarantineCount(kind: .refused, peer: "a"), limit)
        try expectEqual(log.quarantineEntry(hash: row(0).hash), nil)
        for number in [1, limit, -1, -2] {
            try expect(try log.quarantineEntry(hash: row(number).hash) != nil, "row \(number) is gone")
        }
    }

    func furthestDeferred(_ log: inout some LogWriting) throws {
        let limit = Limits.deferredRowsPerPeer
        for number in 0..<limit {
            try log.quarantine(row(number, kind: .deferred, retryAt: Sample.time(Int64(number))))
        }
        try log.quarantine(row(-1, kind: .deferred, retryAt: Sample.time(5)))
        try expectEqual(log.quarantineCount(kind: .deferred, peer: "a"), limit)
        try expectEqual(log.quarantineEntry(hash: row(limit - 1).hash), nil)
        try expect(try log.quarantineEntry(hash: row(-1).hash) != nil, "the nearer one is gone")
        try log.quarantine(row(-2, kind: .deferred, retryAt: Sample.time(Int64(limit) * 2)))
        try expectEqual(log.quarantineEntry(hash: row(-2).hash), nil)
        try expectEqual(log.quarantineCount(kind: .deferred, peer: "a"), limit)
    }

    func quarantineDue(_ log: inout some LogWriting) throws {
        try log.quarantine(row(1, kind: .deferred, at: 3, retryAt: Sample.time(10)))
        try log.quarantine(row(2, at: 2, retryAt: Sample.time(20)))
        try log.quarantine(row(3, at: 1))
        try expectEqual(log.quarantineDue(at: Sample.time(9), limit: 9, bytes: .max), [])
        try expectEqual(log.quarantineDue(at: Sample.time(10), limit: 9, bytes: .max).map(\.bytes), [[0x31]])
        try expectEqual(log.quarantineDue(at: Sample.time(99), limit: 9, bytes: .max).map(\.bytes), [[0x32], [0x31]])
        try expectEqual(log.quarantineDue(at: Sample.time(99), limit: 1, bytes: .max).map(\.bytes), [[0x32]])
        try expectEqual(log.quarantineDue(at: Sample.time(99), limit: 9, bytes: 1).map(\.bytes), [[0x32]])
        try expectEqual(log.quarantineDue(at: Sample.time(99), limit: 9, bytes: 0).map(\.bytes), [[0x32]])
        let second = try required(log.quarantineEntry(hash: row(2).hash))
        try log.setQuarantineRetry(second.row, at: nil)
        try expectEqual(log.quarantineDue(at: Sample.time(99), limit: 9, bytes: .max).map(\.bytes), [[0x31]])
        try log.setQuarantineRetry(second.row, at: Sample.time(50))
        try expectEqual(log.quarantineEntry(second.row)?.retryAt, Sample.time(50))
    }

    func oddTexts(_ log: inout some LogWriting) throws {
        let odd = "nul \0, quote ' \" `, escape \u{1B}[31m, line\n\r\u{2028}, wide 日本語 🎉, e\u{301}, %_*?"
        var event = Sample.event(Sample.id(1), odd, odd)
        event.origin = odd
        event.originName = odd
        event.timestamp = odd
        event.signature = odd
        event.publicKey = odd
        event.clock = try required(ReceivedClock(json: Array(#"{"nul \u0000":1,"":2,"é":3}"#.utf8)))
        let entry = try Sample.entry(event, peer: odd)
        _ = try log.append(entry)
        let stored = try required(log.event(event.id))
        for (found, wanted) in [
            (stored.event.action, odd), (stored.event.subject, odd), (stored.event.origin, odd), (stored.peer, odd),
            (stored.event.originName, odd), (stored.event.timestamp, odd), (stored.event.signature ?? "", odd),
        ] { try expectExactly([found], [wanted]) }
        try expectEqual(stored.event.clock.entries, event.clock.entries)
        try expectEqual(stored.event.fingerprint(sha256), entry.fingerprint)
        try log.setState(odd, odd)
        try expectExactly([try required(log.state(odd))], [odd])
        try log.setRecord(odd, Record(subject: odd, heads: [event.id]))
        try expectExactly(log.records(RecordFilter(limit: 1)).map(\.subject), [odd])
        var quarantined = row(1)
        quarantined.code = odd
        quarantined.eventID = odd
        quarantined.subject = odd
        try log.quarantine(quarantined)
        try expectExactly([try required(log.quarantine(kind: nil, peer: nil, limit: 1).first).subject], [odd])
    }
}
