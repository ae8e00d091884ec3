import FederationCore
import FederationCrypto
import FederationTestKit
import Glibc

@testable import FederationHTTP
@testable import Negentropy

/// A message of a reconciliation, to either side, over stores of several sizes.
enum NegentropyMessage: Fuzzer {
    static let name = "negentropy-message"

    private static let hash: HashFunction = { sha256($0).bytes }
    private static let items: [Item] = (0..<200).compactMap { index in
        ItemID(sha256([UInt8(index)]).bytes).map { Item(timestamp: UInt64(index / 3), id: $0) }
    }
    private static let sealed = [0, 1, 40, 200].compactMap { try? SealedStore(items.prefix($0)) }
    private static let ordered = [0, 1, 40, 200].compactMap { try? OrderedStore(items.prefix($0)) }

    private static let settings = try? ReconcileSettings(
        frameLimit: 4096, maxMessageBytes: 1 << 16, maxRounds: 3, maxDifferences: 64)

    static func take(_ bytes: [UInt8]) {
        guard let first = bytes.first, let settings else { return }
        let (message, size) = (Array(bytes.dropFirst()), Int(first & 3))
        var responder = Responder(store: sealed[size], settings: settings, hash: hash)
        var other = Responder(store: ordered[size], settings: settings, hash: hash)
        let answer = try? responder.answer(message)
        require(answer == (try? other.answer(message)), "two stores of one set answer differently")
        if let answer {
            require(answer.count <= 4096, "an answer past its frame")
            require((try? MessageReader.validate(answer)) != nil, "an answer that is no message")
        }
        initiator(message, size, settings)
    }

    private static func initiator(_ message: [UInt8], _ size: Int, _ settings: ReconcileSettings) {
        var initiator = Initiator(store: sealed[size], settings: settings, hash: hash)
        guard (try? initiator.open()) != nil else { fail("a session that cannot be opened") }
        for _ in 0..<2 {
            let before = (initiator.have, initiator.need, initiator.rounds)
            do {
                if case .send(let next) = try initiator.receive(message) {
                    require((try? MessageReader.validate(next)) != nil, "a question that is no message")
                }
            } catch {
                require(
                    before == (initiator.have, initiator.need, initiator.rounds), "a failure that changed something")
            }
            require(initiator.have.count + initiator.need.count <= 64, "differences past their bound")
            require(Set(initiator.places.keys) == initiator.need, "places of other ids than those needed")
        }
    }

    static var seeds: [Seed] {
        get throws {
            func opening(_ count: Int) throws -> [UInt8] {
                var initiator = Initiator(store: try SealedStore(items.prefix(count)), hash: hash)
                return try initiator.open()
            }
            var responder = Responder(store: sealed[3], hash: hash)
            let answer = try responder.answer(try opening(150))
            return [
                Seed("opening-few", [2] + (try opening(10))), Seed("opening-many", [3] + (try opening(190))),
                Seed("answer", [2] + answer),
                Seed("list", [3, 0x61, 0, 0, 2, 1] + [UInt8](repeating: 0xAB, count: 32)),
                Seed("fingerprint", [1, 0x61, 0, 0, 1] + [UInt8](repeating: 9, count: 16)),
                Seed("version", [0, 0x62]),
                Seed("bounds", [3, 0x61, 1, 1, 7, 0, 5, 2, 1, 2, 1] + [UInt8](repeating: 3, count: 16)),
            ]
        }
    }
}

/// A body of zstd, whole and in pieces.
enum ZstdBody: Fuzzer {
    static let name = "zstd-body"

    private static let limit = 256 << 10

    static func take(_ bytes: [UInt8]) {
        let whole = Zstd.decode(bytes, limit: limit)
        if case .success(let body) = whole {
            require(body.count <= limit, "a body past its bound")
            guard let frame = Zstd.compress(body) else { fail("a body that is not compressed") }
            guard case .success(let again) = Zstd.decode(frame, limit: limit) else {
                fail("a frame of ours is not decoded")
            }
            require(again == body, "another body is decoded than was coded")
        }
        // What cannot be decoded at once may be in pieces: libzstd holds a frame to the length that it declares only
        // where it has all of it. No more than the limit comes out either way.
        let inPieces = pieces(bytes)
        if let body = try? whole.get() { require(inPieces == body, "pieces are decoded otherwise than the whole") }
        require(inPieces?.count ?? 0 <= limit, "a body in pieces past its bound")
    }

