import FederationCore
import FederationCrypto
import FederationTestKit

/// One event as it comes over a wire.
enum EventJSON: Fuzzer {
    static let name = "event-json"

    static var seeds: [Seed] {
        get throws {
            let created = Sample.event(Sample.id(1), clock: [1: 4, 2: 7], body: "text \u{1F389} \" \\ \n")
            let signed = try Sample.event(Sample.id(2), "update", origin: 2, clock: [2: 1], signature: "ed25519:AAAA")
                .sealed(by: 2)
            return [
                Seed("create", created.json), Seed("update-signed", signed.json),
                Seed("trash", Sample.event(Sample.id(3), "trash").json), Seed("stub", try created.stubbed().json),
                Seed(
                    "spaced-and-escaped",
                    #" { "id":"01KDYQ7R010000000000000000", "action":"cre\u0061te","trace_id":"\ud83c\udf89","#
                        + #""cortex_id":"","origin":"\ud800","timestamp":"2026-01-01T00:00:00+02:00","#
                        + #""data":{"n":-1.50e+3,"a":[null,true,[]]},"#
                        + #""vclock":{"a":1,"a ":18446744073709551615},"pubkey":null,"unknown":{}} "#),
                Seed("array", #"[1,{"a":[1,2]},"]",[],null]"#), Seed("empty", "{}"),
            ]
        }
    }

    static func take(_ bytes: [UInt8]) {
        let item = PulledItem(json: bytes)
        switch item {
        case .event(let event, _): hold(event)
        case .unreadable(let refusal, _, let id, let subject):
            require(
                id.utf8.count <= Limits.eventTextBytes && subject.utf8.count <= Limits.eventTextBytes,
                "what is kept of a refused event")
            require(!refusal.code.isEmpty, "a refusal without a code")
        }
        holdJSON(bytes)
    }

    /// What is read is within the bounds of an event, and is read again from what is written of it.
    static func hold(_ event: Event) {
        for text in [event.action, event.subject, event.origin, event.originName, event.timestamp] {
            require(text.utf8.count <= Limits.eventTextBytes, "a text past its bound")
        }
        require(event.clock.entries.count <= Limits.receivedClockEntries, "a clock past its bound")
        require(event.clock.entries.allSatisfy { $0.counter < Limits.counter }, "a counter past its bound")
        let written = event.json
        require(!written.contains { $0 < 0x20 }, "a control byte in a line")
        guard written.count <= Limits.eventBytes else { return }
        guard let again = try? Event(json: written) else { fail("what was written is not read") }
        require(again == event, "another event is read than was written")
        require(again.json == written, "another text is written than was read")
        do {
            let (one, two) = (try event.fingerprint(sha256), try again.fingerprint(sha256))
            require(one.digest == two.digest, "another digest")
        } catch {
            fail("an event without a fingerprint: \(error)")
        }
        require(ReceivedClock(json: event.clock.json) == event.clock, "another clock is read than was written")
    }

    /// The normal form of a value is its own normal form, and the parts of an array are the whole.
    static func holdJSON(_ bytes: [UInt8]) {
        if let json = try? JSON(bytes) {
            let normal = json.normalForm
            guard let again = try? JSON(normal) else { fail("a normal form is not read") }
            require(again.normalForm == normal, "the normal form of a normal form is another")
            // Where a text is seen to be in normal form it is taken as it is: a space before it has it written anew.
            require((try? JSON([0x20] + bytes))?.normalForm == normal, "a space before a value changes its normal form")
            if let array = json.array {
                guard let elements = try? JSON.elements(ofArray: bytes, limit: Limits.jsonValues) else {
                    fail("an array is not cut into its elements")
                }
                require(elements.count == array.count, "the elements of an array are not as many as its values")
            }
        } else {
            _ = try? JSON.elements(ofArray: bytes, limit: 100)
        }
    }
}
