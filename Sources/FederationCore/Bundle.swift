/// A bundle: what a node would give a peer that asks, in one file, for a peer that nothing but the file reaches.
///
/// `docs/bundle.md` says how it is written. Its first line says who wrote it. Pages follow, each signed by itself, and a
/// last line, so that a page that is taken in is known to be whole and to be that node's, however large the file is.
package enum Bundle {
    package static let version = 1
    /// Under which it is remembered what bundles of a peer have said.
    package static let namespace = "bundle"
    /// What the first line of every version begins with.
    package static let magic = Array(#"{"federation_bundle":"#.utf8)
    /// In place of a position: the beginning of the log.
    package static let beginning = "start"
    /// The coding of a page that is not compressed.
    package static let plain = "identity"

    /// The first line: who wrote it, and what it holds of others.
    package struct Header: Hashable, Sendable {
        package var id: ULID
        package var name: String
        /// The program's version, as `PeerHealth.safeVersion` keeps it.
        package var version: String
        /// `ed25519:` and base64.
        package var publicKey: String
        package var madeAt: String
        /// Tells this bundle from any other of the same node.
        package var nonce: String
        /// The position that the first page follows.
        package var from: String
        /// How far its node has read the logs of others: what they need not give it again.
        package var holds: [ULID: String]
        /// The last changes of its node's key.
        package var successions: [Attestation]

        package init(
            node: NodeIdentity, publicKey: String, madeAt: WallTime, nonce: String, from: String, holds: [ULID: String],
            successions: [Attestation]
        ) {
            id = node.id
            name = node.name
            version = PeerHealth.safeVersion(node.version)
            self.publicKey = publicKey
            self.madeAt = madeAt.rfc3339Milliseconds
            self.nonce = nonce
            self.from = from
            self.holds = holds
            self.successions = successions
        }
    }

    /// The line before a page.
    package struct PageLine: Hashable, Sendable {
        /// From 1 on.
        package var page: Int
        /// The position after its last event.
        package var to: String
        package var events: Int
        package var attestations: Int
        package var coding: String
        /// Of the page, as it follows.
        package var bytes: Int
        package var signature: String

        package init(page: Int, to: String, events: Int, attestations: Int, coding: String, bytes: Int, signature: String) {
            self.page = page
            self.to = to
            self.events = events
            self.attestations = attestations
            self.coding = coding
            self.bytes = bytes
            self.signature = signature
        }
    }

    /// The last line.
    package struct End: Hashable, Sendable {
        package var pages: Int
        package var events: Int64
        /// The whole log of its node when the bundle was begun, as a set.
        package var logEvents: Int64
        package var logDigest: String
        package var signature: String

        package init(pages: Int, events: Int64, logEvents: Int64, logDigest: String, signature: String) {
            self.pages = pages
            self.events = events
            self.logEvents = logEvents
            self.logDigest = logDigest
            self.signature = signature
        }
    }

    /// What is wrong with a bundle.
    package enum Problem: String, Error, Hashable, Sendable, CaseIterable {
        case notABundle = "not_a_bundle"
        /// It is of a newer version of the format.
        case newer
        case malformed
        case tooLong = "too_long"
        /// A page is missing, or comes twice.
        case order
        /// It ends before its last line.
        case truncated
        /// Something follows the last line.
        case trailing
        case signature
        /// The last line counts other pages or events than came.
        case counts
        /// A page is not what its line says.
        case page
    }

    // MARK: What is signed

    /// - Parameters:
    ///   - header: SHA-256 of the first line, without its end.
    ///   - body: SHA-256 of the page as it stands in the bundle.
    package static func preimage(of line: PageLine, after from: String, header: Digest, body: Digest) -> [UInt8] {
        text([
            "federation-bundle-page-v1", header.hex, "\(line.page)", from, line.to, line.coding, "\(line.events)",
            "\(line.attestations)", "\(line.bytes)", body.hex,
        ])
    }

    /// - Parameter to: the position after the last page.
    package static func preimage(of end: End, at to: String, header: Digest) -> [UInt8] {
        text([
            "federation-bundle-end-v1", header.hex, "\(end.pages)", "\(end.events)", to, "\(end.logEvents)", end.logDigest,
        ])
    }

    private static func text(_ lines: [String]) -> [UInt8] { lines.flatMap { Array($0.utf8) + [0x0A] } }
}

extension Bundle.Header {
    package var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("federation_bundle", Bundle.version)
            writer.member("id", id.description)
            writer.member("name", name)
            writer.member("version", version)
            writer.member("pubkey", publicKey)
            writer.member("made_at", madeAt)
            writer.member("nonce", nonce)
            writer.member("from", from)
            writer.key("holds")
            writer.object { for (id, position) in holds.sorted(by: { $0.key < $1.key }) { $0.member(id.description, position) } }
            writer.key("successions")
            writer.array { for each in successions { $0.raw(each.json) } }
        }
        return writer.bytes
    }

    /// Reads a first line.
    package init(line: [UInt8]) throws(Bundle.Problem) {
        guard line.starts(with: Bundle.magic), let json = try? JSON(line) else { throw .notABundle }
        guard let version = json["federation_bundle"]?.integer else { throw .notABundle }
        guard version == Int64(Bundle.version) else { throw version > Bundle.version ? .newer : .notABundle }
        guard let id = json["id"]?.string.flatMap({ ULID($0) }), let key = json["pubkey"]?.string,
            let publicKey = PublicKey(key)?.text, let from = Bundle.position(json["from"]),
            let madeAt = json["made_at"]?.string, WallTime(rfc3339: madeAt) != nil,
            let nonce = json["nonce"]?.string, nonce.utf8.count <= Digest.length * 2
        else { throw .malformed }
        self.id = id
        name = String((json["name"]?.string ?? "").prefix(Limits.peerNameLength))
        self.version = PeerHealth.safeVersion(json["version"]?.string ?? "")
        self.publicKey = publicKey
        self.madeAt = madeAt
        self.nonce = nonce
        self.from = from
        holds = [:]
        for (key, value) in json["holds"]?.members ?? [] {
            guard let node = ULID(key), let position = Bundle.position(value) else { throw .malformed }
            holds[node] = position
        }
        successions = (json["successions"]?.array ?? []).prefix(Limits.successionsPushed).compactMap { Attestation($0) }
            .filter { $0.origin == id && $0.next != nil }
    }
}

