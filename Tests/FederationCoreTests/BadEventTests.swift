import FederationCore
import FederationTestKit
import Testing

/// What no peer may do to a node by the events it gives: each is refused with a word of its own, the page goes on, and
/// nothing else is touched.
@Suite struct BadEventTests {
    /// An event's JSON with some members replaced or added.
    private static func json(_ changes: [String: String] = [:], extra: String = "") -> [UInt8] {
        var members = [
            "id": #""\#(Sample.id(1))""#, "action": #""create""#, "trace_id": #""20260101-bad""#,
            "cortex_id": #""\#(Sample.node(2))""#, "origin": #""node-2""#, "timestamp": #""2026-01-01T00:00:00Z""#,
            "data": #"{"title":"t","type":"note","body":"b"}"#, "vclock": #"{"\#(Sample.node(2))":1}"#,
        ]
        members.merge(changes) { $1 }
        let text = members.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        return Array("{\(text)\(extra)}".utf8)
    }

    private static func clock(_ entries: Int) -> String {
        "{" + (0..<entries).map { "\"\(Sample.node(UInt64($0)))\":1" }.joined(separator: ",") + "}"
    }

    static let refused: [(String, [UInt8])] = [
        ("not_json", Array(json().dropLast(9))),
        ("not_json", Array(repeating: 0x5B, count: 100_000)),
        ("not_json", [0xFF, 0xFE]),
        ("not_json", []),
        ("not_an_object", Array("[]".utf8)),
        ("not_an_object", Array("null".utf8)),
        ("duplicate_key", json(extra: #","id":"x""#)),
        ("duplicate_key", json(["data": #"{"title":"a","title":"b"}"#])),
        ("duplicate_key", json(["vclock": #"{"a":1,"a":2}"#])),
        ("invalid_id", json(["id": #""not a ulid""#])),
        ("invalid_id", json(["id": #""8ZZZZZZZZZZZZZZZZZZZZZZZZZ""#])),
        ("wrong_type_id", json(["id": "1"])),
        ("wrong_type_action", json(["action": "null"])),
        ("wrong_type_data", json(["data": "[]"])),
        ("wrong_type_data", json(["data": #""{}""#])),
        ("raw_control_byte", json(["data": "{\n}"])),
        ("wrong_type_vclock", json(["vclock": "[]"])),
        ("wrong_type_vclock", json(["vclock": #"{"a":-1}"#])),
        ("wrong_type_vclock", json(["vclock": #"{"a":1.5}"#])),
        ("wrong_type_vclock", json(["vclock": #"{"a":"1"}"#])),
        ("clock_too_large", json(["vclock": clock(258)])),
        ("counter_too_large", json(["vclock": #"{"a":18446744073709551615}"#])),
        ("counter_too_large", json(["vclock": #"{"a":18446744073709551616}"#])),
        ("counter_too_large", json(["vclock": #"{"a":9223372036854775808}"#])),
        ("too_long_trace_id", json(["trace_id": "\"" + String(repeating: "x", count: 1025) + "\""])),
        ("wrong_type_stub", json(["stub": "{}"])),
        ("malformed_snapshot", json(["data": #"{"tags":"one"}"#])),
        ("malformed_snapshot", json(["data": #"{"source_locked":"yes"}"#])),
        ("content_hash_mismatch", json(["data": #"{"body":"b","content_hash":"sha256:"}"#])),
        ("forged_own_origin", json(["cortex_id": #""\#(Sample.node(9))""#])),
    ]

    @Test(arguments: refused)
    func aBadEventIsRefusedAndThePageGoesOn(code: String, bytes: [UInt8]) throws {
        var node = SampleNode(9)
        let good = Sample.event(Sample.id(5))
        let outcome = try node.take(items: [PulledItem(json: bytes), PulledItem(json: good.json)], cursor: .byEvent)
        #expect(outcome.refused == 1 && outcome.applied == 1 && outcome.cursor == good.id)
        #expect(node.log.quarantine(kind: .refused, peer: "peer", limit: 9).map(\.code) == [code])
        #expect(node.log.eventCount() == 1)
    }

    @Test func whatIsAtTheBoundIsTaken() throws {
        var node = SampleNode(1000)
        let counter = #"{"\#(Sample.node(2))":9223372036854775807}"#
        for (index, bytes) in [
            BadEventTests.json(["vclock": BadEventTests.clock(257)]), BadEventTests.json(["vclock": counter]),
            BadEventTests.json(["trace_id": "\"" + String(repeating: "x", count: 1024) + "\""]),
        ].enumerated() {
            var event = try Event(json: bytes)
            event.id = Sample.id(Int64(index))
            let outcome = try node.take([event])
            #expect(outcome.applied + outcome.held == 1)
        }
        // A counter at its end stays where it is, and still orders events.
        #expect(VectorClock(stored: node.log.state("vclock") ?? "")[Sample.node(2)] == Limits.counter - 1)
    }

    @Test func anEventTooLargeIsRefusedByItsSize() throws {
        var node = SampleNode(9)
        let bytes = Array(repeating: UInt8(0x20), count: Limits.eventBytes + 1)
        #expect(try node.take(items: [PulledItem(json: bytes)]).refused == 1)
        let row = try #require(node.log.quarantine(kind: .refused, peer: nil, limit: 1).first)
        #expect(row.code == "too_large" && row.bytes.count == Limits.evidenceBytes)
    }

    @Test func textsThatWouldMoveACursorAreKeptAsTheyCame() throws {
        var node = SampleNode(9)
        let odd = #""\u001b[31m\n\u202E\u0000""#
        try node.take(items: [PulledItem(json: BadEventTests.json(["origin": odd, "action": odd]))])
        let stored = try #require(node.log.event(Sample.id(1)))
        #expect(stored.event.originName == "\u{1B}[31m\n\u{202E}\0" && stored.hold == .unknownAction)
        #expect(!stored.event.json.contains { $0 < 0x20 })
    }
}
