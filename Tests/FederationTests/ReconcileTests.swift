import FederationCore
import FederationCrypto
import FederationTestKit
import Negentropy
import Testing

@testable import Federation

/// Two logs in memory, one of which compares itself with the other over the native wire.
private struct Pair {
    var ours = MemoryStorage()
    var theirs = MemoryStorage()
    var now = Sample.time(3_600_000)
    var fetches = true
    var theirMode = NodeMode.sync
    var requests: [HTTPRequest] = []
    /// What the peer answers to each message, if that is not what it should be.
    var message: [UInt8]?
    /// Called before each request is answered.
    var meanwhile: (Int, inout Pair) throws -> Void = { _, _ in }

    static let node = LoopedNode.node(1)
    var intake = Intake(IntakePolicy(node: Pair.node.id, sha256: sha256, isOwnSignature: { _, _ in false }))

    init() throws {
        try ours.setMeta(.epoch, "ours")
        try theirs.setMeta(.epoch, "theirs")
    }

    mutating func run() throws -> Result<ExchangeProgress, ExchangeFailure> {
        var exchange: any Exchange = NativeExchange()
        var step = exchange.begin(
            ExchangeContext(
                node: Pair.node, peerName: "peer", pinnedWire: .native, fetches: fetches, pushes: false, cursor: nil,
                position: "e.1.x", interval: .seconds(30), reach: .reconcile, wireValues: [:], now: now, nonce: (1, 2)))
        while true {
            let answer: ExchangeAnswer
            switch step {
            case .request(let request, _):
                try meanwhile(requests.count, &self)
                requests.append(request)
                var node = LoopedNode.node(2)
                node.mode = theirMode
                let context = RouteContext(
                    node: node, now: now, nonce: (3, 4), sha256: sha256, peerName: nil, statusText: { _ in "" })
                let reply = try NativeWire().respond(to: ServedRequest(request), context: context, view: theirs)
                var response = reply.response(nil)
                if let message, request.target == "/federation/v1/reconcile" { response.body = message }
                answer = .response(response)
            case .identify: answer = .identityAccepted
            case .take(let page):
                #expect(page.cursor == .none)
                answer = .committed(try intake.take(page, from: "peer", now: now, into: &ours))
            case .reconcile(let question): answer = .reconciled(try LogReconciliation.answer(question, in: ours))
            case .finished(let progress): return .success(progress)
            case .failed(let failure): return .failure(failure)
            case .keep, .outbox, .sign: preconditionFailure("not asked for in a comparison")
            }
            step = exchange.resume(answer, now: now)
        }
    }

    mutating func compared() throws -> ReconcileReport {
        try #require(try run().get().reconciliation)
    }

    var digests: Set<Digest> { Pair.digests(of: ours) }
    static func digests(of log: MemoryStorage) -> Set<Digest> {
        Set(log.items(from: .first, below: nil, limit: .max).map(\.digest))
    }
}

private func note(_ number: Int, origin: UInt64 = 2) -> Event {
    Sample.event(
        Sample.id(Int64(number * 37 % 1009), salt: UInt64(number)), "create", "note-\(number)", origin: origin,
        clock: [origin: UInt64(number + 1)])
}

@Suite struct ReconcileTests {
    /// Whatever it is told, the whole differs: an honest comparison needs some hundreds of messages at most.
    @Test func aPeerThatFindsDifferencesForEverIsLeft() throws {
        var pair = try Pair()
        _ = try pair.ours.append(Sample.entry(note(1)))
        _ = try pair.theirs.append(Sample.entry(note(2)))
        pair.message = [0x61, 0x00, 0x00, 0x01] + [UInt8](repeating: 0xA5, count: 16)
        #expect(try pair.run() == .failure(.malformed(.noProgress)))
        #expect(pair.requests.count == Limits.reconcileRounds + 2)
    }