    /// The same as it arrives, some bytes at a time.
    private static func pieces(_ bytes: [UInt8]) -> [UInt8]? {
        guard var decoder = ZstdDecoder() else { return nil }
        var body: [UInt8] = []
        var isEnded = false
        let step = 1 + Int(bytes.first ?? 0) % 97
        // Of nothing at all too, something is to be said.
        for start in stride(from: 0, to: max(bytes.count, 1), by: step) {
            let piece = Array(bytes[start..<min(start + step, bytes.count)])
            let ended = piece.withUnsafeBytes { try? decoder.take($0, into: &body, limit: limit) }
            guard let ended else { return nil }
            isEnded = ended
        }
        return isEnded ? body : nil
    }

    static var seeds: [Seed] {
        get throws {
            let page = ndjson(WireContract.sample(6))
            let zeros = [UInt8](repeating: 0, count: 100_000)
            let bodies = [("page", page), ("zeros", zeros), ("empty", []), ("byte", [0x2A])]
            let frames = bodies.compactMap { name, body in Zstd.compress(body).map { Seed(name, $0) } }
            let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 1, 2]
            return frames + [
                Seed("two-frames", frames[0].bytes + frames[3].bytes), Seed("skippable", skippable + frames[3].bytes),
            ]
        }
    }
}

/// Keys, signatures, hashes and certificates as text; the first byte says which.
enum KeysAndSignatures: Fuzzer {
    static let name = "keys-and-signatures"

    static func take(_ bytes: [UInt8]) {
        let rest = Array(bytes.dropFirst())
        let text = String(decoding: rest, as: UTF8.self)
        switch bytes.first {
        case UInt8(ascii: "p"): keys(text)
        case UInt8(ascii: "s"):
            guard let signature = Signature(text) else { return }
            require(Signature(signature.description) == signature, "another signature is read than was written")
            require(signature.bytes.count == Signature.length, "a signature of another length")
        case UInt8(ascii: "h"):
            guard let digest = Digest(hex: text) else { return }
            require(Digest(hex: digest.hex) == digest, "another digest is read than was written")
            require(Digest(digest.bytes) == digest, "another digest is made of its bytes")
        case UInt8(ascii: "b"): base64(rest)
        case UInt8(ascii: "f"): files(rest)
        case UInt8(ascii: "c"):
            guard (try? Certificate(pem: rest)) != nil else { return }
            _ = try? Certificate.check(rest, fits: rest)
        default: return
        }
    }

    private static func keys(_ text: String) {
        guard let key = PublicKey(text) else {
            require(VerifyingKey(text) == nil, "a key that is one to libcrypto alone")
            return
        }
        require(key.bytes.count == VerifyingKey.length, "a key of another length")
        require(PublicKey(key.text) == key && PublicKey.isSame(text, key.text), "another key is read than was written")
        // Not every 32 bytes are a point; what is none verifies nothing.
        guard let verifying = VerifyingKey(text) else { return }
        require(verifying.description == key.text, "two spellings of one key")
        guard let signature = Signature(bytes: key.bytes + key.bytes) else { return }
        _ = verifying.verify(signature, of: key.bytes)
    }

    private static func base64(_ text: [UInt8]) {
        let encoded = Base64.encode(text)
        require(Base64.decode(encoded, count: text.count) == text, "bytes that are not read as they were written")
        for count in max(0, text.count / 4 * 3 - 3)...(text.count / 4 * 3 + 3) {
            guard let decoded = Base64.decode(text, count: count) else { continue }
            require(decoded.count == count && Base64.encode(decoded) == text, "a second spelling of the same bytes")
        }
    }

    private static let path = "/tmp/federation-fuzz-\(getpid()).key"

    private static func files(_ bytes: [UInt8]) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard file >= 0 else { fail("no file: \(errno)") }
        _ = bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        close(file)
        if let keys = try? KeyFile.read(path) {
            require((1...16).contains(keys.count), "keys past their bound")
            require(keys.allSatisfy { $0.count > 0 }, "an empty key")
        }
        if let key = try? SigningKeyFile.read(path) {
            require(key.publicKey.verify(key.sign(bytes), of: bytes), "a key whose signature does not hold")
        }
        unlink(path)
    }

    static var seeds: [Seed] {
        get throws {
            let pair = try SigningKey(seed: [UInt8](repeating: 1, count: SigningKey.seedLength))
            return [
                Seed("public-key", "p\(pair.publicKey)"), Seed("spaced-key", "p \t\(pair.publicKey)\r\n"),
                Seed("signature", "s\(pair.sign([1]))"), Seed("digest", "h\(sha256([1]).hex)"),
                Seed("base64", "bAQID/+8="),
                Seed("signing-key-file", "fAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n"),
                Seed("key-file", "fsecret-one\r\n\tsecret-two \n"), Seed("certificate", Array("c".utf8) + certificate),
            ]
        }
    }

    /// With its key behind it.
    private static var certificate: [UInt8] {
        let issued = TestAuthority().issue()
        return issued.certificate + issued.key
    }
}
