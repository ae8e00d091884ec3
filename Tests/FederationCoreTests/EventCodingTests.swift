import FederationCore
import FederationCrypto
import Testing

/// A valid event as JSON members, each of which a test can change or leave out.
private func wire(_ changes: [String: String] = [:], without left: Set<String> = []) -> [UInt8] {
    let members: [(String, String)] = [
        ("id", "\"01KN33X5G0000G40R40M30E209\""), ("action", "\"vote\""), ("trace_id", "\"20260405-hello\""),
        ("cortex_id", "\"\(node(1))\""), ("origin", "\"alpha\""), ("timestamp", "\"2026-04-05T12:00:00Z\""),
        ("data", #"{"delta":1}"#), ("vclock", "{\"\(node(1))\":1}"), ("signature", "\"ed25519:AA==\""),
        ("pubkey", "\"ed25519:BB==\""),
    ]
    var written: [String] = []
    for (key, value) in members where !left.contains(key) { written.append("\"\(key)\":\(changes[key] ?? value)") }
    for (key, value) in changes where !members.contains(where: { $0.0 == key }) {
        written.append("\"\(key)\":\(value)")
    }
    return Array("{\(written.joined(separator: ","))}".utf8)
}

private func clock(_ entries: Int) -> String {
    "{" + (0..<entries).map { "\"\(node($0))\":1" }.joined(separator: ",") + "}"
}

@Suite struct EventCodingTests {
    @Test func anEventIsWrittenAsItWasRead() throws {
        let event = try Event(json: wire())
        #expect(event.json == wire())
        #expect(event.number == 1)
        #expect(event.knownAction == .vote)
        #expect(event.family == .noema)
    }

    @Test func dataKeepsItsBytesWhateverTheyMean() throws {
        let data = #"{"b" : "\u003c\/é" ,  "a":1.50}"#
        let event = try Event(json: wire(["data": data]))
        #expect(event.data == Array(data.utf8))
        #expect(try Event(json: event.json).data == Array(data.utf8))
    }

    @Test func aStubIsWrittenAndRead() throws {
        let stub = try Event(json: wire()).stubbed
        #expect(stub.isStub && stub.data == nil)
        #expect(try Event(json: stub.json) == stub)
    }

    @Test func whatNoemaLeavesOutMayBeMissing() throws {
        let event = try Event(json: wire(without: ["data", "vclock", "signature", "pubkey"]))
        #expect(event.data == Array("{}".utf8))
        #expect(event.clock.isEmpty && event.signature == nil && event.publicKey == nil && event.number == nil)
        let nulls = try Event(json: wire(["vclock": "null", "signature": "null", "pubkey": "\"\""]))
        #expect(nulls.clock.isEmpty && nulls.signature == nil && nulls.publicKey == nil)
        #expect(try Event(json: wire(["more": "[1]"])) == Event(json: wire()))
    }

    @Test func everyTextOfAnEventMustBeThereAsAString() {
        for field in [EventField.id, .action, .traceID, .cortexID, .origin, .timestamp] {
            let name = field.rawValue
            #expect(throws: EventRefusal.missing(field)) { try Event(json: wire(without: [name])) }
            for value in ["null", "7", "{}", "[]", "true"] {
                #expect(throws: EventRefusal.wrongType(field)) { try Event(json: wire([name: value])) }
            }
            let long = "\"\(String(repeating: "x", count: 1025))\""
            #expect(throws: EventRefusal.textTooLong(field, bytes: 1025)) { try Event(json: wire([name: long])) }
        }
    }

    @Test func aClockIsBoundedInEntriesAndCounters() throws {
        #expect(try Event(json: wire(["vclock": clock(257)])).clock.entries.count == 257)
        #expect(throws: EventRefusal.clockTooLarge(entries: 258)) { try Event(json: wire(["vclock": clock(258)])) }
        #expect(try Event(json: wire(["vclock": #"{"x":9223372036854775807}"#])).clock.entries[0].counter == .max >> 1)
        for counter in [
            "9223372036854775808", "18446744073709551615", "18446744073709551616",
            "1\(String(repeating: "0", count: 400))",
        ] {
            #expect(throws: EventRefusal.counterTooLarge) { try Event(json: wire(["vclock": "{\"x\":\(counter)}"])) }
        }
        for value in ["[]", "\"x\"", "7", "{\"x\":\"1\"}", "{\"x\":-1}", "{\"x\":1.5}", "{\"x\":1e3}", "{\"x\":null}"] {
            #expect(throws: EventRefusal.wrongType(.vclock)) { try Event(json: wire(["vclock": value])) }
        }
    }

    @Test func otherShapesAreRefusedEachForItsReason() {
        #expect(throws: EventRefusal.notAnObject) { try Event(json: Array("[]".utf8)) }
        #expect(throws: EventRefusal.notAnObject) { try Event(json: Array("null".utf8)) }
        #expect(throws: EventRefusal.notJSON(.unexpectedEnd)) { try Event(json: Array("{".utf8)) }
        #expect(throws: EventRefusal.invalidID) { try Event(json: wire(["id": "\"01EVIL00000000000000000003\""])) }
        #expect(throws: EventRefusal.invalidID) { try Event(json: wire(["id": "\"\""])) }
        #expect(throws: EventRefusal.duplicateKey) { try Event(json: wire(["\\u0069d": "\"x\""])) }
        #expect(throws: EventRefusal.duplicateKey) { try Event(json: wire(["data": #"{"body":"a","body":"b"}"#])) }
        #expect(throws: EventRefusal.rawControlByte) { try Event(json: wire(["data": "{\n}"])) }
        #expect(throws: EventRefusal.rawControlByte) { try Event(json: wire(["data": "{\t\"a\":1}"])) }
        for data in ["[]", "\"x\"", "7", "true"] {
            #expect(throws: EventRefusal.wrongType(.data)) { try Event(json: wire(["data": data])) }
        }
        for stub in ["{}", "null", #"{"data_sha256":"00","normal_sha256":"00"}"#] {
            #expect(throws: EventRefusal.wrongType(.stub)) { try Event(json: wire(["stub": stub], without: ["data"])) }
        }
        let hash = String(repeating: "0", count: 64)
        #expect(throws: EventRefusal.wrongType(.stub)) {
            try Event(json: wire(["stub": "{\"data_sha256\":\"\(hash)\",\"normal_sha256\":\"\(hash)\"}"]))
        }
        #expect(throws: EventRefusal.wrongType(.signature)) { try Event(json: wire(["signature": "7"])) }
    }

    @Test func sizeIsBounded() {
        let long = "{\"body\":\"\(String(repeating: "x", count: Limits.eventDataBytes))\"}"
        #expect(throws: EventRefusal.tooLarge(bytes: long.utf8.count)) { try Event(json: wire(["data": long])) }
        let longer = [UInt8](repeating: 0x20, count: Limits.eventBytes + 1)
        #expect(throws: EventRefusal.tooLarge(bytes: longer.count)) { try Event(json: longer) }
    }

    @Test func theFamilyIsPartOfTheAction() {
        #expect(event(1, "hive:create").family == .hive)
        #expect(event(1, "mesh:x:y").family == .mesh)
        #expect(event(1, "unheard:of").family == .noema)
        #expect(event(1, "teleport").family == .noema)
    }

    @Test func anUndottedEventHasNoNumber() {
        #expect(event(1, "create", by: 1, [2: 5]).number == nil)
        var legacy = event(1, "create", by: 1, [1: 5])
        legacy.origin = "alpha"
        #expect(legacy.number == nil)
    }
}