    @Test func equalLogsNeedOneQuestionAndAreProvenEqual() throws {
        var pair = try Pair()
        for number in 0..<200 {
            _ = try pair.ours.append(Sample.entry(note(number)))
            _ = try pair.theirs.append(Sample.entry(note(199 - number)))
        }
        let report = try pair.compared()
        #expect(report.isEqual && report.ours.all.count == 200)
        #expect(pair.requests.map(\.method) == [.get, .get])
        #expect(report.ours.origins == report.theirs.origins)
        #expect(report.ours.origins?.count == 1)
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func whatIsMissingHereIsFoundAndFetched(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var pair = try Pair()
        var missing = 0
        var extra = 0
        let count = [0, 1, 40, 900, 2500, 300][Int(seed) - 1]
        let share = [0.0, 1, 0.5, 0.02, 0.9, 0.1][Int(seed) - 1]
        for number in 0..<count {
            let entry = try Sample.entry(note(number))
            let place = random.chance(share) ? random.below(2) : 2
            if place != 0 { _ = try pair.ours.append(entry) } else { missing += 1 }
            if place != 1 { _ = try pair.theirs.append(entry) } else { extra += 1 }
        }
        let report = try pair.compared()
        #expect(report.fetched == missing)
        #expect(report.missingHereCount == 0 && report.asideCount == 0)
        #expect(report.missingThereCount == extra && report.missingThere.count == extra)
        #expect(report.isEqual == (extra == 0))
        #expect(pair.digests.isSuperset(of: Pair.digests(of: pair.theirs)))
        #expect(Set(report.missingThere.map(\.digest)) == pair.digests.subtracting(Pair.digests(of: pair.theirs)))
    }

    @Test func refusedEventsAreNamedApartAndAskedForOnce() throws {
        var pair = try Pair()
        for number in 0..<50 {
            _ = try pair.ours.append(Sample.entry(note(number)))
            _ = try pair.theirs.append(Sample.entry(note(number)))
        }
        // The peer has an event in our own name, which we never signed; no check of ours lets it in.
        let forged = note(60, origin: 1)
        _ = try pair.theirs.append(Sample.entry(forged))
        let report = try pair.compared()
        #expect(!report.isEqual && report.fetched == 0 && report.missingHereCount == 0)
        #expect(report.aside.map(\.code) == [EventRefusal.forgedOwnOrigin.code])
        #expect(report.aside.first?.eventID == forged.id.description)
        let posts = pair.requests.count { $0.target == NativeRoutes.eventsPath }
        #expect(posts == 1)

        pair.requests = []
        let again = try pair.compared()
        #expect(again.aside == report.aside && !again.isEqual)
        #expect(!pair.requests.contains { $0.target == NativeRoutes.eventsPath })
    }

    @Test func aModeThatFetchesNothingStillCompares() throws {
        var pair = try Pair()
        pair.fetches = false
        for number in 0..<5 { _ = try pair.theirs.append(Sample.entry(note(number))) }
        let report = try pair.compared()
        #expect(report.missingHereCount == 5 && report.fetched == 0 && pair.digests.isEmpty)
        #expect(!pair.requests.contains { $0.target == NativeRoutes.eventsPath })
    }

    @Test func aPeerThatServesNothingIsNotAskedAndDoesNotAnswer() throws {
        var pair = try Pair()
        pair.theirMode = .subscribe
        let progress = try pair.run().get()
        #expect(progress.reconciliation == nil && pair.requests.count == 1)
        for (method, path) in [("GET", "digest"), ("POST", "reconcile"), ("POST", "events")] {
            let node = try LoopedNode(NativeWire(), mode: .subscribe)
            let request = ServedRequest(method: method, path: "/federation/v1/" + path)
            #expect(try node.reply(to: request).response(nil).status == 403)
        }
    }

    /// Both logs are written to while they are compared: what is new lies after the moment of the comparison.
    @Test func logsThatAreWrittenToAreComparedAtAMoment() throws {
        var pair = try Pair()
        for number in 0..<300 {
            if number % 50 != 0 { _ = try pair.ours.append(Sample.entry(note(number))) }
            _ = try pair.theirs.append(Sample.entry(note(number)))
        }
        pair.meanwhile = { request, pair in
            for side in UInt64(0)...1 {
                let id = Sample.id(3_600_000 + Int64(request), salt: side)
                let entry = try Sample.entry(Sample.event(id, "create", "new-\(request)-\(side)", origin: 3 + side))
                _ = side == 0 ? try pair.ours.append(entry) : try pair.theirs.append(entry)
            }
        }
        let report = try pair.compared()
        #expect(report.isEqual)
        #expect(report.ours.all.count == 300)
        #expect(report.fetched >= 6)
        #expect(report.missingThereCount == 0)
    }

    /// A stub is the item that its event was, and a variant that both do not share is found.
    @Test func stubsCountAsTheirEventsAndVariantsAreFound() throws {
        var pair = try Pair()
        for number in 0..<40 {
            let event = note(number)
            _ = try pair.ours.append(Sample.entry(event))
            _ = try pair.theirs.append(Sample.entry(number % 2 == 0 ? event.stubbed() : event))
        }
        #expect(try pair.compared().isEqual)
        let variant = try Sample.entry(Sample.event(note(7).id, "create", "note-7", origin: 2, clock: [2: 8], body: "other"))
        _ = try pair.theirs.replace(with: variant, counted: false)
        let report = try pair.compared()
        // One of the two wins everywhere: it came here, or the peer is to take ours.
        let wins = pair.ours.event(variant.event.id)?.digest == variant.fingerprint.digest
        #expect(report.isEqual == wins)
        #expect(report.fetched == (wins ? 1 : 0))
        #expect(report.asideCount == (wins ? 0 : 1))
    }

    // MARK: Routes

    private func post(
        _ path: String, _ body: [UInt8], type: String, to log: MemoryStorage
    ) throws -> HTTPResponse {
        var node = try LoopedNode(NativeWire())
        let epoch = node.log.meta(.epoch)
        node.log = log
        try node.log.setMeta(.epoch, epoch)
        let request = ServedRequest(
            method: "POST", path: "/federation/v1/" + path, fields: ["Content-Type": type], body: body)
        return try node.reply(to: request).response(nil)
    }

    @Test func messagesMayBeWrittenByHand() throws {
        var log = MemoryStorage()
        _ = try log.append(Sample.entry(note(1)))
        let answer = try post("reconcile", Array("6100000200".utf8), type: "text/plain", to: log)
        #expect(answer.status == 200)
        let item = try #require(log.items(from: .first, below: nil, limit: 1).first)
        #expect(String(decoding: answer.body, as: UTF8.self) == "6100000201" + item.digest.hex)
        let bytes = try post("reconcile", [0x61, 0, 0, 2, 0], type: "application/octet-stream", to: log)
        #expect(hexadecimal(bytes.body) == String(decoding: answer.body, as: UTF8.self))
    }

    @Test func whatIsNoMessageIsRefused() throws {
        let log = MemoryStorage()
        func status(_ path: String, _ body: [UInt8], _ type: String) throws -> Int {
            try post(path, body, type: type, to: log).status
        }
        let binary = "application/octet-stream"
        #expect(try status("reconcile", [0x61], "application/json") == 415)
        #expect(try status("reconcile", [], binary) == 400)
        #expect(try status("reconcile", [0x51], binary) == 400)
        #expect(try status("reconcile", [0x61, 0, 0, 9], binary) == 400)
        #expect(try status("reconcile", Array("61zz".utf8), "text/plain") == 400)
        #expect(try status("reconcile", Array("610".utf8), "text/plain") == 400)
        #expect(try status("reconcile", Array("610٣".utf8), "text/plain") == 400)
        let long = [UInt8](repeating: 0x61, count: Limits.reconcileMessageBytes + 1)
        #expect(try status("reconcile", long, binary) == 413)
        #expect(try status("events", Array("[]".utf8), "application/json") == 400)
        #expect(try status("events", Array(#"{"items":[{"from":2,"through":1,"digests":[]}]}"#.utf8), "application/json") == 400)
        #expect(try status("events", Array(#"{"items":[{"from":1,"through":2,"digests":["xy"]}]}"#.utf8), "application/json") == 400)
        #expect(try status("events", Array(#"{"items":[]}"#.utf8), "application/json") == 200)
        let many = (0...Limits.eventsByDigest).map { NeededItem(digest: sha256([UInt8($0 % 256)]), times: 0...UInt64.max) }
        #expect(try status("events", NeededGroups(many).json, "application/json") == 400)
    }

    /// Five bytes draw at most one frame.
    @Test func aShortMessageDrawsABoundedAnswer() throws {
        var log = MemoryStorage()
        for number in 0..<4000 { _ = try log.append(Sample.entry(note(number))) }
        let answer = try post("reconcile", [0x61, 0, 0, 2, 0], type: "application/octet-stream", to: log)
        #expect(answer.status == 200)
        #expect(answer.body.count <= Limits.reconcileFrameBytes)
        #expect(answer.body.count > Limits.reconcileFrameBytes / 2)
    }

    @Test func digestsAreAskedForByAMoment() throws {
        var node = try LoopedNode(NativeWire(), holding: (0..<10).map { note($0) })
        func digests(_ before: String) throws -> HTTPResponse {
            try node.reply(to: 
                ServedRequest(method: "GET", path: "/federation/v1/digest", query: [("before", before)])).response(nil)
        }
        for bad in ["", "x", "-1", "9223372036854775808"] { #expect(try digests(bad).status == 400) }
        let early = try LogDigests(json: digests("0").body)
        #expect(early.all.count == 0 && early.origins?.isEmpty == true)
        let now = try LogDigests(json: digests("\(Sample.time(10_000).milliseconds)").body)
        #expect(now.all.count == 10)
        #expect(now.origins?.first?.digest == now.all)
        try node.add(Sample.event(Sample.id(5000), origin: 5))
        #expect(try LogDigests(json: digests("\(Sample.time(4000).milliseconds)").body).origins == now.origins)
    }

    // MARK: The view of the log as a set

    /// The adapter answers as a sealed array of the same items does.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func theViewIsThePlainSortedArray(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var log = MemoryStorage()
        for number in 0..<[0, 7, 333][Int(seed) - 1] { _ = try log.append(Sample.entry(note(number))) }
        let plain = log.items(from: .first, below: nil, limit: .max).map(Item.init)
        let sealed = try SealedStore(plain)
        let view = try LogItemStore(log)
        #expect(view.count == plain.count)
        for _ in 0..<300 {
            let start = random.below(plain.count + 1)
            #expect(view.sum(before: start) == sealed.sum(before: start))
            let floor = Item(
                timestamp: UInt64(Sample.epoch.milliseconds) + UInt64(random.below(1100)),
                id: ItemID([UInt8](repeating: UInt8(random.below(256)), count: 32)) ?? .zero)
            #expect(view.firstIndex(notBelow: floor, from: start) == sealed.firstIndex(notBelow: floor, from: start))
            #expect(view.firstIndex(notBelow: plain.randomElement(using: &random) ?? floor, from: 0) <= plain.count)
            let end = start + random.below(plain.count - start + 1)
            #expect(view.ids(in: start..<end) == sealed.ids(in: start..<end))
            if start < plain.count { #expect(view.item(at: start) == plain[start]) }
        }
        for item in plain { #expect(view.firstIndex(notBelow: item, from: 0) == sealed.firstIndex(notBelow: item, from: 0)) }
        #expect(view.failure == nil)
    }
}
