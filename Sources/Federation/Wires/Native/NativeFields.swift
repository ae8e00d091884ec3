import FederationCore

/// The header fields of the native wire.
enum NativeField {
    /// In a request, who asks; in an answer, who answers: a ULID.
    static let node = "Federation-Node"
    /// In a request: see `HostMark`.
    static let host = "Federation-Host"
    /// The display name, percent-encoded.
    static let name = "Federation-Name"
    static let version = "Federation-Version"
    static let mode = "Federation-Mode"
    static let publicKey = "Federation-Key"
    /// The highest number of the asking node's own events that the answering one holds.
    static let held = "Federation-Held"
    /// The position after the last event of the answer.
    static let position = "Federation-Position"
    /// The position after the last event of the log.
    static let head = "Federation-Head"
    /// `true` if the log goes on after the last event of the answer.
    static let more = "Federation-More"
    /// What follows the last event of the answer: how many events, their bytes, and the id of the oldest.
    static let rest = "Federation-Rest"
    /// Positions ahead of the end of the answer, separated by spaces.
    static let marks = "Federation-Marks"
    /// How many events the answer holds: a body that was cut off between two lines is noticed by it.
    static let count = "Federation-Count"
    /// How many lines behind the events are attestations, and the last row of them that the answer has dealt with.
    static let attestations = "Federation-Attestations"
    static let attested = "Federation-Attested"
    /// What the answering node can do, as `/identity` lists it, with spaces between.
    static let features = "Federation-Features"
    /// How many of the digests that were asked for are dealt with, whether or not their events are here.
    static let dealt = "Federation-Dealt"
    /// Of events asked for by number, the number to go on with.
    static let next = "Federation-Next"
    /// In an answer, the position of the asking node's log that the answering one holds, which waits for what follows.
    static let wants = "Federation-Wants"
    /// The position that a pushed page begins at.
    static let from = "Federation-From"
    /// With a pushed page: the last changes of the pushing node's key.
    static let successions = "Federation-Successions"
    /// Who pushes a page, proved.
    static let signature = "Federation-Signature"
}

/// What a native node says of itself, in the fields of every answer and in the body of `/identity`.
struct NativeGreeting {
    static let reconcileFeature = "reconcile"
    static let features = [
        "events", "ids", "zstd", "marks", "wait", reconcileFeature, NativeNumbers.feature, NativePush.feature,
        NativeAttestations.feature,
    ]

    var node: NodeIdentity
    /// The end of the log, in an answer.
    var head: NativePosition?
    /// Where the asking node named itself.
    var held: UInt64?
    /// The changes of this node's key.
    var successions: [Attestation] = []
    /// What the asking node is to push, where it has to: a position of its log, or `NativePush.beginning`.
    var wants: String?

    var fields: HTTPFields {
        var fields: HTTPFields = [:]
        fields[NativeField.node] = node.id.description
        fields[NativeField.name] = percentEncoded(node.name)
        fields[NativeField.version] = PeerHealth.safeVersion(node.version)
        fields[NativeField.mode] = node.mode.rawValue
        fields[NativeField.publicKey] = node.publicKey
        fields[NativeField.held] = held.map(String.init)
        fields[NativeField.head] = head?.text
        fields[NativeField.wants] = wants
        fields[NativeField.features] = NativeGreeting.features.joined(separator: " ")
        return fields
    }

    var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("id", node.id.description)
            writer.member("name", node.name)
            writer.member("version", node.version)
            writer.member("mode", node.mode.rawValue)
            if let key = node.publicKey { writer.member("pubkey", key) }
            writer.member("features", NativeGreeting.features)
            if let head { writer.member("head", head.text) }
            if let held { writer.member("held", held) }
            if !successions.isEmpty {
                writer.key("successions")
                writer.array { writer in for each in successions { writer.raw(each.json) } }
            }
            if let wants { writer.member("wants", wants) }
        }
        return writer.bytes
    }
}

/// Reading the same on the other side.
enum NativePeer {
    static func identity(fields: HTTPFields) throws(ExchangeFailure) -> PeerIdentity {
        try identity(
            id: fields[NativeField.node], name: fields[NativeField.name].map(percentDecoded),
            version: fields[NativeField.version], mode: fields[NativeField.mode], key: fields[NativeField.publicKey],
            held: fields[NativeField.held].flatMap { UInt64($0) }, wants: fields[NativeField.wants])
    }

    static func identity(body: [UInt8]) throws(ExchangeFailure) -> PeerIdentity {
        let json: JSON
        do { json = try JSON(body) } catch { throw .malformed(.notJSON(error)) }
        var peer = try identity(
            id: json["id"]?.string, name: json["name"]?.string, version: json["version"]?.string,
            mode: json["mode"]?.string, key: json["pubkey"]?.string, held: json["held"]?.unsigned,
            wants: json["wants"]?.string)
        let successions = (json["successions"]?.array ?? []).prefix(Limits.successions)
        peer.successions = successions.compactMap { Attestation($0) }.filter { $0.origin == peer.id && $0.next != nil }
        return peer
    }

    private static func identity(
        id: String?, name: String?, version: String?, mode: String?, key: String?, held: UInt64?, wants: String?
    ) throws(ExchangeFailure) -> PeerIdentity {
        guard let id = ULID(id ?? "") else { throw .identityMissing }
        let key = key ?? ""
        return PeerIdentity(
            id: id, name: NoemaIdentity.short(name ?? ""), version: PeerHealth.safeVersion(version ?? ""),
            wire: .native, mode: mode.flatMap { NodeMode(rawValue: $0) },
            publicKey: key.isEmpty || key.utf8.count > Limits.eventTextBytes ? nil : key,
            heldOfOurs: held.flatMap { $0 < Limits.counter ? $0 : nil },
            wants: wants.flatMap { $0.isHeaderToken && $0.utf8.count <= Limits.positionLength ? $0 : nil }.map {
                PushOffer(node: id, position: NativePush.position($0))
            })
    }
}

/// Everything but the unreserved characters of RFC 3986 as `%XX`: fit for a query and for a header.
func percentEncoded(_ text: String) -> String {
    var bytes: [UInt8] = []
    for byte in text.utf8 {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: bytes.append(byte)
        default: bytes.append(contentsOf: "%\(hexadecimal([byte]).uppercased())".utf8)
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// Reads `percentEncoded`; a `%` that begins no escape stands for itself.
func percentDecoded(_ text: String) -> String {
    let source = Array(text.utf8)
    var bytes: [UInt8] = []
    var index = 0
    while index < source.count {
        if source[index] == 0x25, index + 2 < source.count, let high = UInt8(digit: source[index + 1]),
            let low = UInt8(digit: source[index + 2])
        {
            bytes.append(high << 4 | low)
            index += 3
        } else {
            bytes.append(source[index])
            index += 1
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}
