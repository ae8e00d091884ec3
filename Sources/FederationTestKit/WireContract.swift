package import FederationCore

/// What every wire that pulls promises, one rule a case: its conversation is looped into its own routes, in memory.
///
/// A wire's tests run each rule: `@Test(arguments: WireContract.allCases)`.
package enum WireContract: String, CaseIterable, Sendable {
    // What a poll brings.
    case anEmptyLogGivesNothing
    case everyEventComesOnce
    case theNextPollBringsOnlyWhatIsNew
    case whatArrivesLateComes
    case anAnswerGivenEarlyIsAsGood
    case dataComesByteForByte
    case eventsOfAnyAuthorCome
    case theIdentityComesBeforeEvents
    case aNodeThatFetchesNothingAsksOnlyWhoIsThere
    case aNodeThatServesNothingGivesNoEvents

    // What a broken or hostile server cannot do.
    case aTruncatedAnswerLosesNothing
    case unknownMembersAreIgnored
    case aBadEventSpoilsNoOther
    case aPageOverTheLimitIsRefused
    case aPageGivenTwiceEndsThePoll
    case aTransportFailureEndsThePoll
    case everyStatusEndsThePoll
    case hostileSizesEndThePoll
    case alteredBytesEndThePoll

    // What a broken or hostile client cannot do.
    case garbageGetsAnAnswer
    case alteredRequestsGetAnAnswer
    case noForeignWebPageIsLetIn

    /// A rule that a wire broke, with the place in the contract.
    package struct Violation: Error, CustomStringConvertible {
        package var rule: WireContract
        package var what: String
        package var line: UInt

        package var description: String { "\(rule.rawValue): \(what) (WireContract line \(line))" }
    }

    /// A wire, and what only it can tell of its answers.
    package struct Subject: Sendable {
        package var wire: any Wire
        /// Of an answer that holds a page, the same with more events than are ever asked for; `nil` for any other.
        package var overfull: @Sendable (HTTPResponse) -> HTTPResponse?
        /// Of an answer that holds a page, the same with its first event spoilt; `nil` for any other.
        package var spoilt: @Sendable (HTTPResponse) -> HTTPResponse?

        package init(
            wire: any Wire, overfull: @escaping @Sendable (HTTPResponse) -> HTTPResponse?,
            spoilt: @escaping @Sendable (HTTPResponse) -> HTTPResponse?
        ) {
            self.wire = wire
            self.overfull = overfull
            self.spoilt = spoilt
        }
    }

    /// - Throws: `Violation`, or what the store threw.
    package func check(_ subject: Subject) throws {
        switch self {
        case .anEmptyLogGivesNothing: try emptyLog(subject)
        case .everyEventComesOnce: try everyEvent(subject)
        case .theNextPollBringsOnlyWhatIsNew: try nextPoll(subject)
        case .whatArrivesLateComes: try lateArrival(subject)
        case .anAnswerGivenEarlyIsAsGood: try answersAhead(subject)
        case .dataComesByteForByte: try oddData(subject)
        case .eventsOfAnyAuthorCome: try anyAuthor(subject)
        case .theIdentityComesBeforeEvents: try identityFirst(subject)
        case .aNodeThatFetchesNothingAsksOnlyWhoIsThere: try fetchesNothing(subject)
        case .aNodeThatServesNothingGivesNoEvents: try servesNothing(subject)
        case .aTruncatedAnswerLosesNothing: try truncation(subject)
        case .unknownMembersAreIgnored: try unknownMembers(subject)
        case .aBadEventSpoilsNoOther: try badEvent(subject)
        case .aPageOverTheLimitIsRefused: try overfullPage(subject)
        case .aPageGivenTwiceEndsThePoll: try repeatedPage(subject)
        case .aTransportFailureEndsThePoll: try transportFailures(subject)
        case .everyStatusEndsThePoll: try statuses(subject)
        case .hostileSizesEndThePoll: try hostileSizes(subject)
        case .alteredBytesEndThePoll: try alteredAnswers(subject)
        case .garbageGetsAnAnswer: try garbage(subject)
        case .alteredRequestsGetAnAnswer: try alteredRequests(subject)
        case .noForeignWebPageIsLetIn: try foreignPages(subject)
        }
    }

    func expect(_ holds: Bool, _ what: @autoclosure () -> String, line: UInt = #line) throws {
        guard holds else { throw Violation(rule: self, what: what(), line: line) }
    }
}

// MARK: What a poll brings

extension WireContract {
    /// Creates of different subjects, a second apart, signed by nobody.
    package static func sample(_ count: Int, from start: Int64 = 0) -> [Event] {
        (0..<count).map { index in
            let moment = start + Int64(index) * 1000
            return Sample.event(
                Sample.id(moment), "create", "20260101-note-\(moment)", origin: 9,
                clock: [9: UInt64(moment / 1000) + 1], body: "body \(moment)")
        }
    }

    private func emptyLog(_ subject: Subject) throws {
        let server = try LoopedNode(subject.wire)
        let run = try server.poll()
        try expect(run.items.isEmpty, "it gave events")
        let progress = try? run.ending?.get()
        try expect(progress?.isComplete == true && progress?.wire == subject.wire.name, "\(run.ending as Any)")
        let again = try server.poll(after: run)
        try expect(again.items.isEmpty && again.failure == nil, "\(again.ending as Any)")
    }

    private func everyEvent(_ subject: Subject) throws {
        // More than one page of each wire.
        for count in [1, 99, 100, 101, 250, 1001] {
            let events = WireContract.sample(count)
            let run = try LoopedNode(subject.wire, holding: events).poll()
            try expect(run.failure == nil, "\(count): \(run.ending as Any)")
            try expect(run.events == events, "\(count) events came as \(run.events.count)")
        }
    }

