import FederationCore

/// Events that are not what their origins wrote, and events that are none.
extension PeerAttack {
    private static func forgery(
        _ name: String, _ summary: String, _ code: String, _ change: @escaping @Sendable (inout Event, HostileScene) -> Void
    ) -> PeerAttack {
        giving(name, summary, [.refuses(code)], takes: 1) { scene, _ in
            var second = scene.bystander.event(2)
            change(&second, scene)
            return [scene.bystander.event(1).text, second.text]
        }
    }

    static let forgeries = [
        forgery("forged-text", "Relays an event with another text than its origin wrote.", "bad_signature") { event, _ in
            let text = String(decoding: event.data ?? [], as: UTF8.self).replacing("hello", with: "forged")
            event.payload = .full(Array(text.utf8))
        },
        forgery("stripped-signature", "Relays an event without its signature.", "unsigned") { event, _ in
            (event.signature, event.publicKey) = (nil, nil)
        },
        forgery("re-signed", "Relays an event that it has signed itself.", "swapped_key") { event, scene in
            scene.node.seal(&event)
        },
        forgery("re-signed-under-the-old-key", "Signs an event itself and names its origin's key.", "bad_signature") {
            let key = $0.publicKey
            $1.node.seal(&$0)
            $0.publicKey = key
        },
        forgery("swapped-signatures", "Relays an event with the signature of another one.", "bad_signature") { event, scene in
            event.signature = scene.bystander.event(1).signature
        },
        forgery("relabelled-action", "Relays an edit as the trashing of what was edited.", "bad_signature") { event, _ in
            event.action = "trash"
        },
        forgery("moved-to-another-record", "Relays an event as one of another record.", "bad_signature") { event, _ in
            event.subject = "20260406-elsewhere"
        },
        forgery("replayed-under-another-id", "Gives an event a second time under a later id.", "bad_signature") { event, scene in
            event = scene.bystander.event(1)
            event.id = scene.bystander.event(9).id
        },
        forgery("renumbered", "Relays an event with another clock.", "bad_signature") { event, scene in
            event.clock = scene.bystander.event(7).clock
        },
        forgery("junk-signature", "Relays an event with a signature that is none.", "bad_signature") { event, _ in
            event.signature = "ed25519:" + String(repeating: "A", count: 86) + "=="
        },
        giving("key-withheld", "Relays a signed event of an origin without the key.", [.refuses("unknown_key")]) { scene, _ in
            var event = scene.bystander.event(1)
            event.publicKey = nil
            return [event.text]
        },
        giving("forged-event-of-ours", "Gives an event that the node that asks never wrote.", [.refuses("forged_own_origin")]) {
            [$0.node.event(9, origin: $1).text]
        },
        giving("unsigned-events-of-its-own", "Writes without signing.", [.refuses("unsigned")]) { scene, _ in
            var event = scene.node.event(1)
            (event.signature, event.publicKey) = (nil, nil)
            return [event.text]
        },
        giving("two-events-of-one-id", "Gives two events under one id, both signed.", [.refuses("losing_variant")], takes: 1) {
            scene, _ in
            let first = scene.node.event(1)
            return [first.text, scene.node.event(1, id: first.id, body: "another").text]
        },
    ]

    private static func shape(
        _ name: String, _ summary: String, _ code: String, _ change: @escaping @Sendable (String, HostileScene) -> String
    ) -> PeerAttack {
        giving(name, summary, [.refuses(code)], takes: 1) { scene, _ in
            [scene.node.line(1), change(scene.node.line(2), scene)]
        }
    }

    /// The event with a clock that is this text.
    private static func clock(_ text: @escaping @Sendable (HostileScene) -> String) -> @Sendable (String, HostileScene) -> String {
        { line, scene in line.replacing("{\"\(scene.node.id)\":2}", with: text(scene)) }
    }