@Suite struct EventFingerprintTests {
    /// Vector (A) of Noema section 8.4: the Rust line's published fixture.
    @Test func noemasPublishedFixtureHasItsPreimage() throws {
        let data = """
            {"title":"network-rust-create","type":"fact","author":"test","tags":["network"],"origin":"rust-source",\
            "tier":"short","body":"created by the Rust implementation",\
            "content_hash":"sha256:4ab6c6ce318973fb3f99cd552ad4bc8eda13e8cf4fbf307fdb5bf045b4ac3bf1"}
            """
        let text = """
            {"id":"01M01NJPRMG2F25DEGFG3BEZKR","action":"create","trace_id":"20260815-network-rust-create",\
            "cortex_id":"01M01NJPQ0A6W5Z2JC3V867G0G","origin":"rust-source","timestamp":"2026-08-15T02:56:22Z",\
            "data":\(data),"vclock":{"01M01NJPQ0A6W5Z2JC3V867G0G":1},\
            "signature":"ed25519:1nXkQ+QwIPuEkaTqkdk9A2tSm4MwOwjW4gkEh4trKF1VRf8bRfyfFyEU1Xrw5T2/+ewtC5T/Ab7TREZk9qRAAQ==",\
            "pubkey":"ed25519:LB+0jMLPWjc+6yXzZFm8KOGQCwjA2YzdGgbNEfcDCJo="}
            """
        let event = try Event(json: Array(text.utf8))
        #expect(event.json == Array(text.utf8))
        let fingerprint = try event.fingerprint(sha256)
        #expect(fingerprint.dataHash.hex == "eb389f8b40504d14f49917bc704264cb02571354d84b322f81a8c66f40dde854")
        #expect(fingerprint.signedHash == nil)
        #expect(event.signedHash(sha256).hex == "3e2bd96f56c0a38137f88531c803ecd9c307f456d8c980e4f7c8a36e5463f860")
        #expect(fingerprint.normalHash == fingerprint.dataHash)
        let preimage = event.signingPreimage(dataHash: fingerprint.dataHash)
        #expect(preimage.count == 238)
        let key = try #require(VerifyingKey(event.publicKey ?? ""))
        let signature = try #require(Signature(event.signature ?? ""))
        #expect(key.verify(signature, of: preimage))
        let snapshot = try Snapshot(data: event.data ?? [])
        #expect(snapshot.data == event.data)
        #expect(snapshot.contentHash == Snapshot.contentHash(of: snapshot.body, sha256))
    }