extension Bundle {
    fileprivate static func position(_ json: JSON?) -> String? {
        json?.string.flatMap { $0.isHeaderToken && $0.utf8.count <= Limits.positionLength ? $0 : nil }
    }

    /// A count within what it may be.
    fileprivate static func count(_ json: JSON?, _ bounds: ClosedRange<Int64>) -> Int64? {
        json?.integer.flatMap { bounds.contains($0) ? $0 : nil }
    }

    fileprivate static func signature(_ json: JSON?) -> String? {
        json?.string.flatMap { $0.utf8.count <= 200 ? $0 : nil }
    }
}

extension Bundle.PageLine {
    package var json: [UInt8] {
        var writer = JSONWriter()
        writer.object {
            $0.member("page", page)
            $0.member("to", to)
            $0.member("events", events)
            $0.member("attestations", attestations)
            $0.member("coding", coding)
            $0.member("bytes", bytes)
            $0.member("signature", signature)
        }
        return writer.bytes
    }

    package init(line: [UInt8]) throws(Bundle.Problem) {
        guard let json = try? JSON(line), let page = Bundle.count(json["page"], 1...(.max >> 1)),
            let to = Bundle.position(json["to"]), let events = Bundle.count(json["events"], 0...Int64(Limits.pageEvents)),
            let attestations = Bundle.count(json["attestations"], 0...Int64(Limits.attestationsPerPage)),
            let coding = json["coding"]?.string, coding.utf8.count <= Limits.peerNameLength,
            let bytes = Bundle.count(json["bytes"], 1...(.max >> 1)), let signature = Bundle.signature(json["signature"])
        else { throw .malformed }
        guard bytes <= Int64(Limits.bundlePageBytes) else { throw .tooLong }
        self.init(
            page: Int(page), to: to, events: Int(events), attestations: Int(attestations), coding: coding,
            bytes: Int(bytes), signature: signature)
    }
}

extension Bundle.End {
    package var json: [UInt8] {
        var writer = JSONWriter()
        writer.object {
            $0.member("pages", pages)
            $0.member("events", events)
            $0.member("log_events", logEvents)
            $0.member("log_digest", logDigest)
            $0.member("signature", signature)
        }
        return writer.bytes
    }

    package init(line: [UInt8]) throws(Bundle.Problem) {
        guard let json = try? JSON(line), let pages = Bundle.count(json["pages"], 0...(.max >> 1)),
            let events = Bundle.count(json["events"], 0...(.max >> 1)),
            let logEvents = Bundle.count(json["log_events"], 0...(.max >> 1)),
            let digest = json["log_digest"]?.string.flatMap({ Digest(hex: $0) }),
            let signature = Bundle.signature(json["signature"])
        else { throw .malformed }
        self.init(
            pages: Int(pages), events: events, logEvents: logEvents, logDigest: digest.hex, signature: signature)
    }
}