    private static let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)

    static let shapes = numbers + [
        shape("event-too-large", "Gives an event of 4 MiB and a byte.", "too_large") { _, scene in
            scene.node.line(2, body: String(repeating: "x", count: Limits.eventBytes + 1))
        },
        shape("deep-event", "Gives an event that is nested 100,000 deep.", "not_json") { line, _ in
            line.replacing("\"data\":{", with: "\"data\":{\"x\":\(deep),")
        },
        shape("not-a-number", "Gives an event with NaN in it.", "not_json") { line, _ in
            line.replacing("\"data\":{", with: "\"data\":{\"x\":NaN,")
        },
        shape("duplicate-keys", "Gives an event with two texts, one for each reader.", "duplicate_key") { line, _ in
            line.replacing("\"data\":{", with: "\"data\":{\"body\":\"Another.\",")
        },
        shape("two-ids", "Gives an event with two ids.", "duplicate_key") { line, _ in
            line.replacing("{\"id\":", with: "{\"id\":\"01KNJX49920000000000000009\",\"id\":")
        },
        shape("raw-controls", "Gives an event with a NUL and an ESC as they are.", "not_json") { line, _ in
            line.replacing("hello", with: "\0\u{1B}[2J")
        },
        native("invalid-utf-8", "Gives an event that is no UTF-8.", [.refuses("not_json")], takes: 1) { request, scene in
            let (first, second) = (scene.node.line(1), scene.node.line(2, body: "?hello?"))
            let body = Array("\(first)\n\(second)\n".utf8).map { $0 == UInt8(ascii: "?") ? 0xFF : $0 }
            return .response(request.parameter("after") == nil ? scene.page([first, second], body: body) : scene.page())
        },
        shape("id-in-lower-case", "Gives an event with its id in lower case.", "invalid_id") { line, scene in
            let id = scene.node.event(2).id.description
            return line.replacing(id, with: id.lowercased())
        },
        shape("id-of-letters", "Gives an event whose id has the letters I, L, O and U.", "invalid_id") { line, scene in
            line.replacing(scene.node.event(2).id.description, with: "01KNJX4992ILOU000000000002")
        },
        shape("id-past-the-end", "Gives an event whose id has 129 bits.", "invalid_id") { line, scene in
            line.replacing(scene.node.event(2).id.description, with: "8ZZZZZZZZZZZZZZZZZZZZZZZZZ")
        },
        shape("long-subject", "Gives an event of a record whose id has 2,000 characters.", "too_long_trace_id") { line, scene in
            line.replacing(scene.node.event(2).subject, with: String(repeating: "t", count: 2000))
        },
        shape("empty-objects", "Gives objects that are no events.", "missing_id") { _, _ in "{}" },
        shape("false-content-hash", "Gives an event whose hash of its text is another's.", "content_hash_mismatch") { _, scene in
            let data = #"{"title":"a","type":"note","body":"a","content_hash":"sha256:\#(String(repeating: "0", count: 64))"}"#
            return scene.node.event(2, data: Array(data.utf8)).text
        },
        shape("title-of-another-type", "Gives an event whose title is a number.", "malformed_snapshot") { _, scene in
            scene.node.event(2, data: Array(#"{"title":7}"#.utf8)).text
        },
        giving("terminal-escapes", "Writes an action that clears the screen of whoever reads it.", [.holds("unknown_action")],
            takes: 1
        ) { scene, _ in [scene.node.event(1, action: "\u{1B}[2J\u{1B}]0;owned\u{07}\r\n").text] },
        giving("path-as-subject", "Writes of a record that is a path.", [.holds("invalid_trace_id")], takes: 1) { scene, _ in
            [scene.node.event(1, subject: "../../../../etc/passwd").text]
        },
    ]

    private static let numbers = [
        giving("years-ahead", "Writes with an id of the next century.", [.defers]) { scene, _ in
            [scene.node.event(1, id: ULID(milliseconds: 4_200_000_000_000, random: (0, scene.node.id.low))).text]
        },
        giving("year-10889", "Writes with the last id that there is.", [.defers]) { scene, _ in
            [scene.node.event(1, id: .max).text]
        },
        giving("clock-inflation", "Writes with a clock that names us at 2^62.", [.warns("own_number_far")], takes: 1) {
            [$0.node.event(1, clock: [$1: 1 << 62]).text]
        },
        giving("greatest-counter", "Numbers its event 2^63 - 1.", [.gap], takes: 1) { scene, _ in
            [scene.node.event(Limits.counter - 1, id: scene.node.event(1).id).text]
        },
        shape("counter-overflow", "Numbers its event 2^63.", "counter_too_large", clock { "{\"\($0.node.id)\":9223372036854775808}" }),
        shape("counter-past-64-bits", "Numbers its event 2^64.", "counter_too_large",
            clock { "{\"\($0.node.id)\":18446744073709551616}" }),
        shape("counter-below-zero", "Numbers its event -1.", "wrong_type_vclock", clock { "{\"\($0.node.id)\":-1}" }),
        shape("clock-of-text", "Writes a clock of words.", "wrong_type_vclock", clock { "{\"\($0.node.id)\":\"2\"}" }),
        shape("clock-of-100000", "Writes a clock with 100,000 entries.", "clock_too_large",
            clock { scene in
                let others = (0..<100_000).map { "\"\(ULID(milliseconds: 1, random: (0, UInt64($0))))\":1" }
                return "{\"\(scene.node.id)\":2," + others.joined(separator: ",") + "}"
            }),
    ]
}
