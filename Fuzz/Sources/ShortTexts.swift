import FederationConfig
import FederationCore
import FederationTestKit

@testable import Federation
@testable import FederationHTTP

/// What stands in a field, a parameter or a key of its own; the first byte says which.
enum ShortTexts: Fuzzer {
    static let name = "short-texts"

    static func take(_ bytes: [UInt8]) {
        let rest = Array(bytes.dropFirst())
        let text = String(decoding: rest, as: UTF8.self)
        switch bytes.first {
        case UInt8(ascii: "p"): proof(text)
        case UInt8(ascii: "n"):
            guard let position = NativePosition(text) else { return }
            require(NativePosition(position.text) == position, "another position is read than was written")
        case UInt8(ascii: "%"):
            require(percentDecoded(percentEncoded(text)).isExactly(text), "a text that is not read as it was written")
            // Where no plus stands, a field is read as a query is.
            guard !rest.contains(where: { "+&".utf8.contains($0) }) else { return }
            let value = RequestTarget(Array("/?v=\(text)".utf8)).query.first?.value ?? ""
            require(value.isExactly(percentDecoded(text)), "two readings of one escape")
        case UInt8(ascii: "u"):
            guard let id = ULID(text) else { return }
            require(ULID(id.description) == id, "another id is read than was written")
            require((0...ULID.maxMilliseconds).contains(id.milliseconds), "a time past its bound")
        case UInt8(ascii: "c"): _ = ULID(cursor: text)
        case UInt8(ascii: "t"):
            guard let time = WallTime(rfc3339: text) else { return }
            require(WallTime(rfc3339: time.rfc3339) != nil, "a time that is not read again")
        case UInt8(ascii: "e"): address(text)
        case UInt8(ascii: "d"):
            let declined = DeclinedIDs(stored: rest)
            require(declined.ids.count <= Limits.meshDeclined, "ids past their bound")
            require(DeclinedIDs(stored: declined.stored ?? []).ids == declined.ids, "other ids are read than written")
        case UInt8(ascii: "g"):
            guard let epochs = LogEpochs(stored: text) else { return }
            require(LogEpochs(stored: epochs.stored)?.stored == epochs.stored, "other epochs are read than written")
        case UInt8(ascii: "x"):
            let escaped = text.escapedForTerminal(limit: 64)
            require(!escaped.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "a control character for a terminal")
        case UInt8(ascii: "v"): _ = VersionSkew(of: text, from: "0.2.0")
        default: return
        }
    }

    private static func proof(_ text: String) {
        guard let proof = NodeProof(text) else { return }
        require(proof.text.isExactly(text), "a proof with two spellings")
        let request = ServedRequest(method: "GET", path: "/")
        for now in [Int64.min, 0, .max] {
            let holds = proof.holds(
                for: request, from: Sample.node(1), to: Sample.node(2), at: WallTime(milliseconds: now),
                sha256: { _ in Digest.lowest }, isSigned: { _, _ in false })
            require(!holds, "a proof without a signature")
        }
    }

    private static func address(_ text: String) {
        if let endpoint = try? Endpoint(text) {
            let again = try? Endpoint(endpoint.url)
            require(again == endpoint, "another endpoint is read than was written")
            require(endpoint.url.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "an endpoint that splits a request")
        }
        if let listen = try? ListenAddress(text) {
            require((try? ListenAddress(listen.description)) == listen, "another address is read than was written")
        }
    }

    static var seeds: [Seed] {
        get throws {
            [
                Seed("proof", "p1767225600 \(Sample.node(2)) ed25519:AAAA"),
                Seed("position", "nepoch-9.12.\(Sample.id(1))"), Seed("escapes", "%a%20%C3%BC%zz%"),
                Seed("ulid", "u\(Sample.id(1, salt: 9))"), Seed("cursor", "cZ0000000000000000000000000"),
                Seed("time", "t2026-02-28T23:59:60.123456+14:00"),
                Seed("endpoint", "ehttps://gamma.example:8443/base/%41"),
                Seed("endpoint-v6", "ehttp://[::1]:80/"), Seed("listen", "e[::1]:4001"),
                Seed("declined", Array("d".utf8) + [UInt8](repeating: 7, count: 64)), Seed("epochs", "g~word a:1 b:22"),
                Seed("terminal", "xa\u{1B}[2J\u{202E}\r\n\\u"), Seed("version", "v0.1.0-rc.1+x"),
            ]
        }
    }
}
