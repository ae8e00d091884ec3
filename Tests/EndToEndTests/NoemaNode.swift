import FederationCore
import FederationHTTP
import FederationTestKit
import Glibc
import Synchronization

/// A stock Noema node, as the specification describes its line, behind a real server and with a real client.
final class NoemaNode: Sendable {
    private let standIn: Mutex<NoemaStandIn>
    private let server: Mutex<FakePeer?> = Mutex(nil)
    private let client = CurlClient()
    let rules: NoemaRules

    /// - Parameters:
    ///   - peers: the names by which it polls others.
    ///   - signingSeed: the byte that its key is made of; `nil` signs nothing.
    ///   - verify: what it does about the signatures of others.
    init(
        _ rules: NoemaRules, id: String, peers: [String] = [], signingSeed: UInt8? = nil,
        verify: NoemaVerifyMode = .off
    ) throws {
        self.rules = rules
        let identity = ULID(id) ?? ULID(floorOf: NoemaNode.now)
        var settings = NoemaSettings(
            rules, name: rules.rawValue, id: identity, peers: peers.map { NoemaSettings.Peer($0) },
            seed: UInt64(rules.rawValue.utf8.count))
        settings.signingSeed = signingSeed.map { [UInt8](repeating: $0, count: 32) }
        settings.verify = verify
        standIn = Mutex(NoemaStandIn(settings))
        let peer = try FakePeer { [weak self] request in
            self?.standIn.withLock { $0.respond(to: request, now: NoemaNode.now) } ?? HTTPResponse(status: 503)
        }
        server.withLock { $0 = peer }
    }

    deinit { client.close() }

    var endpoint: String { server.withLock { $0?.endpoint ?? "" } }
    var id: String { standIn.withLock { $0.id } }
    var events: [NoemaEvent] { standIn.withLock { $0.events } }

    /// An event's `data` as a node of this line puts it on the wire.
    func served(_ data: [UInt8]) -> String { String(decoding: rules.relayed(data), as: UTF8.self) }

    /// It starts again with another key.
    func rotateKey(to seed: UInt8) {
        standIn.withLock { node in
            var settings = node.settings
            settings.signingSeed = [UInt8](repeating: seed, count: 32)
            node.restart(with: settings)
        }
    }

    func change<Value: Sendable>(_ body: (inout NoemaStandIn, WallTime) throws -> Value) rethrows -> Value {
        try standIn.withLock { try body(&$0, NoemaNode.now) }
    }

    /// One poll, as its worker would do it.
    func poll(_ peer: String, at endpoint: String) async -> StandInStep {
        var step = standIn.withLock { $0.beginPoll(of: peer, now: NoemaNode.now) }
        while case .request(let request) = step {
            let answer: StandInAnswer
            do throws(TransportFailure) {
                answer = .response(try await client.perform(request, endpoint: endpoint).response)
            } catch {
                answer = .transport(error)
            }
            step = standIn.withLock { $0.resume(answer, of: peer, now: NoemaNode.now) }
        }
        return step
    }

    private static var now: WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}
