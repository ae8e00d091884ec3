import FederationCore
import FederationTestKit

/// 2026-04-07T12:00:00Z.
let noon = WallTime(milliseconds: 1_775_563_200_000)

/// A stand-in that polls another one of the same line.
struct StandInPair {
    // They differ in their first eight characters, by which Noema labels versions.
    static let pullerID = ULID(high: 1 << 40, low: 1)
    static let serverID = ULID(high: 2 << 40, low: 2)

    var puller: NoemaStandIn
    var server: NoemaStandIn

    init(_ rules: NoemaRules, serverSeed: [UInt8]? = nil, serverID: ULID = serverID, hardPin: String? = nil) {
        var pulls = NoemaSettings(rules, name: "puller", id: StandInPair.pullerID)
        pulls.peers = [.init("server", hardPin: hardPin), .init("other")]
        puller = NoemaStandIn(pulls)
        var serves = NoemaSettings(rules, name: "server", id: serverID, seed: 2)
        serves.signingSeed = serverSeed
        server = NoemaStandIn(serves)
    }

    @discardableResult
    mutating func poll(_ peer: String = "server", at now: WallTime = noon) -> StandInStep {
        var server = server
        defer { self.server = server }
        return puller.poll(peer, now: now) { .response(server.respond(to: $0, now: now)) }
    }

    mutating func restartServer(signingSeed: [UInt8]?) {
        var settings = server.settings
        settings.signingSeed = signingSeed
        server.restart(with: settings)
    }

    mutating func restartPuller(hardPin: String) {
        var settings = puller.settings
        settings.peers[0].hardPin = hardPin
        puller.restart(with: settings)
    }
}

/// The seed of a signing key.
func seed(_ number: Int) -> [UInt8] { [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 32) }

/// `01EVENT000…n`, as Noema's own tests name their events.
func eventID(_ number: Int) -> String {
    let digits = String(number)
    return "01EVENT" + String(repeating: "0", count: 19 - digits.count) + digits
}

/// An event of the server's: a create of `20260407-a`, `-b`, … unless said otherwise.
func event(_ number: Int, action: String = "create", data: String? = nil) -> NoemaEvent {
    let letter = String(UnicodeScalar(UInt8(truncatingIfNeeded: 0x60 + number)))
    return NoemaEvent(
        id: eventID(number), action: action, traceID: "20260407-\(letter)", cortexID: StandInPair.serverID.description,
        origin: "server", timestamp: "2026-04-07T12:00:00Z",
        data: Array((data ?? #"{"title":"\#(letter)","type":"note","body":"text \#(letter)"}"#).utf8))
}

/// Two nodes, by the order of their ids.
let alpha = StandInPair.pullerID.description
let beta = StandInPair.serverID.description

/// A node that only replays.
func node(_ rules: NoemaRules, name: String = "puller", id: ULID = StandInPair.pullerID) -> NoemaStandIn {
    NoemaStandIn(NoemaSettings(rules, name: name, id: id))
}

/// An event of a remote node, by default beta's.
func remote(
    _ number: Int, _ action: NoemaAction, _ traceID: String = "20260407-trace", by cortexID: String = beta,
    clock: NoemaClock = [:], data: String? = nil, body: String = "remote text", origin: String = "server"
) -> NoemaEvent {
    let content = #"{"title":"Trace","type":"note","body":"\#(body)"}"#
    return NoemaEvent(
        id: eventID(number), action: action.rawValue, traceID: traceID, cortexID: cortexID, origin: origin,
        timestamp: "2026-04-07T12:00:0\(number % 10)Z",
        data: Array((data ?? (action.isContent ? content : "{}")).utf8), clock: clock)
}

/// What our engine makes of the same events: each read from its JSON, and the record from all of them. Every order of
/// arrival gives the same one, which is checked here.
func ours(_ events: [NoemaEvent], _ subject: String = "20260407-trace") throws -> RecordOutcome {
    let read = try events.map { event throws(EventRefusal) in try Event(json: event.json(as: .go)) }
    let outcome = RecordFunction.record(of: subject, from: read)
    for shift in read.indices {
        let turned = Array(read[shift...] + read[..<shift])
        guard RecordFunction.record(of: subject, from: turned) == outcome,
            RecordFunction.record(of: subject, from: turned.reversed()) == outcome
        else { throw OrderMatters() }
    }
    return outcome
}

struct OrderMatters: Error {}

extension NoemaStandIn {
    /// Replays and gives the failure, if there is one.
    @discardableResult
    mutating func tryReplay(_ event: NoemaEvent, now: WallTime = noon) -> NoemaFailure? {
        do throws(NoemaFailure) {
            try replay(event, now: now)
            return nil
        } catch {
            return error
        }
    }
}