    /// Vector (B) of Noema section 8.4.
    private func vectorB(data: String, clock: String?) throws -> Event {
        let vclock = clock.map { ",\"vclock\":\($0)" } ?? ""
        return try Event(
            json: Array(
                """
                {"id":"01HV000000000000000000000A","action":"update","trace_id":"20260609-why-we-chose-go",\
                "cortex_id":"01HV0000000000000000000CTX","origin":"research-cortex",\
                "timestamp":"2026-06-09T14:23:00Z","data":\(data)\(vclock)}
                """.utf8))
    }

    @Test func theSecondVectorIsTheSameByteForByte() throws {
        let event = try vectorB(
            data: #"{"title":"Why Go","content_hash":"abc","source_locked":true}"#,
            clock: #"{"01HV0000000000000000000CTX":7,"01HV00000000000000000PEER":3}"#)
        let fingerprint = try event.fingerprint(sha256)
        let preimage = event.signingPreimage(dataHash: fingerprint.dataHash)
        #expect(
            hexadecimal(preimage) == """
                6e6f656d612d6576656e742d7369672d76310a0000001a303148563030303030303030303030303030303030303030304100\
                0000067570646174650000001832303236303630392d7768792d77652d63686f73652d676f0000001a303148563030303030\
                30303030303030303030303030304354580000000f72657365617263682d636f7274657800000014323032362d30362d3039\
                5431343a32333a30305a0000004b0000001a3031485630303030303030303030303030303030303030435458000000000000\
                000700000019303148563030303030303030303030303030303030504545520000000000000003000000204d0fd675ea7e73\
                b2d8fd3c60587aaadd40e43299b517b20a571ea37311035cab
                """)
        #expect(event.signedHash(sha256).hex == "7f9984d6460be7ee7a8806b697beed2fbfa48e18356e70ead8da583a12f2670c")
        let key = try SigningKey(seed: [UInt8](0..<32))
        #expect(
            key.sign(preimage).description
                == "ed25519:LVlBUKtvX8w3aDxYz8elSfQ157YZROmVeWdOVRCL3eOTC/SMeWqoX0zipiPx8ExUzqlSxoYJzASJlg/kFvYVCA==")
        // The order in which an author writes its clock's entries is not signed.
        let reversed = try vectorB(
            data: #"{"title":"Why Go","content_hash":"abc","source_locked":true}"#,
            clock: #"{"01HV00000000000000000PEER":3,"01HV0000000000000000000CTX":7}"#)
        #expect(try reversed.fingerprint(sha256) == fingerprint)
    }

