import FederationCore

/// The rules of listing records in parts, and of looking for a text in them.
extension StorageContract {
    func searches(_ log: inout some LogWriting) throws {
        func keep(_ subject: String, _ bodies: [String], _ change: (inout Record) -> Void = { _ in }) throws {
            var heads: [ULID] = []
            for body in bodies {
                let id = Sample.id(Int64(try log.eventCount()))
                _ = try log.append(try Sample.entry(Sample.event(id, "create", subject, body: body)))
                heads.append(id)
            }
            var record = Record(subject: subject, heads: heads)
            record.title = "Title of \(subject)"
            record.type = "note"
            change(&record)
            try log.setRecord(subject, record)
        }
        try keep("a", ["One \"quoted\" line\nand \u{C9}tude"]) { $0.tags = ["Blue", "green"] }
        try keep("b", ["first version", "second version"])
        try keep("c", ["100% sure_thing"]) { $0.title = "Stra\u{DF}e" }
        try keep("d", ["trashed line"]) { $0.lifecycle = .trashed }
        try keep("e", ["purged line"]) {
            $0.purge = Record.Purge(eventID: Sample.id(99), action: "purge", reason: "")
        }
        func found(_ text: String, _ state: RecordFilter.State? = nil) throws -> [String] {
            var filter = RecordFilter(limit: 10)
            if let state { filter.select(state) }
            return try log.records(filter, holding: SearchText(text), reading: .max).records.map(\.subject)
        }
        try expectEqual(found("ONE \"QUOTED\" LINE\nAND"), ["a"])
        try expectEqual(found("\u{E9}TUDE"), ["a"])
        try expectEqual(found("bLuE"), ["a"])
        try expectEqual(found("title of"), ["a", "b"])
        try expectEqual(found("version"), ["b"])
        try expectEqual(found("first"), ["b"])
        try expectEqual(found("second"), ["b"])
        try expectEqual(found("STRASSE"), ["c"])
        try expectEqual(found("0% SURE_"), ["c"])
        // No character stands for another, and no field of the data is the text.
        for nothing in ["*", "content_hash", "bluegreen", "1%0"] { try expectEqual(found(nothing), []) }
        try expectEqual(found("%"), ["c"])
        try expectEqual(found("line"), ["a"])
        try expectEqual(found("line", .trashed), ["d"])
        try expectEqual(found("line", .all), ["a", "d"])
        try expectEqual(found("title", .purged), ["e"])
        try parts(log)
    }

    /// Whatever is read in one part, the parts together are the whole, in order.
    private func parts(_ log: some LogReading) throws {
        for text in [nil, SearchText("o")] {
            for limit in [1, 2, 5] {
                for bytes in [0, 600, 2000, Int.max] {
                    var filter = RecordFilter(limit: limit)
                    filter.select(.all)
                    var found: [String] = []
                    var rounds = 0
                    repeat {
                        let page = try log.records(filter, holding: text, reading: bytes)
                        try expect(page.records.count <= limit, "a part of \(page.records.count)")
                        found += page.records.map(\.subject)
                        filter.after = page.reached
                        rounds += 1
                    } while filter.after != nil && rounds < 20
                    try expectEqual(found, text == nil ? ["a", "b", "c", "d", "e"] : ["a", "b", "d", "e"])
                    if bytes == 0 { try expect(rounds >= 5, "\(rounds) parts") }
                }
            }
        }
        try expectEqual(log.records(RecordFilter(limit: 0), holding: nil, reading: .max), RecordPage())
    }
}
