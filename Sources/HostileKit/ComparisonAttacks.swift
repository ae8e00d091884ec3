import FederationCore

/// Comparisons of logs that lie, or never end.
extension PeerAttack {
    /// - Parameters:
    ///   - digest: the answer to the question for one, given the moment that was asked for.
    ///   - message: the answer to a message of the comparison.
    private static func comparison(
        _ name: String, _ summary: String, _ signs: [Sign],
        digest: (@Sendable (_ before: String, HostileScene) -> String)? = nil,
        message: (@Sendable (HostileScene) -> [UInt8])? = nil,
        events: (@Sendable (HostileScene) -> HTTPResponse)? = nil
    ) -> PeerAttack {
        PeerAttack(name, summary, signs) { request, scene in
            switch (request.method, request.path) {
            case (_, HostileScene.identityPath): return scene.identity(features: #""events","reconcile""#)
            case ("GET", HostileScene.eventsPath): return .response(scene.page())
            case (_, "/federation/v1/digest"):
                let before = request.parameter("before") ?? "0"
                let honest = #"{"before":\#(before),"count":9,"digest":"\#(String(repeating: "5", count: 64))"}"#
                let text = digest?(before, scene) ?? honest
                return .response(HTTPResponse(status: 200, fields: scene.fields(), body: Array(text.utf8)))
            case (_, "/federation/v1/reconcile"):
                let fields = scene.fields(["Content-Type": "application/octet-stream"])
                return .response(HTTPResponse(status: 200, fields: fields, body: message?(scene) ?? [0x61]))
            case (_, HostileScene.eventsPath): return .response(events?(scene) ?? scene.page())
            default: return .response(HTTPResponse(status: 404))
            }
        }
    }

    /// The whole range has a fingerprint that is nobody's.
    private static let otherFingerprint: [UInt8] = [0x61, 0x00, 0x00, 0x01] + [UInt8](repeating: 0xA5, count: 16)

    /// The whole range holds these many items, of which nobody has heard.
    private static func ids(_ count: Int) -> [UInt8] {
        let size: [UInt8] = count < 128 ? [UInt8(count)] : [UInt8(0x80 | count >> 7), UInt8(count & 0x7F)]
        return [0x61, 0x00, 0x00, 0x02] + size + (0..<count).flatMap { number in
            [UInt8(truncatingIfNeeded: number), UInt8(number >> 8)] + [UInt8](repeating: 0x77, count: 30)
        }
    }

    static let comparisons = [
        comparison("digest-of-junk", "Answers with a digest that is none.", [.failsComparison],
            digest: { before, _ in #"{"before":\#(before),"count":-1,"digest":"none"}"# }),
        comparison("digest-of-another-time", "Answers for another moment than was asked for.", [.failsComparison],
            digest: { _, _ in #"{"before":1,"count":1,"digest":"\#(String(repeating: "5", count: 64))"}"# }),
        comparison("comparison-of-noise", "Answers a comparison with random bytes.", [.failsComparison],
            message: { _ in (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) } }),
        comparison("comparison-of-another-version", "Answers a comparison in a version that nobody speaks.", [.failsComparison],
            message: { _ in [0x6F] + [UInt8](repeating: 0, count: 16) }),
        comparison("ranges-out-of-order", "Answers with ranges that go back.", [.failsComparison],
            message: { _ in [0x61, 0x83, 0x74, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00] }),
        comparison("list-without-its-end", "Names 2^63 items and gives three.", [.failsComparison],
            message: { _ in
                [0x61, 0x00, 0x00, 0x02, 0x81] + [UInt8](repeating: 0x80, count: 8) + [0x00] + [UInt8](repeating: 7, count: 96)
            }),
        comparison("comparison-without-end", "Finds a difference for ever.", [.failsComparison], message: { _ in otherFingerprint }),
        comparison("message-too-large", "Answers a comparison with 2 MiB.", [.failsComparison],
            message: { _ in [0x61] + [UInt8](repeating: 0, count: 2 << 20) }),
        comparison("items-that-are-not-there", "Names a thousand events and deals with none.", [.failsComparison],
            message: { _ in ids(1000) },
            events: { $0.page(fields: ["Federation-Dealt": "0"]) }),
        comparison("more-dealt-with-than-asked", "Says it dealt with a million of a thousand events.", [.failsComparison],
            message: { _ in ids(1000) },
            events: { $0.page(fields: ["Federation-Dealt": "1000000"]) }),
        comparison("other-events-than-asked", "Names events, and gives unsigned ones in their place.", [.refuses("unsigned")],
            message: { _ in ids(1) },
            events: { scene in
                var event = scene.node.event(1)
                (event.signature, event.publicKey) = (nil, nil)
                return scene.page([event.text], fields: ["Federation-Dealt": "1"])
            }),
    ]
}