    @Test func anEventWithoutClockAndDataHasAPreimageToo() throws {
        let event = try vectorB(data: "{}", clock: nil)
        let fingerprint = try event.fingerprint(sha256)
        #expect(event.signingPreimage(dataHash: fingerprint.dataHash).count == 200)
        #expect(event.signedHash(sha256).hex == "fcda180da86adf4e79d5c955c7971ad00c958168341014dfb40cdd5dca411b7f")
        // `null` is signed as it came, and means the same.
        let null = try vectorB(data: "null", clock: nil)
        #expect(try null.fingerprint(sha256).digest == fingerprint.digest)
        #expect(try null.fingerprint(sha256).signedHash == null.signedHash(sha256))
        #expect(null.signedHash(sha256) != event.signedHash(sha256))
    }

    @Test func theDigestIsTheSameHoweverARelayEscapes() throws {
        let escaped = try vectorB(data: #"{"title":"t","type":"note","body":"a \u003c b \u0026 c"}"#, clock: nil)
        let raw = try vectorB(data: #"{"title":"t","type":"note","body":"a < b & c"}"#, clock: nil)
        let (one, other) = (try escaped.fingerprint(sha256), try raw.fingerprint(sha256))
        #expect(one.dataHash.hex == "db932bfc35329261b134a9474d3ef8ce65b7258fcd9aca44d5cc67dc7360b877")
        #expect(other.dataHash.hex == "59e549bb22b5ff8520addb4a20df7eb839567db42a5e50cdd747e09dd59c19d4")
        #expect(one.digest == other.digest)
        #expect(one.signedHash == escaped.signedHash(sha256) && other.signedHash == nil)
        #expect(escaped.signedHash(sha256) != raw.signedHash(sha256))
        #expect(one.normalHash == other.dataHash)
    }

    @Test func aStubHasTheHashesOfWhatItWasMadeOf() throws {
        let full = try vectorB(data: #"{"title":"\u0041","type":"note","body":""}"#, clock: "{\"\(node(1))\":2}")
        let (one, other) = (try full.fingerprint(sha256), try full.stubbed.fingerprint(sha256))
        #expect(one == other)
    }

    @Test func everyFieldIsInTheDigestAndTheSignatureIsNot() throws {
        let original = try vectorB(data: "{}", clock: #"{"01HV0000000000000000000CTX":7}"#)
        let digest = try original.fingerprint(sha256).digest
        let changes: [(inout Event) -> Void] = [
            { $0.id = eventID(1) }, { $0.action = "create" }, { $0.subject += "x" }, { $0.origin += "x" },
            { $0.originName = "" }, { $0.timestamp += " " }, { $0.payload = .full(Array(#"{"a":1}"#.utf8)) },
            { $0.clock = ReceivedClock(VectorClock([node(1): 7])) }, { $0.clock = .empty },
        ]
        for change in changes {
            var changed = original
            change(&changed)
            #expect(try changed.fingerprint(sha256).digest != digest)
        }
        var signed = original
        signed.signature = "ed25519:AAAA"
        signed.publicKey = "ed25519:BBBB"
        #expect(try signed.fingerprint(sha256).digest == digest)
    }
}