    private func nextPoll(_ subject: Subject) throws {
        let old = WireContract.sample(150)
        var server = try LoopedNode(subject.wire, holding: old)
        let first = try server.poll()
        let idle = try server.poll(after: first)
        try expect(idle.failure == nil && Set(idle.events).isSubset(of: old), "an idle poll: \(idle.ending as Any)")
        let new = WireContract.sample(3, from: 1_000_000)
        for event in new { try server.add(event) }
        server.now = Sample.time(3_600_000 * 24)
        let second = try server.poll(after: idle)
        try expect(Set(second.events).subtracting(old) == Set(new), "what is new did not come")
        try expect(second.cursor.map { $0 >= first.cursor ?? .min } ?? true, "the cursor moved back")
    }

    private func lateArrival(_ subject: Subject) throws {
        var server = try LoopedNode(subject.wire, holding: WireContract.sample(2, from: 900_000))
        let first = try server.poll()
        let late = Sample.event(Sample.id(600_000), "create", "20260101-late", origin: 3, clock: [3: 1])
        try server.add(late)
        let second = try server.poll(after: first)
        try expect(second.events.contains(late), "an event five minutes older than the cursor did not come")
    }

    /// A host that sends what is to come ahead, while the log grows.
    private func answersAhead(_ subject: Subject) throws {
        let events = WireContract.sample(1500)
        for depth in [4] {
            // All of the samples are of the past.
            var server = try LoopedNode(
                subject.wire, now: Sample.time(3_600_000 * 24), holding: Array(events.prefix(1100)))
            var written = 1100
            let context = LoopedNode.context(now: server.now)
            let run = try WireRun(subject.wire.exchange(), context, ahead: depth) { _, request in
                let response = try server.respond(to: request)
                for event in events[written...].prefix(50) { try server.add(event) }
                written = min(written + 50, events.count)
                return .response(response)
            }
            let count = run.events.count
            try expect(run.failure == nil && count >= 1100, "\(depth) ahead: \(count) events, \(run.ending as Any)")
            try expect(run.events == Array(events.prefix(count)), "\(depth) ahead: not in order, or one twice")
            let rest = try server.poll(after: run, ahead: depth)
            let all = Set(run.events + rest.events).count
            try expect(all == written, "\(depth) ahead: \(all) of \(written) events")
        }
    }

    private func oddData(_ subject: Subject) throws {
        let bodies = [
            #"{"title":"a \u003c b \u0026 c","type":"note","body":"<>&\u2028"}"#,
            #"{ "title" : "spaced" , "type":"note","body":"tab\t and \\ and \" and \/" }"#,
            #"{"title":"Grüße 你好 👋","type":"note","body":"\ud83d\udc4b","x":[1.50,1e2,-0,12345678901234567890]}"#,
            #"{"title":"unknown","type":"note","body":"","deep":[[[[{"a":null,"b":[true,false]}]]]]}"#,
        ]
        let events = bodies.enumerated().map { index, data in
            Sample.event(
                Sample.id(Int64(index)), "create", "20260101-odd-\(index)", origin: 9, clock: [9: UInt64(index) + 1],
                data: Array(data.utf8), signature: "ed25519:c2ln")
        }
        let run = try LoopedNode(subject.wire, holding: events).poll()
        try expect(run.events.map(\.data) == events.map(\.data), "data was altered")
        try expect(run.events == events, "an event was altered")
        for case .event(let event, let bytes) in run.items { try expect(event.json == bytes, "it was written anew") }
    }

    private func anyAuthor(_ subject: Subject) throws {
        // Its own, a third node's, and one that names the puller: whose they are is the host's to judge.
        let events = [9, 3, 8].enumerated().map { index, origin in
            Sample.event(Sample.id(Int64(index)), "create", "20260101-of-\(origin)", origin: origin, clock: [origin: 7])
        }
        let run = try LoopedNode(subject.wire, holding: events).poll()
        try expect(run.events == events, "\(run.events.map(\.origin))")
    }

    private func identityFirst(_ subject: Subject) throws {
        let server = try LoopedNode(subject.wire, holding: WireContract.sample(120))
        let first = try server.poll()
        for run in [first, try server.poll(after: first)] {
            try expect(!run.tookBeforeIdentity && run.identities.count == 1, "\(run.identities.count) identities")
            let peer = run.identities.first
            try expect(peer?.id == server.node.id && peer?.name == server.node.name, "\(peer as Any)")
            try expect(peer?.mode == .sync && peer?.publicKey == server.node.publicKey, "\(peer as Any)")
            try expect(peer?.version == server.node.version && peer?.wire == subject.wire.name, "\(peer as Any)")
        }
    }

    private func fetchesNothing(_ subject: Subject) throws {
        let server = try LoopedNode(subject.wire, holding: WireContract.sample(3))
        let run = try server.poll(fetches: false)
        try expect(run.identities.count == 1 && run.pages.isEmpty && run.failure == nil, "\(run.ending as Any)")
    }

    private func servesNothing(_ subject: Subject) throws {
        var server = try LoopedNode(subject.wire, holding: WireContract.sample(3))
        let before = try server.poll()
        server.node.mode = .subscribe
        for last in [nil, before] {
            let run = try server.poll(after: last)
            try expect(run.pages.isEmpty && run.failure == .peerServesNothing, "\(run.ending as Any)")
            try expect(run.identities.count == 1, "its identity is known all the same")
        }
    }
}
